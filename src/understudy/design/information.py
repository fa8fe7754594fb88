"""Expected information: how precisely a design will let a population's parameters be estimated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.design.approximation import Approximation, Moments
from understudy.design.criterion import FLAT
from understudy.design.population_design import Design, Group
from understudy.design.protocol import Protocol, covariates_of, outputs_of
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

_MOST_PATIENTS = 10**7


@dataclass(frozen=True, eq=False, repr=False)
class Information:
    """The Fisher information that is expected of a design, and what follows from it.

    Parameters
    ----------
    model : PopulationModel
    design : Design
    names : tuple of str, length p
        What is estimated: fixed effects, residual error among them, then variances and covariances of random effects.
    values : float array, shape (p,)
    matrix : float array, shape (p, p)
        On the natural scale, without the prior.
    method, kind : str
        "fo" or "foce", "block" or "full".
    prior : float array, shape (p, p), or None
        Information of studies that are already there.
    """

    model: PopulationModel
    design: Design
    names: tuple[str, ...]
    values: np.ndarray
    matrix: np.ndarray
    method: str
    kind: str
    prior: np.ndarray | None = None

    @cached_property
    def total(self) -> np.ndarray:
        """The matrix with the prior, shape (p, p)."""
        return self.matrix if self.prior is None else self.matrix + self.prior

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """Smallest covariance that unbiased estimates can have, by Cramér and Rao."""
        import pandas as pd

        return pd.DataFrame(self._inverse(1.0), index=list(self.names), columns=list(self.names))

    @cached_property
    def standard_errors(self) -> dict[str, float]:
        """Expected, on the natural scale."""
        return dict(zip(self.names, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    @cached_property
    def relative(self) -> dict[str, float]:
        """Expected standard errors as shares of the values; not-a-number where the value is zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.array(list(self.standard_errors.values())) / np.abs(self.values)
        return dict(zip(self.names, np.where(self.values == 0, np.nan, shares).tolist(), strict=True))

    @property
    def d_criterion(self) -> float:
        """The determinant's p-th root; twice as many patients double it."""
        return float(np.exp(np.linalg.slogdet(self.total)[1] / len(self.names)))

    def table(self) -> pd.DataFrame:
        """Value, expected standard error and relative standard error of every parameter."""
        import pandas as pd

        columns = {
            "value": self.values, "standard error": list(self.standard_errors.values()),
            "relative": list(self.relative.values()),
        }  # fmt: skip
        return pd.DataFrame(columns, index=pd.Index(self.names, name="name"))

    def power(self, name: str, null: float = 0.0, level: float = 0.05) -> float:
        """Power of the two-sided Wald test that a parameter differs from `null` (Retout 2007, doi:10.1002/sim.2910)."""
        return self._power(self._place(name), null, level, 1.0)

    def patients_for_power(
        self, name: str, power: float = 0.8, null: float = 0.0, level: float = 0.05
    ) -> int:
        """Fewest patients, in the design's proportions, with whom `power` is reached.

        Raises
        ------
        SimulationError
            For a parameter whose value is `null`, or a power that is none.
        """
        place = self._place(name)
        if not level < power < 1:
            raise SimulationError(
                f"a power of {power:g} cannot be planned", place=name, repair="give one such as 0.8"
            )
        if self.values[place] == null:
            raise SimulationError(
                f"{name} is {null:g}: there is no effect to be seen", place=self.model.name,
                repair="give the model the effect that should be seen",
            )  # fmt: skip
        return self._fewest(lambda scale: self._power(place, null, level, scale) >= power, name)

    def patients_for_error(self, name: str, relative: float) -> int:
        """Fewest patients, in the design's proportions, with whom the relative standard error is at most `relative`."""
        place = self._place(name)
        if not relative > 0 or self.values[place] == 0:
            raise SimulationError(
                f"no relative standard error of {relative:g} can be planned", place=name,
                repair="give a share above zero, of a parameter that is not zero",
            )  # fmt: skip
        wanted = relative * abs(self.values[place])
        return self._fewest(lambda scale: self._error(place, scale) <= wanted, name)

    def to_json(self) -> dict[str, Any]:
        """Numbers as JSON data."""
        return {
            "model": self.model.name, "method": self.method, "matrix": self.kind, "design": self.design.to_json(),
            "parameters": [
                {"name": n, "value": float(v), "standard_error": self.standard_errors[n],
                 "relative": None if np.isnan(self.relative[n]) else self.relative[n]}
                for n, v in zip(self.names, self.values, strict=True)
            ],
            "d_criterion": self.d_criterion, "information": self.matrix.tolist(),
        }  # fmt: skip

    def require_regular(self) -> Information:
        """Itself, where every parameter can be estimated.

        Raises
        ------
        SimulationError
            Naming the parameters that cannot, and the direction in which nothing changes.
        """
        trouble = self._trouble()
        if trouble:
            raise SimulationError(trouble, place=repr(self.design).splitlines()[0], repair=self._repair())
        return self

    def _trouble(self) -> str:
        sizes = np.sqrt(np.diag(self.total))
        blind = [name for name, size in zip(self.names, sizes, strict=True) if not size > 0]
        if blind:
            return f"the information is singular: no sample of the design depends on {', '.join(blind)}"
        values, vectors = np.linalg.eigh(self.total / np.outer(sizes, sizes))
        if values[0] > FLAT:
            return ""
        flat = int((values <= FLAT).sum())
        count = f" in {flat} directions" if flat > 1 else ""
        return f"the information is singular{count}: nothing changes where {self._direction(vectors[:, 0] / sizes)}"

    def _direction(self, vector: np.ndarray) -> str:
        """A direction in words, in shares of the values."""
        share = vector / np.where(self.values == 0, 1.0, np.abs(self.values))
        share = share / share[np.argmax(np.abs(share))]
        parts = [f"{n} by {100 * s:+.0f} %" for n, s in zip(self.names, share, strict=True) if abs(s) > 0.05]
        return f"{', '.join(parts[:6])} {'move together' if len(parts) > 1 else 'moves'}"

    def _repair(self) -> str:
        most, size = max(group.samples for group in self.design.groups), len(self.names)
        few = f" (at most {most} a patient now, for {size} parameters)" if most < size else ""
        return f"sample at more times{few}, let groups differ, or hold a parameter: fixed=True"

    def _inverse(self, scale: float) -> np.ndarray:
        matrix = scale * self.matrix + (0.0 if self.prior is None else self.prior)
        sizes = np.sqrt(np.diag(matrix))
        return np.linalg.inv(matrix / np.outer(sizes, sizes)) / np.outer(sizes, sizes)

    def _error(self, place: int, scale: float) -> float:
        return float(np.sqrt(self._inverse(scale)[place, place]))

    def _power(self, place: int, null: float, level: float, scale: float) -> float:
        from scipy.special import ndtr, ndtri

        if not 0 < level < 1:
            raise SimulationError(
                f"a level of {level:g} is none", place="level", repair="give one such as 0.05"
            )
        away = abs(self.values[place] - null) / self._error(place, scale)
        limit = ndtri(1 - level / 2)
        return float(ndtr(away - limit) + ndtr(-away - limit))

    def _fewest(self, reached, name: str) -> int:
        """Fewest patients at which a condition, once reached, holds."""
        high = 1
        while not reached(high / self.design.patients):
            high *= 2
            if high > _MOST_PATIENTS:
                raise SimulationError(
                    f"more than {_MOST_PATIENTS:,} patients would be needed", place=name,
                    repair="sample at better times, see optimise_design",
                )  # fmt: skip
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if reached(middle / self.design.patients) else (middle, high)
        return high

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise SimulationError(
                f"no parameter {name!r} is estimated", place=self.model.name,
                repair=f"give one of {', '.join(self.names)}",
            )  # fmt: skip
        return self.names.index(name)

    def __repr__(self) -> str:
        head = f"Expected information, {self.method.upper()} {self.kind}: D-criterion {self.d_criterion:.6g}"
        return f"{head}\n{self.table().to_string(float_format=lambda value: f'{value:.4g}')}"


