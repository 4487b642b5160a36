"""Work spread over processes, with results in the order of the work."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class WorkerError(OSError):
    """A process that worked was killed."""


def in_processes(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], *, workers: int
) -> Iterator[Result]:
    """Call a function for each argument, in this process or in several; gives the results in order.

    Args:
        function: Must not depend on anything but its argument; both are sent to other processes.
        arguments: Taken as they are needed, a few ahead.
        workers: How many processes; with 1, the work is done here.

    Raises:
        WorkerError: A process was killed.
    """
    if workers <= 1:
        yield from map(function, arguments)
        return
    # spawned, not forked: a fork of a process with threads can hang
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        try:
            for argument in arguments:
                waiting.append(pool.submit(function, argument))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            message = (
                "dataset: the processes that work must stay alive, but one was killed, perhaps for memory. What was "
                "done is kept: give the same command again, with fewer --workers if memory is short."
            )
            raise WorkerError(message) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # of torch, which warps; each process has a CPU already
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:  # a killed parent can't stop its pool, which would wait for work for ever
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
