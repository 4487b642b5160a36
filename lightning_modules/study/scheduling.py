"""Do tasks in the order that their needs allow, several at once; one that fails takes with it only what needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from lightning_modules.cli.errors import UserError
from lightning_modules.study.processes import BusyError, ProcessError, Slot, StoppedError

Kind = Literal["done", "there", "failed", "left out", "stopped"]
_PAUSE_S = 2.0


@dataclass(frozen=True)
class Task:
    """Something to do.

    Attributes:
        key: What it is called.
        needs: Keys of what must be well before.
        work: Does it; gives whether there was anything to do.
    """

    key: str
    needs: tuple[str, ...]
    work: Callable[[Slot], bool]


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        kind: What.
        reason: Why, where it is not well.
    """

    kind: Kind
    reason: str = ""

    @property
    def is_well(self) -> bool:
        """Whether what needs it can go on."""
        return self.kind in ("done", "there")


class Schedule:
    """Tasks, and what became of them.

    Args:
        tasks: In the order in which they are begun where their needs allow.
        slots: Where; one thread works for each.
        tell: Is told of each outcome.
    """

    def __init__(self, tasks: Sequence[Task], *, slots: Sequence[Slot], tell: Callable[[str, Outcome], None]) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._waiting = {task.key: task for task in tasks}
        self._not_before: dict[str, float] = {}
        self._slots = slots
        self._tell = tell
        self._changed = threading.Condition()

    def run(self) -> dict[str, Outcome]:
        """Do everything; give what became of it."""
        threads = [threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in self._slots]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # signals reach the main thread between two waits
                thread.join(0.2)
        return self.outcomes

    def _serve(self, slot: Slot) -> None:
        while True:
            with self._changed:
                self._leave_out()
                task = self._next()
                if task is None:
                    if not self._waiting:
                        return
                    self._changed.wait(_PAUSE_S)
                    continue
                del self._waiting[task.key]
            outcome = self._outcome(task, slot)
            with self._changed:
                if outcome is None:
                    self._not_before[task.key] = time.monotonic() + _PAUSE_S
                    self._waiting[task.key] = task
                else:
                    self._settle(task.key, outcome)

    def _next(self) -> Task | None:
        now = time.monotonic()
        for task in self._waiting.values():
            is_free = self._not_before.get(task.key, 0.0) <= now
            if is_free and all(need in self.outcomes for need in task.needs):
                return task
        return None

    def _leave_out(self) -> None:
        for task in list(self._waiting.values()):
            for need in task.needs:
                if need in self.outcomes and not self.outcomes[need].is_well:
                    kind: Kind = "stopped" if self.outcomes[need].kind == "stopped" else "left out"
                    del self._waiting[task.key]
                    self._settle(task.key, Outcome(kind, f"it needs {need}"))
                    break

    def _settle(self, key: str, outcome: Outcome) -> None:
        self.outcomes[key] = outcome
        self._tell(key, outcome)
        self._changed.notify_all()

    def _outcome(self, task: Task, slot: Slot) -> Outcome | None:
        """None where another process is at it."""
        try:
            return Outcome("done" if task.work(slot) else "there")
        except BusyError:
            return None
        except StoppedError:
            return Outcome("stopped")
        except (ProcessError, UserError, OSError) as error:
            return Outcome("failed", str(error))
        except Exception as error:  # a bug of one task must not leave the others waiting for ever
            return Outcome("failed", f"{type(error).__name__}: {error}")
