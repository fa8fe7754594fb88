"""Compiled part: a part of a problem with its formulae read and its model made ready."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from understudy.core.errors import ExpressionError, FormatError
from understudy.core.expression import Expression
from understudy.formats.petab.formula import identifiers, read_formula
from understudy.formats.petab.prepared_model import PreparedModel, prepare
from understudy.formats.petab.problem import BEFORE, Cell, Measurement, Part, PetabObservable
from understudy.formats.sbml.names import Names


@dataclass(frozen=True, eq=False)
class MeasuredFormula:
    """The equations of an observable, placeholders written as names of their own.

    Parameters
    ----------
    value, noise : Expression
    placeholders, noise_placeholders : tuple of str
        Names in these equations, in the order in which measurements give them values.
    """

    value: Expression
    noise: Expression
    placeholders: tuple[str, ...]
    noise_placeholders: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CompiledPart:
    """A part, ready to be simulated.

    Parameters
    ----------
    part : Part
    model : PreparedModel
    names : mapping of str to str
        Identifiers to names of equations, of the model and of all else.
    outside : frozenset of str
        Names of conditions' targets that are no part of the model.
    formulae : mapping of str to MeasuredFormula
        By observable, those that are measured.
    changes : mapping of (experiment, period) to tuple of (target, Expression, Cell)
    overrides : mapping of int to (tuple of Expression, tuple of Expression)
        What measurements give their placeholders, by the measurement's place.
    """

    part: Part
    model: PreparedModel
    names: Mapping[str, str]
    outside: frozenset[str]
    formulae: Mapping[str, MeasuredFormula]
    changes: Mapping[tuple[str, int], tuple[tuple[str, Expression, Cell], ...]]
    overrides: Mapping[int, tuple[tuple[Expression, ...], tuple[Expression, ...]]]


def compile_part(part: Part, parameters: tuple[str, ...]) -> CompiledPart:
    """A part with its formulae read and its model made ready.

    Parameters
    ----------
    part : Part
    parameters : tuple of str
        Of the parameter table.

    Raises
    ------
    FormatError
        For what is not defined, cannot be translated or is not supported: with file, row and column.
    """
    _refuse_logarithms(part)
    changed = {change.target for e in part.experiments.values() for p in e.periods for change in p.changes}
    model = prepare(part.model, (*parameters, *sorted(changed)), part.aliases, _solutions(part))
    names = _all_names(model, (*parameters, *sorted(changed)))
    reader = _FormulaReader(part, names)
    used = {measurement.observable for measurement in part.measurements}
    formulae = {name: reader.measured(part.observables[name]) for name in part.observables if name in used}
    outside = frozenset(names[target] for target in changed if not model.has(target))
    _refuse_unknown_targets(part, model, outside, names, formulae)
    _refuse_late_changes(part, model, outside, names)
    changes = {
        (name, k): tuple((c.target, reader.plain(c.value), c.value) for c in period.changes)
        for name, experiment in part.experiments.items()
        for k, period in enumerate(experiment.periods)
    }
    overrides = {
        k: reader.overrides(measurement, formulae[measurement.observable])
        for k, measurement in enumerate(part.measurements)
    }
    return CompiledPart(part, model, names, outside, formulae, changes, overrides)


def _refuse_logarithms(part: Part) -> None:
    """Noise of the logarithm has no room for measurements at or below zero."""
    for measurement in part.measurements:
        if part.observables[measurement.observable].transformation != "lin" and measurement.value <= 0:
            raise measurement.row.refuse(
                "measurement", "it has no logarithm, and its noise is of that", "leave the row out"
            )


def _solutions(part: Part) -> int:
    """How many solutions follow one another at most: periods, and steady states, which take several."""
    ending = {each.experiment for each in part.measurements if each.time == math.inf}
    return max(
        len(experiment.periods) + (experiment.periods[0].begin == BEFORE) + (name in ending)
        for name, experiment in part.experiments.items()
    )


def _all_names(model: PreparedModel, others: Iterable[str]) -> dict[str, str]:
    """Names of equations by identifier; what is no part of the model gets one that the model has not."""
    names = dict(model.names)
    assigned = (item.name for item in model.own.assignments)
    free = Names([*model.columns, *model.states, *assigned, *names.values()])
    for identifier in others:
        if identifier not in names:
            names[identifier] = free.fresh(identifier)
    return names


def _refuse_unknown_targets(
    part: Part,
    model: PreparedModel,
    outside: frozenset[str],
    names: Mapping[str, str],
    formulae: Mapping[str, MeasuredFormula],
) -> None:
    """What is neither in the model nor in a formula changes nothing: it must be a mistake."""
    read = set().union(*(f.value.names | f.noise.names for f in formulae.values()))
    for experiment in part.experiments.values():
        for period in experiment.periods:
            for change in period.changes:
                if names[change.target] in outside - read:
                    cell = change.value
                    raise cell.row.refuse(
                        cell.column if cell.column == change.target else "targetId",
                        f"{change.target} is no parameter, species or compartment of {model.file}",
                        "correct the name",
                    )


def _refuse_late_changes(
    part: Part, model: PreparedModel, outside: frozenset[str], names: Mapping[str, str]
) -> None:
    """What follows from equations at all times can be given a value at the start alone."""
    later = [change for e in part.experiments.values() for p in e.periods[1:] for change in p.changes]
    for change in later:
        name, cell = names[change.target], change.value
        if name not in outside and not model.can_change(name):
            raise cell.row.refuse(
                cell.column, f"{change.target} follows from other quantities", "change those it follows from"
            )


class _FormulaReader:
    """Reads formulae of one part by its names."""

    def __init__(self, part: Part, names: Mapping[str, str]):
        self.part, self.names = part, names
        self.under_way: list[str] = []
        # Tables say the same over and over.
        self.known: dict[str, Expression] = {}

    def plain(self, cell: Cell) -> Expression:
        """A formula without placeholders."""
        if cell.text not in self.known:
            self.known[cell.text] = self._at(cell, self.names.get)
        return self.known[cell.text]

    def measured(self, observable: PetabObservable) -> MeasuredFormula:
        """The equations of an observable."""
        value, noise = (_placeholders(observable, kind) for kind in ("observable", "noise"))
        known = {name: f"placeholder_{k}_" for k, name in enumerate((*value, *noise))}
        own = {name: known[name] for name in value}
        found = self._observed(observable, own)
        scale = self._with_observables(observable.noise, known, {observable.name: found})
        return MeasuredFormula(
            found, scale, tuple(known[name] for name in value), tuple(known[name] for name in noise)
        )

    def overrides(
        self, measurement: Measurement, formula: MeasuredFormula
    ) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
        """What a measurement gives the placeholders."""
        columns = (
            ("observableParameters", formula.placeholders),
            ("noiseParameters", formula.noise_placeholders),
        )
        first, second = (self._overrides(measurement, *each) for each in columns)
        return first, second

    def _overrides(
        self, measurement: Measurement, column: str, placeholders: tuple[str, ...]
    ) -> tuple[Expression, ...]:
        row = measurement.row
        parts = row.parts(column)
        if len(parts) != len(placeholders):
            raise row.refuse(
                column,
                f"there are {len(parts)} values, and {len(placeholders)} placeholders of {measurement.observable}",
                "give one value for each placeholder, separated by semicolons",
            )
        return tuple(self.plain(Cell(part, row, column)) for part in parts)

    def _observed(self, observable: PetabObservable, placeholders: Mapping[str, str]) -> Expression:
        if observable.name in self.under_way:
            circle = " → ".join([*self.under_way, observable.name])
            cell = observable.formula
            raise cell.row.refuse(
                cell.column, f"observables depend on one another: {circle}", "break the circle"
            )
        self.under_way.append(observable.name)
        found = self._with_observables(observable.formula, placeholders, {})
        self.under_way.pop()
        return found

    def _with_observables(
        self, cell: Cell, placeholders: Mapping[str, str], known: Mapping[str, Expression]
    ) -> Expression:
        """A formula in which other observables are written out."""
        inside = dict(known)
        for name in sorted(
            identifiers(cell.text) & self.part.observables.keys() - inside.keys() - self.names.keys()
        ):
            inside[name] = self._observed(self.part.observables[name], placeholders)
        stand_ins = {name: f"observable_{k}_" for k, name in enumerate(inside)}
        # What is written in the formula's own table comes before the model's names.
        names = {**self.names, **{name: stand_ins[name] for name in inside}, **placeholders}
        found = self._at(cell, names.get)
        return found.substitute({stand_ins[name]: inside[name] for name in inside})

    def _at(self, cell: Cell, name_of: Callable[[str], str | None]) -> Expression:
        try:
            return read_formula(cell.text, name_of)
        except (FormatError, ExpressionError) as error:
            raise cell.row.refuse(cell.column, error.cause, error.repair) from None


def _placeholders(observable: PetabObservable, kind: str) -> tuple[str, ...]:
    """Placeholders of an observable: as declared, or found in its formulae by their names."""
    declared = observable.placeholders if kind == "observable" else observable.noise_placeholders
    if declared is not None:
        return declared
    pattern = re.compile(rf"{kind}Parameter(\d+)_{observable.name}")
    texts = (observable.formula.text, observable.noise.text)
    numbers = {int(m[1]) for text in texts for name in identifiers(text) if (m := pattern.fullmatch(name))}
    cell = observable.noise if kind == "noise" else observable.formula
    if numbers != set(range(1, len(numbers) + 1)):
        raise cell.row.refuse(
            cell.column, "its placeholders are not numbered from 1 on", "number them without gaps"
        )
    return tuple(f"{kind}Parameter{k}_{observable.name}" for k in sorted(numbers))