def expected_information(
    model: PopulationModel,
    design: Design | Iterable[Group | Mapping[str, Any]],
    method: str = "fo",
    *,
    matrix: str = "block",
    draws: int = 50,
    seed: int = 0,
    prior: Information | None = None,
    jobs: int = 1,
) -> Information:
    """The Fisher information expected of a population study, and the standard errors that follow.

    Parameters
    ----------
    model : PopulationModel
        Its values are taken for the truth; what is `fixed` is known.
    design : Design, or sequence of groups
        Each with ``patients``, ``regimen``, ``times``, and where needed ``covariates``, ``occasions``, ``name``.
    method : {"fo", "foce"}
        About which random effects the model is linear: zero (Mentré 1997, doi:10.1093/biomet/84.2.429), or `draws` from
        the population.
    matrix : {"block", "full"}
        "block" leaves out that the covariance of measurements depends on the fixed effects of their mean; its standard
        errors were nearer to simulated ones (Nyberg 2015, doi:10.1111/bcp.12352). "full" counts it (Bazzoli 2009,
        doi:10.1002/sim.3573).
    draws, seed : int
        Of "foce".
    prior : Information, optional
        Of a study that is already there, with the same parameters.
    jobs : int
        Threads, 0 for one per core.

    Returns
    -------
    Information

    Raises
    ------
    SimulationError
        For a design that does not fit the model, or from which some parameter cannot be estimated.

    Notes
    -----
    Limits of quantification are left aside: every measurement counts as a number.

    Examples
    --------
    >>> from understudy import load_model
    >>> found = expected_information(
    ...     load_model("warfarin_adults_no_lag"),
    ...     [{"patients": 32, "regimen": "100 mg", "times": [0.5, 2, 6, 24, 72, 120]}],
    ... )
    >>> round(found.relative["omega(eta_CL)"], 2)
    0.31
    """
    plan = Design.of(design)
    occasions = max(len(group.occasions) or 1 for group in plan.groups)
    approximation = Approximation(model, method, matrix, draws, seed, occasions, jobs)
    return information_of(approximation, plan, prior).require_regular()


