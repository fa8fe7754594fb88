"""Progress: how far each stage has come, as bars on a terminal, else a line a stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from understudy.app.terminal import console

Progress = Callable[[str, float], None]


@contextmanager
def shown_progress(quiet: bool = False) -> Iterator[Progress]:
    """A function that shows a stage's name and the fraction of it that is done, on standard error.

    Examples
    --------
    >>> with shown_progress(quiet=True) as tell:
    ...     tell("Reading the study", 0.5)
    """
    to = console(stderr=True)
    if quiet:
        yield lambda stage, fraction: None
    elif to.is_terminal:
        yield from _bars(to)
    else:
        yield _lines(to)


def _lines(to) -> Progress:
    begun: set[str] = set()

    def tell(stage: str, fraction: float) -> None:
        if stage not in begun:
            begun.add(stage)
            to.print(stage, markup=False)

    return tell


def _bars(to) -> Iterator[Progress]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description:<36}"), BarColumn(bar_width=24), TimeElapsedColumn()
    with Progress(*columns, console=to) as bars:
        tasks: dict[str, int] = {}

        def tell(stage: str, fraction: float) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=1.0)
            bars.update(tasks[stage], completed=min(max(fraction, 0.0), 1.0))

        yield tell
