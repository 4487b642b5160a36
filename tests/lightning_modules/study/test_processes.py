"""Processes: what they see, how they end, what they hold."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lightning_modules.study import processes
from lightning_modules.study.processes import (
    BusyError,
    ProcessError,
    Processes,
    Slot,
    StoppedError,
    locked,
    slots,
)

PROGRAM = """
import os, signal, sys, time
if sys.argv[1] == "say":
    print("threads", os.environ.get("OMP_NUM_THREADS"), "devices", os.environ.get("CUDA_VISIBLE_DEVICES"), sys.argv[2:])
elif sys.argv[1] == "refuse":
    print("loading")
    print("error: the wheel is square.\\n  From: cart.yaml")
    sys.exit(2)
elif sys.argv[1] == "wait":
    signal.signal(signal.SIGTERM, lambda *_: (print("saved"), sys.exit(143)))
    print("waiting", flush=True)
    time.sleep(60)
elif sys.argv[1] == "fit":
    print("trained", sys.argv[2:])
"""
SLOT = Slot("", None, None)


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "cli.py").write_text(PROGRAM)
    monkeypatch.setattr(processes, "PROJECT", tmp_path)

    def call(runner, *words, slot=SLOT, **options):
        with locked(tmp_path / "lock") as held:
            runner.run(list(words), slot=slot, log=tmp_path / "log.txt", held=held, **options)
        return (tmp_path / "log.txt").read_text()

    return call


def test_a_process_sees_its_share_of_the_machine(run):
    text = run(Processes(), "say", slot=Slot("device 1", "1", 3))
    assert "threads 3 devices 1" in text
    assert text.startswith("$ ")


def test_the_machine_is_shared_out(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    assert [each.num_threads for each in slots(None, 3)] == [4, 4, 4]
    assert [(each.device, each.num_threads) for each in slots("0,1", 2)] == [("0", 3)] * 2 + [("1", 3)] * 2
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # what the user says stays
    assert slots(None, 3)[0].num_threads is None


def test_the_launcher_stands_before_training_only(run, tmp_path):
    launcher = Processes(f"{sys.executable} -c 'import os, sys; os.execv(sys.argv[1], sys.argv[1:])'")
    text = run(launcher, "fit", "--a", "1", slot=Slot("", "cpu", None))
    assert "-c 'import os" in text.splitlines()[0]
    assert "trained ['--a', '1', '--trainer.accelerator', 'cpu']" in text
    assert "-c 'import os" not in run(launcher, "say").splitlines()[-2]


def test_a_failure_tells_the_mistake_and_the_log(run):
    with pytest.raises(ProcessError, match=r"(?s)exit code 2: error: the wheel is square. From: cart.yaml.*log.txt"):
        run(Processes(), "refuse")
    with pytest.raises(ProcessError, match="exit code 2"):
        run(Processes(), "refuse", accept=(0, 143))


def test_a_stop_lets_the_process_save(run, tmp_path):
    runner = Processes()

    def stop():
        while "waiting" not in ((tmp_path / "log.txt").read_text() if (tmp_path / "log.txt").exists() else ""):
            time.sleep(0.01)
        runner.stop(signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(StoppedError):
        run(runner, "wait")
    thread.join()
    assert "saved" in (tmp_path / "log.txt").read_text()
    with pytest.raises(StoppedError):  # and nothing more is started
        run(runner, "say")


def test_a_lock_is_one_process_at_a_time(tmp_path):
    with locked(tmp_path / "lock"), pytest.raises(BusyError), locked(tmp_path / "lock"):
        pass
    with locked(tmp_path / "lock"):
        pass


def test_a_process_that_outlives_its_study_holds_the_lock(tmp_path):
    with locked(tmp_path / "lock") as held:
        orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(held,))
    try:
        with pytest.raises(BusyError), locked(tmp_path / "lock"):
            pass
    finally:
        orphan.kill()
        orphan.wait()
    with locked(tmp_path / "lock"):
        pass
