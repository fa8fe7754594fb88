"""Assurance: power averaged over what is not known of the effect.

O'Hagan, Stevens and Campbell, Pharm Stat 4, 187 (2005), doi:10.1002/pst.175.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.patients import Patients
from understudy.trials.designs.runs import Design


def normal_assurance(mean: float, sd: float, standard_error: float, *, alpha: float = 0.025) -> float:
    """Probability of a one-sided rejection for an effect that is normal with ``mean`` and ``sd``.

    Parameters
    ----------
    mean, sd : float
        Of the belief about the effect; sd 0 gives the power.
    standard_error : float
        Of the trial's estimate.
    alpha : float

    Examples
    --------
    >>> round(normal_assurance(0.5, 0.0, 0.154), 3), round(normal_assurance(0.5, 0.3, 0.154), 3)
    (0.901, 0.722)
    """
    from scipy.special import ndtr, ndtri

    if sd < 0 or standard_error <= 0:
        raise SimulationError(
            f"sd {sd}, standard error {standard_error}",
            place="normal_assurance",
            repair="give numbers above 0",
        )
    limit = -float(ndtri(alpha)) * standard_error
    return float(ndtr((mean - limit) / math.hypot(standard_error, sd)))


def assurance(power: Callable[[float], float], effects) -> tuple[float, float]:
    """Mean of a power function over draws of the effect, as of a posterior, and its Monte Carlo standard error.

    Examples
    --------
    >>> assurance(lambda effect: min(effect, 1.0), [0.2, 0.4])
    (0.30000000000000004, 0.1)
    """
    values = np.asarray([power(float(effect)) for effect in np.asarray(effects, dtype=float)])
    if len(values) < 2:
        raise SimulationError("fewer than two draws", place="effects", repair="give more")
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


@dataclass(frozen=True)
class Assurance:
    """Power averaged over draws of what is true.

    Parameters
    ----------
    probability : float
        To reject.
    error : float
        Monte Carlo standard error, of the draws and of the trials.
    powers : tuple of float
        Share of trials that reject, of each draw.
    trials : int
        Of each draw.
    """

    probability: float
    error: float
    powers: tuple[float, ...]
    trials: int

    def __repr__(self) -> str:
        return (
            f"Assurance {self.probability:.4f} ± {self.error:.4f}, over {len(self.powers)} draws of what is true, "
            f"{self.trials} trials each; power from {min(self.powers):.3f} to {max(self.powers):.3f}"
        )


def simulated_assurance(
    design: Design,
    draws: Iterable[Patients],
    *,
    trials: int = 250,
    seed: int,
    conduct: Conduct | None = None,
    hypothesis: str | None = None,
) -> Assurance:
    """Assurance of any design, by trials under each of many draws of what is true.

    Parameters
    ----------
    design : Design
    draws : iterable of Patients
        One for each draw, as from a posterior of the parameters.
    trials : int
        Of each draw; few of many draws tell more than many of few.
    seed : int
    conduct : Conduct, optional
    hypothesis : str, optional
        That shall be rejected; any where none is given.

    Raises
    ------
    SimulationError
        For fewer than two draws.

    Examples
    --------
    >>> from understudy.trials.designs.parallel_design import ParallelDesign
    >>> from understudy.trials.designs.response_patients import ContinuousPatients
    >>> effects = np.random.default_rng(1).normal(0.5, 0.2, 40)
    >>> draws = [ContinuousPatients({"control": 0.0, "drug": effect}) for effect in effects]
    >>> found = simulated_assurance(ParallelDesign(patients=128), draws, trials=100, seed=1)
    >>> 0.6 < found.probability < 0.8
    True
    """
    from understudy.trials.designs.simulate_trials import simulate_trials

    powers = []
    for number, patients in enumerate(draws):
        # Another seed each: draws that had the same patients would share their luck.
        scenarios = {"null": patients}
        found = simulate_trials(design, scenarios, trials=trials, seed=seed + 1 + number, conduct=conduct)
        powers.append(found.rejection("null", hypothesis)[0])
    if len(powers) < 2:
        raise SimulationError("fewer than two draws", place="draws", repair="give more")
    error = float(np.std(powers, ddof=1) / math.sqrt(len(powers)))
    return Assurance(float(np.mean(powers)), error, tuple(powers), trials)
