"""HTML page: sections of blocks as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from understudy.dossier.page import Section

if TYPE_CHECKING:
    import jinja2


def html(title: str, byline: str, sections: Iterable[Section | None], summary: Iterable[str] = ()) -> str:
    """The page: styles and drawings are in it, scripts are not.

    Parameters
    ----------
    title, byline : str
    sections : iterable of Section or None
        None for one that has nothing to say.
    summary : iterable of str
        Sentences above all.

    Returns
    -------
    str
        Everything that a user wrote is escaped.
    """
    return _template().render(
        title=title,
        byline=byline,
        summary=tuple(summary),
        sections=[part for part in sections if part is not None],
        css=_text("report.css"),
    )


def _text(name: str) -> str:
    return (files("understudy.dossier") / "templates" / name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_text("report.html.jinja"))
