"""Processes of a study: each with its log, its share of the machine and its lock, stopped together with the study."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lightning_modules.cli.classes import PROJECT
from lightning_modules.cli.config_files import shown

_PATIENCE_S = 120.0
"""How long a process may take to save and end before it is killed."""
_NUM_LINES = 3


class ProcessError(Exception):
    """A process did not do what it should."""


class BusyError(Exception):
    """Another process of the same study is at it."""


class StoppedError(Exception):
    """The study is to end."""


@dataclass(frozen=True)
class Slot:
    """A place for one process at a time.

    Attributes:
        name: The device in words; empty where the configs decide.
        device: ``cpu``, the number of a GPU, or None.
        num_threads: Threads that its processes get; None leaves what the environment says.
    """

    name: str
    device: str | None
    num_threads: int | None

    @property
    def environment(self) -> dict[str, str]:
        """What its processes see."""
        own: dict[str, str] = {}
        if self.num_threads is not None:
            own = {"OMP_NUM_THREADS": str(self.num_threads), "MKL_NUM_THREADS": str(self.num_threads)}
        if self.device is not None:
            own["CUDA_VISIBLE_DEVICES"] = "" if self.device == "cpu" else self.device
        return {**os.environ, **own}


def slots(devices: str | None, jobs: int) -> list[Slot]:
    """Share the machine out.

    Args:
        devices: ``cpu`` or numbers of GPUs such as 0,1; None is one device, whichever the configs name.
        jobs: Processes at once on each device.
    """
    names = [None] if devices is None else [each.strip() for each in devices.split(",")]
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = max(1, cpus // (jobs * len(names)))
    threads = None if "OMP_NUM_THREADS" in os.environ else share
    return [Slot(f"device {each}" if each else "", each, threads) for each in names for _ in range(jobs)]


class Processes:
    """Run processes, and end them where the study is to end.

    Args:
        launcher: Words before each command that trains or tests, such as ``srun`` or ``nice -n 19``.
    """

    def __init__(self, launcher: str = "") -> None:
        self.launcher = shlex.split(launcher)
        self.stopped_by: int | None = None
        self._running: set[subprocess.Popen[bytes]] = set()
        self._guard = threading.Lock()

    def run(self, words: list[str], *, slot: Slot, log: Path, held: int, accept: tuple[int, ...] = (0,)) -> float:
        """Run ``python cli.py`` with some words; give the seconds that it took.

        Args:
            words: The words.
            slot: Where.
            log: What it prints is added here.
            held: File descriptor of the lock; the process holds it, too, should it outlive the study.
            accept: Exit codes that are well.

        Raises:
            ProcessError: It failed; the end of its log is told.
            StoppedError: The study is to end.
        """
        self.refuse_if_stopped()
        by_trainer = words[0] in ("fit", "validate", "test", "predict")
        launcher = self.launcher if by_trainer else []
        command = [*launcher, sys.executable, str(PROJECT / "cli.py"), *words]
        if slot.device == "cpu" and by_trainer:
            command += ["--trainer.accelerator", "cpu"]
        log.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with log.open("ab") as stream:
            stream.write(f"$ {shlex.join(command)}\n".encode())
            stream.flush()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=slot.environment,
                pass_fds=(held,),
                start_new_session=True,  # Ctrl-C reaches the study alone, which ends its processes itself
            )
        with self._guard:
            self._running.add(process)
            if self.stopped_by is not None:
                process.terminate()
        try:
            code = process.wait()
        finally:
            with self._guard:
                self._running.discard(process)
        if self.stopped_by is not None and code not in accept:
            raise StoppedError
        if code not in accept:
            message = f"exit code {code}: {_end(log)}\n    Log: {shown(log)}"
            raise ProcessError(message)
        return time.monotonic() - started

    def refuse_if_stopped(self) -> None:
        """Raise where the study is to end.

        Raises:
            StoppedError: It is.
        """
        if self.stopped_by is not None:
            raise StoppedError

    def stop(self, signum: int) -> None:
        """End all processes: they save and end, and are killed where that takes too long or is asked for again."""
        again, self.stopped_by = self.stopped_by is not None, signum
        # no lock here: this is called by a signal, perhaps while the lock is held
        for process in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL) if again else process.terminate()
        if not again:
            timer = threading.Timer(_PATIENCE_S, self.stop, (signum,))
            timer.daemon = True
            timer.start()

    @contextlib.contextmanager
    def stopping(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM end the study in order."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            each: signal.signal(each, lambda number, _: self.stop(number)) for each in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[int]:
    """Hold a lock; the system lets go of it when the last process that holds it ends, however it ends.

    Raises:
        BusyError: Another process holds it.
    """
    import fcntl

    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BusyError from error
        yield descriptor
    finally:
        os.close(descriptor)


def _end(log: Path) -> str:
    """The last line that says what went wrong."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    for place in range(len(lines) - 1, -1, -1):
        if lines[place].startswith("$ "):
            break
        if lines[place].startswith("error: "):
            return " ".join(lines[place : place + _NUM_LINES])
    return lines[-1] if lines and not lines[-1].startswith("$ ") else "it printed nothing"
