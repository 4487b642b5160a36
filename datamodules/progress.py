"""A progress bar for work on data."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(
    description: str, total: int, *, done: int = 0, show: bool | None = None
) -> Iterator[Callable[[int], None]]:
    """Draw a bar with speed and remaining time; gives what is called with the number of things just done.

    Args:
        description: What is being done.
        total: How many things there are.
        done: How many were done before.
        show: Whether to draw; where not given, on a terminal only, so that log files stay readable.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not (console.is_terminal if show is None else show)) as progress:
        task = progress.add_task(description, total=total, completed=done, rate="")

        def advance(count: int) -> None:
            progress.advance(task, count)
            speed = progress.tasks[0].speed
            progress.update(task, rate=f"{speed:,.0f}/s" if speed else "")

        yield advance
