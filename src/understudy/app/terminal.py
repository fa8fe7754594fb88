"""Terminal: where text goes, how wide it is, and how an error looks."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from understudy.core.errors import UnderstudyError

_WIDTH_OF_FILES = 100


def console(stderr: bool = False) -> Console:
    """Standard output or standard error; colours only on a terminal, and never where NO_COLOR is set.

    Into a file or a pipe lines are 100 wide, unless COLUMNS says otherwise.
    """
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = _WIDTH_OF_FILES
    return found


def print_json(data: Any) -> None:
    """JSON on standard output, and nothing else."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_error(error: UnderstudyError) -> None:
    """An error on standard error, without a traceback: cause in red, long lines folded under their beginning."""
    from rich.text import Text

    to = console(stderr=True)
    head, *rest = str(error).splitlines()
    to.print(Text(f"Error: {head}", style="bold red"), soft_wrap=not to.is_terminal)
    width = to.width if to.is_terminal else 0
    for line, following in zip(rest, [*rest[1:], ""], strict=True):
        pointed_at = following.strip() == "^"
        to.print(_cut(line, width) if pointed_at else _styled(line, width), crop=False, soft_wrap=True)


def _cut(line: str, width: int) -> Text:
    """A line under which a caret counts columns: one line whatever its length."""
    from rich.text import Text

    return Text(line[: width - 1] + "…" if width and len(line) > width else line)


def _styled(line: str, width: int) -> Text:
    """One line of an error, folded under its beginning."""
    from rich.text import Text

    indent = len(line) - len(line.lstrip())
    label, colon, _ = line.strip().partition(": ")
    labelled = bool(colon) and label in ("where", "repair")
    if width and len(line) > width:
        hanging = " " * (indent + len(label) + 2 if labelled else indent + 2)
        line = textwrap.fill(line, width - 1, subsequent_indent=hanging, break_long_words=False)
    text = Text(line, style="bold" if indent == 2 and not labelled else "")
    if labelled:
        text.stylize("bold green" if label == "repair" else "bold", indent, indent + len(label) + 1)
    if line.strip() == "^":
        text.stylize("bold red")
    return text


def note(text: str) -> None:
    """A remark on standard error, in yellow."""
    from rich.text import Text

    console(stderr=True).print(Text(f"Note: {text}", style="yellow"))
