"""Model check: what is in a model file, and whether the units of its equations fit together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from understudy.app.terminal import console, print_error, print_json
from understudy.core.errors import UnitError
from understudy.engine.parameters import structural
from understudy.formats.load import FORMATS, load

# Findings of one kind that are shown.
_SHOWN = 20


def is_model(file: Path) -> bool:
    """Whether a file's name says that it is a model."""
    return any(file.suffix.lower() in each.suffixes for each in FORMATS)


def run(file: Path, as_json: bool) -> int:
    """Print what is in a model file, and what is wrong with its units.

    Returns
    -------
    int
        Exit code: 1 where units do not fit together.
    """
    found = load(file)
    problems, unchecked = _units(file, found)
    if as_json:
        told = [{"cause": each.cause, "place": each.place, "repair": each.repair} for each in problems]
        print_json({"ok": not problems, "model": str(getattr(found, "name", "")), "problems": told})
        return bool(problems)
    to = console()
    to.print(f"{file.name}: {', '.join(_contents(found))}", markup=False, soft_wrap=True)
    if unchecked:
        to.print(f"units: {unchecked} equations declare too few to be checked", markup=False)
    elif not problems:
        to.print("units: consistent")
    for each in problems[:_SHOWN]:
        print_error(each)
    if len(problems) > _SHOWN:
        to.print(f"… and {len(problems) - _SHOWN} more; --json has all")
    return bool(problems)


def _units(file: Path, found: Any) -> tuple[list[UnitError], int]:
    """Equations whose units do not fit together, and how many cannot be checked."""
    name = next((each.name for each in FORMATS if file.suffix.lower() in each.suffixes), "")
    if name not in ("SBML", "Antimony"):
        try:
            found.check_units()
        except UnitError as error:
            return [error], 0
        return [], 0
    from understudy.formats import antimony
    from understudy.formats.sbml.document import document_of_text
    from understudy.formats.sbml.unit_report import report_of, unit_report

    antimonies = name == "Antimony"
    report = report_of(document_of_text(antimony.sbml_text(file), file)) if antimonies else unit_report(file)
    place = f"{file.name} as SBML" if antimonies else file.name
    repair = "correct the equation or the declared units"
    return [
        UnitError(told, place=f"{place}, line {line}", repair=repair) for line, told in report.inconsistent
    ], (report.undeclared)


def _contents(found: Any) -> Iterator[str]:
    if hasattr(found, "reactions"):
        yield f"{len(found.reactions)} reactions in balance"
        return
    model = structural(found)
    for count, word in (
        (len(model.states), "state"),
        (len(model.parameters), "parameter"),
        (len(model.events), "event"),
    ):
        if count:
            yield f"{count} {word}{'s' if count > 1 else ''}"
