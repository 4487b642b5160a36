"""One at a time, in the order of coming, and stoppable."""

from __future__ import annotations

import contextlib
import threading

import pytest

from lightning_modules.demo.turns import BusyError, StoppedError, Turns


def in_thread(action):
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread


def until(condition):
    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    pytest.fail("it never came to be")


def test_one_at_a_time_and_in_order():
    turns, order, running = Turns(), [], []

    def wanted(ticket):
        def run():
            with turns.take(ticket):
                running.append(ticket)
                assert len(running) == 1
                order.append(ticket)
                running.remove(ticket)

        return run

    with turns.take("first"):
        threads = []
        for place, ticket in enumerate("abc"):
            threads.append(in_thread(wanted(ticket)))
            until(lambda: turns.progress(ticket)["before"] == place + 1)  # noqa: B023
    for thread in threads:
        thread.join(5)
    assert order == ["a", "b", "c"]


def test_progress_of_parts():
    turns = Turns()
    with turns.take("x") as turn:
        assert turns.progress("x") == {"known": True, "before": 0, "done": 0, "total": 0}
        turn.part(1, 3)(2, 4)
        assert turns.progress("x") == {"known": True, "before": 0, "done": 6, "total": 12}
    assert not turns.progress("x")["known"]


def test_what_runs_is_stopped_at_its_next_step():
    turns = Turns()
    reached = []

    def run():
        with turns.take("x") as turn:
            turn.advance(1, 9)
            reached.append(turns.stop("x"))
            turn.advance(2, 9)
            reached.append("beyond")

    with pytest.raises(StoppedError):
        run()
    assert reached == [True]
    with turns.take("y"):
        pass
    assert not turns.stop("x")


def test_what_waits_is_stopped_where_it_waits():
    turns, found = Turns(), []

    def run():
        try:
            with turns.take("waits"):
                found.append("ran")
        except StoppedError:
            found.append("stopped")

    with turns.take("runs"):
        thread = in_thread(run)
        until(lambda: turns.progress("waits")["known"])
        turns.stop("waits")
        thread.join(5)
        assert found == ["stopped"]


def test_too_many_are_sent_away():
    turns = Turns(most_waiting=1)

    def wait():
        with contextlib.suppress(StoppedError), turns.take("waits"):
            pass

    with turns.take("runs"):
        thread = in_thread(wait)
        until(lambda: turns.progress("waits")["known"])
        with pytest.raises(BusyError, match="Try again"), turns.take("third"):
            pass
        turns.stop("waits")
    thread.join(5)


def test_after_the_end_nothing_begins():
    turns = Turns()
    turns.close()
    with pytest.raises(StoppedError), turns.take("x"):
        pass
