"""Dossier view: the answer of a study on the terminal, and where the report is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.terminal import console

if TYPE_CHECKING:
    from understudy.dossier.evaluate import Dossier


def show(dossier: Dossier) -> None:
    """Print the summary, what failed, and the path of the report."""
    from rich.text import Text

    to = console()
    for sentence in dossier.summary:
        to.print()
        to.print(Text(sentence))
    to.print()
    report = dossier.folder / "report.html"
    to.print(Text.assemble(("Report: ", "bold"), _near(report)), soft_wrap=True)


def _near(path: Path) -> str:
    """The path from here, where that is shorter."""
    return min(os.path.relpath(path), str(path), key=len)
