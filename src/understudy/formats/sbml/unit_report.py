"""Unit report: what libSBML finds of the units of a file's equations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.formats.sbml.document import CATEGORIES, open_document, without_rule

# libSBML's numbers of findings that units do not fit together; others say that something declares none.
_INCONSISTENT = range(10501, 10600)


@dataclass(frozen=True)
class UnitReport:
    """Units of a file's equations.

    Parameters
    ----------
    inconsistent : tuple of (int, str)
        Line and sentence of each equation whose units do not fit together.
    undeclared : int
        Equations that cannot be checked, because something in them declares no unit.
    """

    inconsistent: tuple[tuple[int, str], ...]
    undeclared: int


def unit_report(path: Path) -> UnitReport:
    """Check the units of an SBML file by libSBML.

    Raises
    ------
    FormatError
        For a file that cannot be read.
    """
    return report_of(open_document(path))


def report_of(document: Any) -> UnitReport:
    """The same of a document."""
    import libsbml

    document.getErrorLog().clearLog()
    for category in CATEGORIES:
        document.setConsistencyChecks(
            getattr(libsbml, f"LIBSBML_CAT_{category}"), category == "UNITS_CONSISTENCY"
        )
    document.checkConsistency()
    found = [document.getError(k) for k in range(document.getNumErrors())]
    wrong = [each for each in found if each.getErrorId() in _INCONSISTENT]
    told = tuple((each.getLine(), without_rule(each)) for each in wrong)
    return UnitReport(told, len(found) - len(wrong))
