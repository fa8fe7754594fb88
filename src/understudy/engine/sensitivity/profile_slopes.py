"""Profile slopes: what a dose that enters by an absorption profile adds to the rates of the sensitivities.

A dose of amount a at time u adds a q(t - u) to a state's rate. Along a direction that changes a by da, u by du and q by
dq it adds da q + a dq - a q' du to that of its sensitivity; da and du are held in dose slots like a and u themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.expression import TIME, Expression
from understudy.engine.events.break_point import Lines, comparisons
from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import NEVER, parameter_values, slot_names
from understudy.engine.readout import needed_names
from understudy.engine.sensitivity.augmented_model import AugmentedModel, InputSlopes
from understudy.model.model import TIME_AFTER_DOSE, Model
from understudy.model.parts import Parameter

# At the very time of a dose slopes are taken just after it: there they may be 0 times the logarithm of 0.
_JUST_AFTER = 1e-30
# How far from a step its sides are looked at, as a part of its time; what differs a thousandfold as much is a step.
_BESIDE = 1e-9


@dataclass(frozen=True, eq=False)
class SlopeSlots:
    """Rows of a problem's slots that hold, for each input and direction, what its doses change by; -1 for none.

    Parameters
    ----------
    amount, time : int arrays, shape (inputs, directions)
    """

    amount: np.ndarray
    time: np.ndarray


def unroll_slopes(augmented: AugmentedModel, model: Model, slots: np.ndarray):
    """The unrolled augmented model with what its profiles add to the sensitivities.

    Parameters
    ----------
    augmented : AugmentedModel
    model : Model
        Its model as `understudy.engine.problem.unroll_profiles` wrote it out.
    slots : int array, shape (inputs, 2)

    Returns
    -------
    model : Model
    slots : int array, shape (inputs and further rows, 2)
    held : SlopeSlots
    """
    shape = (len(slots), len(augmented.tangents))
    held = SlopeSlots(np.full(shape, -1), np.full(shape, -1))
    profiled = np.flatnonzero(slots[:, 1]) if len(slots) else []
    if not len(profiled):
        return model, slots, held
    parameters, rates = list(model.parameters), dict(zip(model.state_names, model.rates, strict=True))
    rows = list(map(tuple, slots))
    for index in profiled:
        slopes, entry = augmented.inputs[index], augmented.model.doses[index]
        place = augmented.model.state_names.index(entry.state)
        for m, tangent in enumerate(augmented.tangents):
            names = {}
            for what, table in (("bioavailability", held.amount), ("lag", held.time)):
                if slopes.fields[what][m] is None:
                    continue
                table[index, m] = len(rows)
                rows.append((len(parameters), slots[index, 1]))
                names[what] = [f"{name}_{what}_{m}" for name, _ in slot_names(entry, index, slots[index, 1])]
                for name in names[what]:
                    parameters += [Parameter(name, 0.0), Parameter(f"{name}_time", NEVER)]
            terms = _terms(entry, index, slots[index, 1], slopes, m, names)
            for term in terms:
                rates[tangent[place]] = rates[tangent[place]] + term
    return replace(model, parameters=tuple(parameters), rates=rates), np.array(rows, dtype=np.int64), held


def _terms(entry, index: int, count: int, slopes: InputSlopes, m: int, names: dict) -> list[Expression]:
    """The further rate of a sensitivity, a term for each dose that the profile may hold."""
    found = []
    for k, (amount, time) in enumerate(slot_names(entry, index, count)):
        after = f"t - {time}"
        just_after = {TIME_AFTER_DOSE: f"max({after}, {_JUST_AFTER})"}
        parts = []
        if "bioavailability" in names:
            parts.append(
                Expression(names["bioavailability"][k]) * entry.profile.substitute({TIME_AFTER_DOSE: after})
            )
        if slopes.density[m] is not None:
            parts.append(Expression(amount) * slopes.density[m].substitute(just_after))
        if "lag" in names and slopes.density_by_time is not None:
            shifted = slopes.density_by_time.substitute(just_after)
            parts.append(-Expression(amount) * Expression(names["lag"][k]) * shifted)
        if parts:
            total = sum(parts[1:], start=parts[0])
            found.append(Expression(f"where(t >= {time}, {total}, 0)"))
    return found


def densities_at_dose(entry, values: dict) -> np.ndarray:
    """An absorption density just after the dose, for arrays of the parameters it needs."""
    return entry.profile.evaluate(values | {TIME_AFTER_DOSE: _JUST_AFTER})


def refuse_moving_steps(rows: ParameterRows, augmented: AugmentedModel, moved: frozenset[str]) -> None:
    """Raise where an absorption profile has a step after the dose that moves along a direction.

    Parameters
    ----------
    rows : ParameterRows
        Of the augmented model.
    augmented : AugmentedModel
    moved : set of str
        Parameters that directions move.
    """
    lines = Lines.of(rows.model)
    for entry, slopes in zip(rows.model.doses, augmented.inputs, strict=True):
        if entry.profile is None:
            continue
        lagged = any(slope is not None for slope in slopes.fields.get("lag", ()))
        by_clock = entry.profile.substitute({TIME_AFTER_DOSE: TIME})
        for left, right in comparisons([by_clock], lines.equations):
            time = lines.meeting(left, right)
            if time is None or not (lagged or needed_names(rows.model, [time]) & moved):
                continue
            if _has_step(rows, by_clock, time):
                raise SimulationError(
                    f"the absorption profile of {entry.name} has a step {time} after a dose, which moves",
                    place=rows.model.name,
                    repair="give the input a duration, for doses with RATE = -2, or leave this sensitivity out",
                )


def _has_step(rows: ParameterRows, density: Expression, time: Expression) -> bool:
    """Whether any parameter row has different densities on either side of a time."""
    known = parameter_values(rows.model, rows.table)
    at = np.broadcast_to(time.evaluate(known), len(rows.table)).astype(float)
    halfway, before, after = (
        np.broadcast_to(density.evaluate(known | {TIME: at * part}), at.shape)
        for part in (0.5, 1 - _BESIDE, 1 + _BESIDE)
    )
    size = np.max(np.abs([halfway, before, after]), axis=0)
    differ = np.abs(after - before) > 1e3 * _BESIDE * size
    return bool((differ & (at > 0)).any())
