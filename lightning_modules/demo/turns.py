"""One synthesis at a time: who waits, how far the one that runs is, and how it is stopped."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MOST_WAITING = 6


class BusyError(RuntimeError):
    """Too many wait already."""


class StoppedError(RuntimeError):
    """The visitor, or the end of the program, stopped it."""


@dataclass
class Turn:
    """A request that waits or runs.

    Attributes:
        ticket: What its visitor calls it.
        done: Passes of the generator that are done.
        total: Passes in all; 0 while it waits.
        stopped: Whether it is to end.
    """

    ticket: str
    done: int = 0
    total: int = 0
    stopped: bool = False

    def advance(self, done: int, total: int) -> None:
        """Note how far it is.

        Raises:
            StoppedError: It is to end here.
        """
        if self.stopped:
            message = "Stopped."
            raise StoppedError(message)
        self.done, self.total = done, total

    def part(self, index: int, count: int) -> Callable[[int, int], None]:
        """Give what a pass over one of several equal parts reports to."""
        return lambda done, total: self.advance(index * total + done, count * total)


class Turns:
    """Let one request run, and the others wait in the order in which they came.

    Args:
        most_waiting: How many may wait.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self.most_waiting = most_waiting
        self._queue: list[Turn] = []  # the first one runs
        self._changed = threading.Condition()
        self._is_open = True

    @contextlib.contextmanager
    def take(self, ticket: str) -> Iterator[Turn]:
        """Wait for the turn of a request.

        Raises:
            BusyError: Too many wait.
            StoppedError: It was stopped while it waited.
        """
        turn = Turn(ticket)
        with self._changed:
            if len(self._queue) > self.most_waiting:
                message = f"{self.most_waiting} others wait for a face already. Try again in a moment."
                raise BusyError(message)
            turn.stopped = not self._is_open
            self._queue.append(turn)
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._queue[0] is turn or turn.stopped)
            turn.advance(0, 0)
            yield turn
        finally:
            with self._changed:
                self._queue.remove(turn)
                self._changed.notify_all()

    def progress(self, ticket: str) -> dict[str, Any]:
        """Say how far a request is: how many are before it, and how much of it is done; nothing of an unknown one."""
        with self._changed:
            for place, turn in enumerate(self._queue):
                if turn.ticket == ticket:
                    return {"known": True, "before": place, "done": turn.done, "total": turn.total}
        return {"known": False, "before": 0, "done": 0, "total": 0}

    def stop(self, ticket: str) -> bool:
        """Stop a request; tells whether there was one."""
        with self._changed:
            found = [turn for turn in self._queue if turn.ticket == ticket]
            for turn in found:
                turn.stopped = True
            self._changed.notify_all()
        return bool(found)

    def close(self) -> None:
        """Stop everything that waits or runs, and let nothing begin."""
        with self._changed:
            self._is_open = False
            for turn in self._queue:
                turn.stopped = True
            self._changed.notify_all()
