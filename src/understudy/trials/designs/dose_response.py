"""Dose response: the usual models, each two linear parameters and up to two others that bend it.

Pinheiro, Bretz and Branson, in *Dose Finding in Drug Development* (ed. Ting, 2006), pages 146-171; Bornkamp,
Pinheiro and Bretz, J Stat Softw 29 (7), 1 (2009), doi:10.18637/jss.v029.i07.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import SimulationError

Columns = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
_FEW, _MANY = 61, 1201  # grid points of each of two bending parameters, and of one


@dataclass(frozen=True)
class DoseResponseModel:
    """E₀ + Σ βₖ fₖ(dose; θ), linear in β.

    Parameters
    ----------
    name : str
    coefficients, bending : tuple of str
        Names of β (without E₀) and of θ.
    columns : function
        From doses, shape (d,), and θ, shape (n, k), to fₖ, shape (n, d, terms).
    limits : tuple of (float, float)
        Of each θ, for a largest dose of 1; those of a dose (see ``scaled``) grow with it.
    scaled : tuple of bool
        Whether a θ is a dose.
    """

    name: str
    coefficients: tuple[str, ...]
    bending: tuple[str, ...]
    columns: Columns
    limits: tuple[tuple[float, float], ...] = ()
    scaled: tuple[bool, ...] = ()

    @property
    def size(self) -> int:
        """Number of parameters, E₀ too."""
        return 1 + len(self.coefficients) + len(self.bending)

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters: E0, β, θ."""
        return ("E0", *self.coefficients, *self.bending)

    def bounds(self, largest: float) -> NDArray[np.float64]:
        """Limits of θ for a largest dose, shape (k, 2)."""
        factors = np.where(self.scaled, largest, 1.0)
        return np.array(self.limits).reshape(-1, 2) * factors[:, None]

    def design(self, dose: ArrayLike, theta: ArrayLike) -> NDArray[np.float64]:
        """Columns for E₀ and β, shape (n, d, 1 + terms)."""
        at = np.asarray(dose, dtype=float)
        values = self.columns(at, np.asarray(theta, dtype=float))
        return np.concatenate([np.ones((*values.shape[:2], 1)), values], axis=2)

    def grid(self, largest: float) -> NDArray[np.float64]:
        """Values of θ from end to end, evenly on the logarithm, shape (n, k)."""
        bounds = self.bounds(largest)
        if not len(bounds):
            return np.zeros((1, 0))
        count = _MANY if len(bounds) == 1 else _FEW
        axes = [np.geomspace(low, high, count) for low, high in bounds]
        return np.stack([each.ravel() for each in np.meshgrid(*axes, indexing="ij")], axis=1)


def _one(function: Callable) -> Columns:
    """Columns of one term; the arguments are the dose and each θ as columns."""
    return lambda dose, theta: np.broadcast_to(
        function(dose[None, :], *np.asarray(theta).T[:, :, None]), (len(theta), len(dose))
    )[..., None]


def _hill(dose, ed50, hill):
    # By the logarithm: powers of doses and of ED50 alone would overflow.
    with np.errstate(divide="ignore"):
        log = np.log(np.maximum(dose, 0.0) / ed50)
    return np.where(dose > 0, 1 / (1 + np.exp(-np.clip(hill * log, -700, 700))), 0.0)


# Limits of θ are those that DoseFinding takes by default (its help page `defBnds`), in parts of the largest dose.
_ED50 = (0.001, 1.5)
MODELS: dict[str, DoseResponseModel] = {
    each.name: each
    for each in (
        DoseResponseModel("linear", ("slope",), (), _one(lambda dose: dose)),
        DoseResponseModel(
            "quadratic",
            ("slope", "square"),
            (),
            lambda dose, theta: np.broadcast_to(
                np.stack([dose, dose**2], axis=1), (len(theta), len(dose), 2)
            ),
        ),
        DoseResponseModel("emax", ("Emax",), ("ED50",), _one(lambda d, e: d / (e + d)), (_ED50,), (True,)),
        DoseResponseModel(
            "sigmoid emax", ("Emax",), ("ED50", "hill"), _one(_hill), (_ED50, (0.5, 10.0)), (True, False)
        ),
        DoseResponseModel(
            "exponential", ("E1",), ("delta",), _one(lambda d, s: np.expm1(d / s)), ((0.1, 2.0),), (True,)
        ),
        DoseResponseModel(
            "logistic",
            ("Emax",),
            ("ED50", "delta"),
            _one(lambda d, e, s: 1 / (1 + np.exp(np.clip((e - d) / s, -700, 700)))),
            (_ED50, (0.01, 0.5)),
            (True, True),
        ),
    )
}