def information_of(
    approximation: Approximation, design: Design, prior: Information | None = None
) -> Information:
    """The same without the requirement that it be regular."""
    parts = [group_protocols(approximation.model, design, k) for k in range(len(design.groups))]
    moments = approximation.moments([protocol for part in parts for protocol in part])
    _require_usable(moments, [protocol for part in parts for protocol in part])
    mean = mean_effects(moments)
    matrix, place = 0.0, 0
    for group, part in zip(design.groups, parts, strict=True):
        own = moments[place : place + len(part)]
        each = [approximation.information(m, np.arange(m.usable.size), mean) for m in own]
        matrix, place = matrix + group.patients * np.mean(each, axis=0), place + len(part)
    return Information(
        approximation.model, design, approximation.space.names, approximation.values, matrix,
        approximation.method, approximation.matrix, prior_matrix(prior, approximation),
    )  # fmt: skip


def group_protocols(model: PopulationModel, design: Design, k: int) -> list[Protocol]:
    """A protocol for each kind of patient of a group."""
    group, place = design.groups[k], design.label(k)
    times = outputs_of(model, group.times, place)
    outputs = tuple(name for name, own in times.items() for _ in own)
    flat = np.array([time for own in times.values() for time in own])
    return [
        Protocol(group.regimen, outputs, flat, profile, group.occasions)
        for profile in covariates_of(model, group, place)
    ]


def mean_effects(moments: Iterable[Moments]) -> np.ndarray:
    """Fixed effects that some sample's expectation depends on, shape (fixed,)."""
    return np.logical_or.reduce([(m.d_mean[:, m.usable] != 0).any(axis=(0, 1)) for m in moments])


def prior_matrix(prior: Information | None, approximation: Approximation) -> np.ndarray | None:
    """The information of a study that is already there, which must be about the same parameters."""
    if prior is None:
        return None
    if prior.names != approximation.space.names:
        raise SimulationError(
            "the prior information is about other parameters", place=", ".join(prior.names),
            repair=f"give one about {', '.join(approximation.space.names)}",
        )  # fmt: skip
    return prior.total


def _require_usable(moments: list[Moments], protocols: list[Protocol]) -> None:
    for found, protocol in zip(moments, protocols, strict=True):
        for k in np.flatnonzero(~found.usable):
            raise SimulationError(
                f"a measurement of {protocol.outputs[k]} at {protocol.times[k]:g} has no scatter or no value",
                place=str(protocol.regimen),
                repair="sample where there is drug, or give the residual error an additive part",
            )
