"""Mu-reference: which random effects are deviations from a mean that fixed effects determine.

Where an individual parameter p obeys h(p) = mu(fixed effects, covariates) + c eta, with h the identity, the logarithm
or the logit, the data say nothing of the fixed effects in mu that they do not say of mu + c eta: given the individuals'
values of that sum, the fixed effects are found by regression (Lavielle 2014, Mixed effects models for the population
approach, chapter 9, doi:10.1201/b17203).

What is referenced is found by probing: the equations are evaluated at random parameters, effects and intermediate
values for the records' own covariates. An identity that holds to 1e-9 at every one of them is taken to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.core.random import normals
from understudy.engine.parameters import individual_values
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel

_PROBES, _CLOSE = 6, 1e-9


def _logit(value: np.ndarray) -> np.ndarray:
    return np.log(value) - np.log1p(-value)


TRANSFORMS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": np.asarray,
    "log": np.log,
    "logit": _logit,
}


@dataclass(frozen=True)
class Reference:
    """One random effect that is referenced: ``transform(parameter) = mu + slope * effect``.

    Parameters
    ----------
    effect, parameter : str
    transform : {"identity", "log", "logit"}
    slope : float
    fixed : tuple of str
        Fixed effects of mu that are estimated by it.
    """

    effect: str
    parameter: str
    transform: str
    slope: float
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class MuReferences:
    """All that is referenced in a population with its records.

    Parameters
    ----------
    predictor : Predictor

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = MuReferences(Predictor(load_model("phenobarbital_neonates"), records))
    >>> [(each.effect, each.transform, each.fixed) for each in found.references]
    [('eta_CL', 'log', ('theta_CL',)), ('eta_V', 'log', ('theta_V', 'theta_APGR'))]
    """

    predictor: Predictor

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """In the order of the random effects."""
        return tuple(
            Reference(effect, parameter, *shape, self._means_of(parameter))
            for (effect, parameter), shape in self._shapes.items()
            if shape is not None
        )

    @cached_property
    def fixed(self) -> tuple[int, ...]:
        """Places of the fixed effects that are estimated through means."""
        names = {name for each in self.references for name in each.fixed}
        return tuple(k for k, p in enumerate(self.predictor.model.fixed) if p.name in names)

    def means(self, fixed: np.ndarray) -> np.ndarray:
        """The mean of each random effect, mu over slope; zero where there is no reference.

        Parameters
        ----------
        fixed : float array, shape (points, fixed effects)

        Returns
        -------
        float array, shape (points, N, n)
        """
        names, firsts = self.predictor.effects.names, self.predictor.schedule.start[:-1]
        found = np.zeros((len(fixed), firsts.size, len(names)))
        told = {p.name: fixed[:, [k]] for k, p in enumerate(self.predictor.model.fixed)}
        for each in self.references:
            others = {n: self._typical[n] for n in self._closed - {each.parameter}}
            value = self._transformed(each, firsts, told | others)
            found[..., names.index(each.effect)] = value / each.slope
        return found

    @cached_property
    def _candidates(self) -> tuple[tuple[str, str], ...]:
        """Effects of the subject that stand in one equation only, alone there, with that equation's name."""
        model, effects = self.predictor.model, self.predictor.effects
        active = {name for name, on in zip(effects.names, effects.active, strict=True) if on}
        own = {n for b in model.random if b.level == "subject" for n in b.names if n in active}
        direct = observation_names(model) | {*model.structural.parameter_names}
        uses = {item.name: item.expression.names & own for item in model.individual}
        where = {n: [name for name, used in uses.items() if n in used] for n in own - direct}
        alone = {n: found[0] for n, found in where.items() if len(found) == 1 and len(uses[found[0]]) == 1}
        return tuple((n, alone[n]) for n in effects.names if n in alone)

    @cached_property
    def _shapes(self) -> dict[tuple[str, str], tuple[str, float] | None]:
        return {(e, p): self._shape(e, p) for e, p in self._candidates}

    def _shape(self, effect: str, parameter: str) -> tuple[str, float] | None:
        """Which transform of the parameter is linear in the effect, and its slope."""
        one, two = self._probe(0), self._probe(1)
        a, b = (self._value(parameter, self._rows, one | {effect: probe[effect]}) for probe in (one, two))
        for name, transform in TRANSFORMS.items():
            with np.errstate(all="ignore"):
                slopes = (transform(a) - transform(b)) / (one[effect] - two[effect])
            middle = float(slopes.flat[0])
            if np.isfinite(slopes).all() and abs(middle) > _CLOSE and np.ptp(slopes) < _CLOSE * abs(middle):
                return name, round(middle, 9)
        return None

    def _means_of(self, parameter: str) -> tuple[str, ...]:
        """Fixed effects of a parameter's mean that stand nowhere else and move it alike throughout a subject."""
        estimated = set(self.predictor.estimated)
        inside = self._reach(parameter) & estimated - self._outside
        names = [p.name for p in self.predictor.model.fixed if p.name in inside]
        whole = [Reference(e, p, *shape) for (e, p), shape in self._shapes.items() if shape is not None]
        holders = {n: [each for each in whole if n in self._reach(each.parameter)] for n in names}
        return tuple(n for n in names if all(self._moves_alike(each, n) for each in holders[n]))

    def _moves_alike(self, reference: Reference, name: str) -> bool:
        """Whether a fixed effect moves the transformed parameter by the same amount on all rows of a subject, whatever
        the random effects and other parameters are."""
        one, two, moved = self._probe(2), self._probe(3), self._probe(4)
        fixed = {p.name for p in self.predictor.model.fixed}
        steps = []
        for probe in (one, {n: one[n] if n in fixed else two[n] for n in one}):
            told = {n: v for n, v in probe.items() if n not in self._opaque - self._closed}
            a, b = (
                self._transformed(reference, self._rows, told | {name: v}) for v in (one[name], moved[name])
            )
            steps.append(a - b)
        first = steps[0][:, self._first_of_own]
        size = _CLOSE * max(1.0, np.abs(first).max())
        return bool(all((np.abs(step - first) < size).all() for step in steps))

    @cached_property
    def _closed(self) -> set[str]:
        """Parameters whose individual values are what the random effects stand for."""
        return {parameter for (_, parameter), shape in self._shapes.items() if shape is not None}

    @cached_property
    def _outside(self) -> set[str]:
        """Names that reach the mechanism or the residual error other than through a referenced parameter."""
        model = self.predictor.model
        seen = {*model.structural.parameter_names} | observation_names(model)
        equations = {item.name for item in model.individual}
        reached = seen - equations
        for name in seen & equations - self._closed:
            reached |= self._reach(name)
        return reached

    def _reach(self, parameter: str) -> set[str]:
        """Names that an equation uses, by way of other equations too but not of referenced parameters."""
        equations = {item.name: item.expression.names for item in self.predictor.model.individual}
        found, left = set(), [parameter]
        while left:
            for name in equations[left.pop()] - found:
                found.add(name)
                if name in equations and name not in self._closed:
                    left.append(name)
        return found

    @property
    def _rows(self) -> np.ndarray:
        return np.arange(self.predictor.schedule.time.size)

    @cached_property
    def _first_of_own(self) -> np.ndarray:
        schedule = self.predictor.schedule
        return schedule.start[:-1][schedule.patient]

    @cached_property
    def _typical(self) -> dict[str, float]:
        """A value of each individual parameter that others may use, of some order of size."""
        values = individual_values(self.predictor.model, self.predictor.covariates, self._rows.size)
        return {item.name: float(values[item.name][0]) for item in self.predictor.model.individual}

    def _probe(self, number: int) -> dict[str, np.ndarray]:
        """Random values for fixed effects, random effects and what else stands for itself, shape (probes, 1)."""
        model = self.predictor.model
        spread = {p.name: (p.value or 1.0, p.lower, p.upper) for p in model.fixed}
        known = {n: (v or 1.0, -np.inf, np.inf) for n, v in self._typical.items() if n in self._opaque}
        effects = dict.fromkeys(model.eta_names)
        names = [*spread, *known, *effects]
        z = normals(number, "mu references", np.arange(len(names)), _PROBES)[:, :, None]
        found = {}
        for name, own in zip(names, z, strict=True):
            if name in effects:
                found[name] = own
            else:
                value, lower, upper = (spread | known)[name]
                found[name] = _inside(value, own, lower, upper)
        return found

    @property
    def _opaque(self) -> set[str]:
        """Parameters that stand for themselves where other equations use them."""
        return {parameter for _, parameter in self._candidates}

    def _transformed(self, reference: Reference, rows: np.ndarray, told: Mapping) -> np.ndarray:
        with np.errstate(all="ignore"):
            return TRANSFORMS[reference.transform](self._value(reference.parameter, rows, told))

    def _value(self, parameter: str, rows: np.ndarray, told: Mapping) -> np.ndarray:
        """A parameter on some rows of the schedule, shape (..., rows); what is told of other names goes before their
        equations."""
        model = self.predictor.model
        values: dict = dict(model.fixed_values) | dict.fromkeys(model.eta_names, 0.0)
        values |= {c.name: c.reference for c in model.covariates}
        values |= {name: column[rows] for name, column in self.predictor.covariates.items()}
        values |= {name: value for name, value in told.items() if name != parameter}
        for item in model.ordered_individual:
            if item.name == parameter or item.name not in told:
                values[item.name] = item.expression.evaluate(values)
        found = np.asarray(values[parameter], dtype=float)
        return np.broadcast_to(found, np.broadcast_shapes(found.shape, rows.shape))


def observation_names(model: PopulationModel) -> set[str]:
    """Names that say how measurements scatter around predictions, or how outcomes are distributed."""
    scatter = {name for residual in model.residual for name in residual.variance.names}
    return scatter | {name for item in model.distributions for name in item.names}


def _inside(value: float, z: np.ndarray, lower: float, upper: float) -> np.ndarray:
    """A value near another, within its bounds."""
    near = value * np.exp(0.2 * z)
    return np.where((near > lower) & (near < upper), near, value * (1.0 + 1e-3 * np.tanh(z)))