def linear_log_model(offset: float) -> DoseResponseModel:
    """E₀ + slope · log(dose + offset); the offset is chosen, not estimated."""
    return DoseResponseModel(
        "linear log", ("slope",), (), _one(lambda dose: np.log(dose + offset) - np.log(offset))
    )


def model_named(name: str, largest: float, offset: float | None = None) -> DoseResponseModel:
    """A model by its name; ``linear log`` with an offset, a hundredth of the largest dose where none is given.

    Examples
    --------
    >>> model_named("emax", 1.0).names
    ('E0', 'Emax', 'ED50')
    """
    if name == "linear log":
        return linear_log_model(0.01 * largest if offset is None else offset)
    if name not in MODELS:
        raise SimulationError(
            f"no dose-response model {name!r}",
            place="model",
            repair=f"give one of {', '.join([*MODELS, 'linear log'])}",
        )
    return MODELS[name]


@dataclass(frozen=True)
class CandidateShape:
    """A shape that is guessed before the trial: a model with its bending parameters; a function of the dose.

    Parameters
    ----------
    model : str
        Name of a `DoseResponseModel`.
    parameters : tuple of float
        Its θ; of ``quadratic`` the square's coefficient over the slope, of ``linear log`` the offset.

    Examples
    --------
    >>> emax(0.5)(np.array([0.0, 0.5])).tolist()
    [0.0, 0.5]
    """

    model: str
    parameters: tuple[float, ...] = ()

    def __post_init__(self):
        wrong = [value for value in self.parameters if not np.isfinite(value)]
        if self.model != "quadratic":
            wrong += [value for value in self.parameters if not value > 0]
        if wrong:
            raise SimulationError(
                f"{self.model} with {wrong[0]:g}", place="shape", repair="give finite numbers above 0"
            )

    def __call__(self, dose: NDArray[np.float64]) -> NDArray[np.float64]:
        at = np.asarray(dose, dtype=float)
        if self.model == "quadratic":
            return at + self.parameters[0] * at**2
        if self.model == "linear log":
            return np.log(at + self.parameters[0])
        return MODELS[self.model].columns(at, np.array([self.parameters]).reshape(1, -1))[0, :, 0]


def log_offset(shapes: Iterable[object]) -> float | None:
    """The offset of the shapes linear in log(dose + offset), or None without one; two of them cannot be fitted."""
    found = {s.parameters[0] for s in shapes if isinstance(s, CandidateShape) and s.model == "linear log"}
    if len(found) > 1:
        raise SimulationError(
            f"offsets {sorted(found)}",
            place="linear_log",
            repair="give one offset: it is chosen, not estimated",
        )
    return found.pop() if found else None


def linear() -> CandidateShape:
    """The dose itself."""
    return CandidateShape("linear")


def linear_log(offset: float = 1.0) -> CandidateShape:
    """log(d + offset)."""
    return CandidateShape("linear log", (offset,))


def emax(ed50: float, hill: float = 1.0) -> CandidateShape:
    """d^h / (ED50^h + d^h); with another Hill coefficient than 1 the model that is fitted is ``sigmoid emax``."""
    return CandidateShape("emax", (ed50,)) if hill == 1 else CandidateShape("sigmoid emax", (ed50, hill))


def exponential(delta: float) -> CandidateShape:
    """exp(d / δ) - 1."""
    return CandidateShape("exponential", (delta,))


def quadratic(delta: float) -> CandidateShape:
    """d + δ d²."""
    return CandidateShape("quadratic", (delta,))


def logistic(ed50: float, delta: float) -> CandidateShape:
    """1 / (1 + exp((ED50 - d) / δ))."""
    return CandidateShape("logistic", (ed50, delta))
