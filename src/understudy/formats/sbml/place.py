"""Place: where in a file something stands, and the refusal of what cannot be translated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from understudy.core.errors import FormatError


@dataclass(frozen=True)
class Place:
    """An element of a file.

    Parameters
    ----------
    file : str
    line : int
        0 where it is not known.
    element : str
        As the format names it, with its identifier.
    """

    file: str
    line: int = 0
    element: str = ""

    @classmethod
    def of(cls, file: str, element: Any) -> Place:
        """The place of an element of libSBML."""
        named = element.getIdAttribute() if hasattr(element, "getIdAttribute") else element.getId()
        about = named or _about(element)
        kind = element.getElementName()
        return cls(file, int(element.getLine()), f"{kind} {about}".strip())

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        return ", ".join(part for part in (self.file, line, self.element) if part)

    def refuse(self, cause: str, repair: str = "") -> FormatError:
        """The error that says so."""
        return FormatError(cause, place=str(self), repair=repair)


def _about(element: Any) -> str:
    """What an element without an identifier is about."""
    for attribute in ("getSymbol", "getVariable", "getSpecies"):
        if hasattr(element, attribute) and getattr(element, attribute)():
            return f"of {getattr(element, attribute)()}"
    parent = element.getParentSBMLObject()
    while parent is not None and parent.getElementName().startswith("listOf"):
        parent = parent.getParentSBMLObject()
    named = parent.getIdAttribute() if parent is not None else ""
    return f"of {parent.getElementName()} {named}" if named else ""


def label(element: Any) -> str:
    """What an element is called by people, where that says more than its identifier."""
    name = element.getName() or ""
    return "" if name == element.getIdAttribute() else name
