"""Tasks in the order of their needs."""

import threading

from lightning_modules.cli.errors import UserError
from lightning_modules.study import scheduling
from lightning_modules.study.processes import BusyError, ProcessError, Slot, StoppedError
from lightning_modules.study.scheduling import Schedule, Task

SLOT = Slot("", None, None)


def tried(tasks, slots=(SLOT,)):
    done = []

    def work(key, what):
        def do(slot):
            done.append(key)
            if isinstance(what, Exception):
                raise what
            return what

        return do

    made = [Task(key, needs, work(key, what)) for key, needs, what in tasks]
    outcomes = Schedule(made, slots=slots, tell=lambda *_: None).run()
    return done, {key: outcome.kind for key, outcome in outcomes.items()}


def test_needs_come_first():
    done, kinds = tried([("b", ("a",), True), ("c", ("b",), False), ("a", (), True)])
    assert done == ["a", "b", "c"]
    assert kinds == {"a": "done", "b": "done", "c": "there"}


def test_a_failure_takes_only_what_needs_it():
    tasks = [("a", (), ProcessError("broken")), ("b", ("a",), True), ("c", ("b",), True), ("d", (), True)]
    done, kinds = tried(tasks)
    assert done == ["a", "d"]
    assert kinds == {"a": "failed", "b": "left out", "c": "left out", "d": "done"}


def test_mistakes_and_bugs_are_failures_too():
    _, kinds = tried([("a", (), UserError("no")), ("b", (), ZeroDivisionError("bug")), ("c", (), True)])
    assert kinds == {"a": "failed", "b": "failed", "c": "done"}


def test_what_is_stopped_is_no_failure():
    _, kinds = tried([("a", (), StoppedError()), ("b", ("a",), True)])
    assert kinds == {"a": "stopped", "b": "stopped"}


def test_what_another_process_does_is_tried_again_later(monkeypatch):
    monkeypatch.setattr(scheduling, "_PAUSE_S", 0.01)
    attempts = []

    def busy_at_first(slot):
        attempts.append("a")
        if len(attempts) < 3:
            raise BusyError
        return False

    def other(slot):
        attempts.append("b")
        return True

    outcomes = Schedule([Task("a", (), busy_at_first), Task("b", (), other)], slots=[SLOT], tell=lambda *_: None).run()
    assert outcomes["a"].kind == "there"
    assert attempts[:2] == ["a", "b"]


def test_several_slots_work_at_once():
    together = threading.Barrier(2, timeout=10)  # breaks if they come one after another

    def meet(slot):
        together.wait()
        return True

    outcomes = Schedule([Task("a", (), meet), Task("b", (), meet)], slots=[SLOT, SLOT], tell=lambda *_: None).run()
    assert {each.kind for each in outcomes.values()} == {"done"}
