"""Terms: which columns of a table the models of an emulation need."""

from __future__ import annotations

import re
from collections.abc import Iterable

from understudy.causal.emulation.covariate_table import names_of
from understudy.causal.emulation.emulation_section import DataSection, EmulationSection
from understudy.causal.emulation.history import DERIVED
from understudy.causal.emulation.strategy import KNOWN
from understudy.core.errors import StudyError
from understudy.core.expression import Expression

_CALL = re.compile(r"(?:previous|first)\((.+)\)")


def terms_of(section: EmulationSection) -> tuple[str, ...]:
    """Every term of every model."""
    found = [*section.outcome_model.covariates]
    for weights in (section.switch_weights, section.censoring_weights):
        found += [] if weights is None else [*weights.denominator, *weights.numerator]
    point, course, simulation = section.point_treatment, section.structural_model, section.g_formula
    if point is not None:
        found += [*point.treatment_model, *(point.outcome_model or ()), *point.modified_by]
    if course is not None:
        found += course.terms
    if simulation is not None:
        found += [*simulation.treatment_model, *simulation.outcome_model]
    for each in section.covariate:
        found += [each.name, *each.terms]
    return tuple(dict.fromkeys(found))


def columns_needed(section: EmulationSection, columns: Iterable[str]) -> tuple[str, ...]:
    """Columns of covariates that terms and rules name, whether the table has them or not.

    Raises
    ------
    StudyError
        If a term could mean a column of the table or a part of the person's history.
    """
    known = set(columns)
    calls = {f"{kind}({name})" for name in known for kind in ("previous", "first")}
    own = set() if section.method == "point treatment" else set(DERIVED)
    names = names_of(terms_of(section), {*known, *calls, *own})
    names = [
        _CALL.fullmatch(name).group(1) if _CALL.fullmatch(name) and name not in known else name
        for name in names
    ]
    for rule in section.strategies.values():
        if rule != "natural":
            names += sorted(Expression(rule).names - set(KNOWN))
    _refuse_ambiguous([name for name in names if name in own], known, section.data)
    _refuse_roles([name for name in names if name not in own], section.data)
    return tuple(dict.fromkeys(name for name in names if name not in own))


def _refuse_ambiguous(names: list[str], columns: set[str], data: DataSection) -> None:
    roles = {data.id, data.period, data.treatment, data.outcome, data.eligible, data.censored}
    for name in names:
        if name in columns - roles:
            raise StudyError(
                f"{name!r} is a column of the table, and stands for a person's history too",
                place=f"the term {name}", repair="rename the column",
            )  # fmt: skip


def _refuse_roles(names: list[str], data: DataSection) -> None:
    """Columns that say who, when, treated or not are no covariates; two have a name as history."""
    roles = {data.treatment: "treatment, or previous_treatment", data.period: "period, or time"}
    others = dict.fromkeys((data.id, data.outcome, data.eligible, data.censored), "")
    for name in names:
        if name in (others | roles):
            history = roles.get(name, "")
            raise StudyError(
                f"the column {name} has another part to play than that of a covariate",
                place=f"the term {name}", repair=f"write {history}" if history else "leave it out of the models",
            )  # fmt: skip
