"""Declared units: what unit each column of a table is in, said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.core import units
from understudy.core.errors import Problem, UnitError
from understudy.data.layout import Layout, nearest

WITH_UNIT = ("time", "amt", "rate", "ii", "dv")
Declared = Mapping[str, "str | Mapping[str, str]"]


def declared_units(
    given: Declared, layout: Layout, covariates: Sequence[str]
) -> tuple[dict[str, str], list[Problem]]:
    """Units by canonical column, or covariate.

    Parameters
    ----------
    given : mapping
        Column, as in the file or by NONMEM's name, → unit; ``DV`` may map each DVID, and ``AMT`` each CMT, to
        its unit. Those become ``"dv:cp"``, ``"amt:oral"``.

    Examples
    --------
    >>> from understudy.data.layout import find_layout
    >>> layout = find_layout(["ID", "TIME", "DV", "WT"], {})
    >>> declared_units({"TIME": "h", "DV": {"cp": "mg/L", "pca": "percent"}}, layout, ["WT"])[0]
    {'time': 'h', 'dv:cp': 'mg/L', 'dv:pca': 'percent'}
    """
    known, problems = {}, []
    for written, unit in given.items():
        column = canonical_name(written, layout.names, layout.places, covariates)
        if column is None:
            names = (*(layout.name(name) for name in WITH_UNIT), *covariates)
            cause = f"a unit is declared for {written!r}, which is no column of numbers"
            problems.append(Problem(cause, nearest(written, names), column=written))
            continue
        entries = (
            {f"{column}:{k}": v for k, v in unit.items()} if isinstance(unit, Mapping) else {column: unit}
        )
        for name, text in entries.items():
            problems += _unit_problem(text, written)
            known[name] = text
    return known, problems


def canonical_name(
    written: str, names: Sequence[str], places: Mapping[str, int], covariates: Sequence[str]
) -> str | None:
    """The canonical column or covariate that a name means: its own name, NONMEM's, or the file's."""
    name, _, label = written.partition(":")
    if written in covariates:
        return written
    if name.lower() in WITH_UNIT:
        return f"{name.lower()}:{label}" if label else name.lower()
    return next(
        (column for column in WITH_UNIT if column in places and names[places[column]] == written), None
    )


def _unit_problem(text: Any, column: str) -> list[Problem]:
    try:
        units.unit(text)
    except UnitError as error:
        return [Problem(error.cause, error.repair, column=column, value=str(text))]
    return []
