"""Progress bar: how far a run has come, where a user wants to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, float], None]


@contextmanager
def telling(progress: Progress | bool) -> Iterator[Progress]:
    """A function that is told a stage and the fraction of it that is done: the user's own, a bar, or none."""
    if callable(progress):
        yield progress
    elif progress:
        yield from _bar()
    else:
        yield lambda stage, fraction: None


def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(24), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("", total=1.0)
        yield lambda stage, fraction: bars.update(task, description=stage, completed=fraction)
