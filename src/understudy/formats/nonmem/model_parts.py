"""Model parts: what the code of a control stream computes, put together as a `PopulationModel` with its `Records`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import ExpressionError
from understudy.core.expression import TIME, check_name
from understudy.core.units import UNKNOWN
from understudy.formats.nonmem import tree
from understudy.formats.nonmem.assignments import is_unset
from understudy.formats.nonmem.code_parts import Parts
from understudy.formats.nonmem.data_table import DataTable, column_of
from understudy.formats.nonmem.effect_blocks import Block
from understudy.formats.nonmem.flagged import below_limit, limit_of
from understudy.formats.nonmem.occasions import Occasions, find_occasions
from understudy.formats.nonmem.residual import first_of, sigma_name, sigmas, variance
from understudy.formats.nonmem.thetas import Theta
from understudy.formats.nonmem.tree import Tree
from understudy.formats.nonmem.unset_check import require_set
from understudy.model.distribution import Distribution
from understudy.model.model import Model
from understudy.model.parts import Assignment, Input, Output, Parameter, Source, State
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual

if TYPE_CHECKING:
    from understudy.data.records import Records

# The one state of a model without compartments, which nothing changes.
_NO_STATE = "NOTHING"


def population_model(
    title: str, parts: Parts, thetas: Sequence[Theta], omega: Sequence[Block], sigma: Sequence[Block]
) -> tuple[PopulationModel, Records]:
    """The population model and its records."""
    require_set(parts)
    _require_no_probability(parts)
    occasions = find_occasions(parts, omega)
    _require_individual(parts)
    blocks = tuple(sigma)
    levels = [each for each in parts.seen if each.log_density is None]
    variances = [variance(each, blocks, lambda name: not parts.changes(name), parts.error) for each in levels]
    limits = _limits(parts, blocks)
    used = _used_items(parts)
    names = _Names(parts, used, omega, blocks)
    covariates = tuple(_covariate(parts.table, item) for item in used)
    individual = tuple(
        Assignment(names.label(version), names.expression(parts.code.versions[version]))
        for version in parts.needed
        if parts.is_individual(version)
    )
    source = Source(f"Control stream {parts.error.file}, initial estimates")
    fixed = (*_thetas(thetas, source), *_sigmas(blocks, source))
    effects = tuple(replace(each, source=source) for each in _effects(omega, occasions))
    values = _typical(fixed, effects, covariates, individual)
    model = PopulationModel(
        title[:120],
        _structural(parts, names, values),
        individual,
        fixed,
        effects,
        tuple(
            Residual(each.name, names.expression(spread), lower_limit=limits.get(each.name))
            for each, spread in zip(levels, variances, strict=True)
        ),
        covariates,
        population=f"{len(set(parts.table.subject))} patients of {parts.table.file}",
        distributions=tuple(
            Distribution(each.name, "log_likelihood", {"log_density": names.seen(each.log_density)})
            for each in parts.seen
            if each.log_density is not None
        ),
    )
    dose = parts.mechanism.dose if parts.mechanism else 1
    return model, _censored(parts, limits).records(used, _outputs(parts), dose, occasions.item)


def _limits(parts: Parts, sigma: tuple[Block, ...]) -> dict[str, float]:
    """Limit of quantification of each output that has levels below it."""
    below = {each.name: each.rows & parts.below for each in parts.seen}
    return {
        each.name: limit_of(each, below[each.name], parts.table, sigma, parts.error)
        for each in parts.seen
        if below[each.name].any()
    }


def _censored(parts: Parts, limits: Mapping[str, float]) -> DataTable:
    """The data with levels that are flagged as below a limit below it."""
    if not limits:
        return parts.table
    measured = parts.table.values("DV")
    for each in parts.seen:
        if each.name in limits:
            measured = below_limit(measured, each.rows & parts.below, limits[each.name])
    return parts.table.with_computed({"DV": measured})


def _require_no_probability(parts: Parts) -> None:
    """PHI has no equal in equations."""
    for version in parts.needed:
        if tree.calls(parts.code.versions[version], "PHI"):
            record, line = parts.code.lines[version]
            record.fail("PHI is no function that can be translated", "write the model without it", line)
    if any(tree.calls(each, "PHI") for each in parts.equations):
        parts.error.fail("PHI is no function that can be translated", "write the model without it")


def _require_individual(parts: Parts) -> None:
    """$PK may not look at compartments, and doses may not depend on what time changes."""
    for version in parts.needed:
        record, line = parts.code.lines[version]
        looks = record is parts.pk and parts.mechanism is not None
        if looks and any(name.startswith("A__") for name in tree.names(parts.code.versions[version])):
            record.fail("$PK looks at compartments", "this cannot be translated: write it in $DES", line)
    for number, field, equation in parts.dosing_equations():
        if any(parts.moves(name) for name in tree.names(equation)):
            parts.pk.fail(
                f"the {field} of doses into compartment {number} depends on MTIME",
                "this cannot be translated: let it depend on data items",
            )


def _used_items(parts: Parts) -> list[str]:
    trees = [*parts.equations, *(parts.code.versions[version] for version in parts.needed)]
    used = set().union(*(tree.names(each) for each in trees)) & parts.items
    if any(each.log_density is not None for each in parts.seen):
        used -= {"DV"}
    if "TIME" in used and parts.table.has_clock:
        parts.pk.fail(
            "TIME is a time of day, or goes with dates", "use T, or write elapsed time into the data"
        )
    return sorted(used)


def _outputs(parts: Parts) -> np.ndarray | None:
    if len(parts.seen) == 1:
        return None
    names = np.full(parts.table.size, "", dtype=object)
    for each in parts.seen:
        names[each.rows] = each.name
    return names


def _covariate(table: DataTable, item: str) -> Covariate:
    values = table.values(item)
    first = values[np.unique(table.subject, return_index=True)[1]]
    return Covariate(
        column_of(item),
        UNKNOWN,
        reference=float(np.median(first)),
        lower=float(values.min()),
        upper=float(values.max()),
        # PREDPP lets the values of a record hold from the record before it.
        interpolation="nocb",
    )


def _thetas(thetas: Sequence[Theta], source: Source) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            f"THETA{each.number}", each.value, UNKNOWN, description=each.comment or each.label,
            source=source, lower=each.lower, upper=each.upper, fixed=each.fixed,
        )
        for each in thetas
    )  # fmt: skip


def _sigmas(blocks: tuple[Block, ...], source: Source) -> tuple[Parameter, ...]:
    origin = first_of(blocks)
    held = {block.first + k for block in blocks if block.fixed for k in range(block.size)}
    return tuple(
        Parameter(
            sigma_name(i, j), value, UNKNOWN, source=source, lower=0.0 if i == j else -np.inf, fixed=i in held
        )
        for (i, j), value in sigmas(blocks).items()
        if origin[i] == i
    )


def _effects(omega: Sequence[Block], occasions: Occasions) -> Iterator[RandomEffects]:
    """Blocks of random effects; those between occasions once."""
    origin = 0
    for block in omega:
        origin = origin if block.same else block.first
        if origin in occasions.blocks and block.same:
            continue
        names = tuple(f"ETA{block.first + k}" for k in range(block.size))
        if origin in occasions.blocks:
            yield RandomEffects(names, block.matrix, "occasion", interpolation="nocb", fixed=block.fixed)
        else:
            yield RandomEffects(names, block.matrix, fixed=block.fixed, same=block.same)


class _Names:
    """What everything is called in the model."""

    def __init__(self, parts: Parts, used: Sequence[str], omega: Sequence[Block], sigma: tuple[Block, ...]):
        self.parts = parts
        self.states = _state_names(parts.mechanism.compartments if parts.mechanism else (_NO_STATE,))
        taken = {*self.states, *map(column_of, used), *(each.name for each in parts.seen)}
        taken |= {sigma_name(i, j) for i, j in sigmas(sigma)}
        taken |= {f"ETA{block.first + k}" for block in omega for k in range(block.size)}
        taken |= {name for each in parts.equations for name in tree.names(each) if name.startswith("THETA")}
        self.labels = parts.code.labels(parts.needed, taken)
        self.replacements = {version: tree.name(label) for version, label in self.labels.items()}
        self.replacements |= {f"A__{k}": tree.name(name) for k, name in enumerate(self.states, 1)}
        self.replacements |= {item: tree.name(column_of(item)) for item in used}

        self.clock = _free_name("CLOCK", {*taken, *self.labels.values()})

    def label(self, version: str) -> str:
        return self.labels[version]

    def seen(self, log_density: Tree):
        """A log-density in terms of outputs: time has a name there."""
        return self.expression(tree.replace_names(log_density, {TIME: tree.name(self.clock)}))

    def looked_at(self) -> dict[str, Tree]:
        """What log-densities ask of the mechanism, by the names of outputs."""
        densities = [each.log_density for each in self.parts.seen if each.log_density is not None]
        asked = set().union(*(tree.names(each) for each in densities)) if densities else set()
        found = {self.clock: tree.name(TIME)} if TIME in asked else {}
        found |= {self.states[int(name[3:]) - 1]: tree.name(name) for name in asked if name.startswith("A__")}
        moving = [name for name in asked if name in self.labels and not self.parts.is_individual(name)]
        return found | {self.labels[name]: tree.name(name) for name in moving}

    def expression(self, equation: Tree):
        unset = {name: tree.ZERO for name in tree.names(equation) if is_unset(name)}
        return tree.expression(tree.replace_names(equation, self.replacements | unset))


def _free_name(wish: str, taken: set[str]) -> str:
    return wish if wish not in taken else _free_name(wish + "_", taken)


def _state_names(compartments: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for k, name in enumerate(compartments, 1):
        try:
            check_name(name)
        except ExpressionError:
            name = f"A{k}"
        found.append(name if name not in found else f"A{k}")
    return tuple(found)


def _structural(parts: Parts, names: _Names, values: Mapping[str, float]) -> Model:
    mechanism = parts.mechanism
    rates = [names.expression(rate) for rate in parts.rates] or [names.expression(tree.ZERO)]
    told = {each.name: each.prediction for each in parts.seen} | names.looked_at()
    outputs = tuple(Output(name, names.expression(each), UNKNOWN) for name, each in told.items())
    assignments = tuple(
        Assignment(names.label(version), names.expression(parts.code.versions[version]))
        for version in parts.needed
        if not parts.is_individual(version)
    )
    states = tuple(
        State(name, UNKNOWN, names.expression(parts.initial(k))) for k, name in enumerate(names.states, 1)
    )
    inputs = _inputs(parts, names)
    equations = [*rates, *(each.expression for each in (*outputs, *assignments))]
    equations += [state.initial for state in states]
    equations += [equation for entry in inputs for equation in entry.expressions.values()]
    own = {*names.states, *(each.name for each in assignments), TIME}
    wanted = sorted(set().union(*(equation.names for equation in equations)) - own)
    title = f"ADVAN{mechanism.advan} TRANS{mechanism.trans}" if mechanism else "PRED"
    return Model(
        title, UNKNOWN, tuple(Parameter(name, values.get(name, 1.0), UNKNOWN) for name in wanted), states, rates,
        inputs, outputs, assignments, stiff=bool(mechanism and mechanism.stiff),
    )  # fmt: skip


def _inputs(parts: Parts, names: _Names) -> tuple[Input, ...]:
    """Every compartment can be dosed, the default one first."""
    if parts.mechanism is None:
        return ()
    found = []
    for k, name in enumerate(names.states, 1):
        told = {field: names.expression(equation) for field, equation in parts.dosing(k).items()}
        found.append(Input(name, name, **told))
    first = parts.mechanism.dose - 1
    return (found[first], *found[:first], *found[first + 1 :])


def _typical(
    fixed: Sequence[Parameter],
    effects: Sequence[RandomEffects],
    covariates: Sequence[Covariate],
    individual: Sequence[Assignment],
) -> dict[str, float]:
    """Values in the typical patient, of what can be computed there."""
    values = {each.name: each.value for each in fixed}
    values |= {each.name: each.reference for each in covariates}
    values |= {name: 0.0 for block in effects for name in block.names}
    for each in individual:
        values[each.name] = float(each.expression.evaluate(values))
    return {name: value for name, value in values.items() if np.isfinite(value)}
