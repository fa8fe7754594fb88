"""Tumour simulator: lung tumours under chemotherapy and radiotherapy, given by how large they have been.

Volume grows by Gompertz's law and is killed by a drug and by radiation (linear-quadratic); doctors treat the larger
tumours more often, the more so the larger gamma. The mechanism and its parameters are those of Geng, Paganetti and
Grassberger (Sci Rep 2017;7:13542, doi:10.1038/s41598-017-13646-z); the day's step, the patient types and the assignment
of treatments those that Lim, Alaa and van der Schaar (NeurIPS 2018), Bica et al. (ICLR 2020, arXiv:2002.04083) and
Melnychuk, Frauen and Feuerriegel (ICML 2022, arXiv:2204.07258) made of it to compare methods for counterfactuals.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import choices, normals, uniforms

# Sizes are diameters of spheres in cm, volumes in cm³, days the unit of time.
DEATH_DIAMETER, CAPACITY_DIAMETER = 13.0, 30.0
CELLS = 5.8e8  # cells in a cm³: a patient recovers with the probability that none is left
# Stage: patients seen (Detterbeck and Gibson, J Thorac Oncol 2008;3:781-792) and the truncated log-normal distribution
# of the diameter at diagnosis: mean and standard deviation of the logarithm, smallest, largest (Geng 2017).
STAGES = {
    "I": (1432, 1.72, 4.70, 0.3, 5.0),
    "II": (128, 1.96, 1.63, 0.3, 13.0),
    "IIIA": (1306, 1.91, 9.40, 0.3, 13.0),
    "IIIB": (7248, 2.76, 6.87, 0.3, 13.0),
    "IV": (12840, 3.86, 8.82, 0.3, 13.0),
}
# Mean and standard deviation in the population (Geng 2017, table 1): growth per day and radiosensitivity per Gy are
# correlated and cut off at zero, the drug's effect is per unit of concentration and day.
GROWTH, RADIOSENSITIVITY, DRUG_EFFECT = (7e-5, 7.23e-3), (0.0398, 0.168), (0.028, 0.0007)
CORRELATION = 0.87
ALPHA_BETA = 10.0  # Gy
# Added for patients of type 1 to the radiosensitivity, for those of type 3 to the drug's effect (Lim 2018).
TYPE_EFFECT = 0.1
DOSE, FRACTION, HALF_LIFE = 5.0, 2.0, 1.0  # units of drug, Gy, days
NOISE = 0.01  # standard deviation of a day's relative growth
WINDOW = 15  # days before today whose diameters, with today's, decide on treatment
_CANDIDATES = 48  # pairs drawn for a patient, of which the first that is positive is his; 0.45**48 is 2e-17


def volume_of(diameter: ArrayLike) -> NDArray[np.float64]:
    """Volume of a sphere, cm³ from cm.

    Examples
    --------
    >>> round(float(volume_of(13.0)), 1)
    1150.3
    """
    return np.pi / 6 * np.asarray(diameter, float) ** 3


def diameter_of(volume: ArrayLike) -> NDArray[np.float64]:
    """Diameter of a sphere, cm from cm³."""
    return np.cbrt(6 / np.pi * np.asarray(volume, float))


LARGEST, CAPACITY = float(volume_of(DEATH_DIAMETER)), float(volume_of(CAPACITY_DIAMETER))


@dataclass(frozen=True, eq=False)
class TumourPatients:
    """Patients as nature made them; no method may look at more than the type and the volume.

    Parameters
    ----------
    places : int array, shape (n,)
        They key the random numbers.
    kind : int array, shape (n,)
        1 (more sensitive to radiation), 2, or 3 (more sensitive to the drug).
    volume : float array, shape (n,)
        At diagnosis, cm³.
    growth, drug_effect, radiosensitivity : float array, shape (n,)
        1/day, 1/(unit · day), 1/Gy.
    """

    places: NDArray[np.int64]
    kind: NDArray[np.int64]
    volume: NDArray[np.float64]
    growth: NDArray[np.float64]
    drug_effect: NDArray[np.float64]
    radiosensitivity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.places)

    def take(self, which: ArrayLike) -> TumourPatients:
        """Some of the patients."""
        which = np.asarray(which)
        return TumourPatients(**{each.name: getattr(self, each.name)[which] for each in fields(self)})

    def next_volume(self, volume, concentration, fraction, noise) -> NDArray[np.float64]:
        """A day later, cm³, for arrays whose first axis is the patients'; at zero and below there is no growth."""
        at = (slice(None), *(None,) * (np.ndim(volume) - 1))
        gompertz = np.log(CAPACITY / np.maximum(volume, 1e-300))
        kill = self.radiosensitivity[at] * (fraction + np.square(fraction) / ALPHA_BETA)
        change = self.growth[at] * gompertz - self.drug_effect[at] * concentration - kill + noise
        return volume * (1 + change)


def draw_patients(places: ArrayLike, seed: int) -> TumourPatients:
    """Patients from the population of Geng 2017.

    Parameters
    ----------
    places : array of int, shape (n,)
        Different ones are different patients.
    seed : int

    Examples
    --------
    >>> people = draw_patients(range(2000), seed=1)
    >>> bool(people.growth.min() > 0), round(float(np.median(people.drug_effect)), 3)
    (True, 0.028)
    """
    places = np.asarray(places)
    kind = choices(seed, "tumour type", places, 3) + 1
    growth, alpha = _correlated(seed, places)
    effect = DRUG_EFFECT[0] + DRUG_EFFECT[1] * normals(seed, "tumour drug effect", places, 1)[:, 0]
    return TumourPatients(
        places,
        kind,
        volume_of(_diameters(seed, places)),
        growth,
        effect + TYPE_EFFECT * DRUG_EFFECT[0] * (kind == 3),
        alpha + TYPE_EFFECT * RADIOSENSITIVITY[0] * (kind == 1),
    )


def _diameters(seed: int, places: np.ndarray) -> NDArray[np.float64]:
    from scipy.special import ndtr, ndtri

    seen, mean, spread, low, high = np.array(list(STAGES.values())).T
    u = uniforms(seed, "tumour size", places, 2)
    stage = np.searchsorted(np.cumsum(seen)[:-1] / seen.sum(), u[:, 0], side="right")
    low, high = (ndtr((np.log(edge) - mean) / spread)[stage] for edge in (low, high))
    return np.exp(mean[stage] + spread[stage] * ndtri(low + u[:, 1] * (high - low)))


def _correlated(seed: int, places: np.ndarray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Growth and radiosensitivity of each patient: the first of the pairs drawn for him that is positive."""
    z = normals(seed, "tumour growth and radiosensitivity", places, 2 * _CANDIDATES)
    first, other = z[:, ::2], z[:, 1::2]
    alpha = RADIOSENSITIVITY[0] + RADIOSENSITIVITY[1] * first
    mixed = CORRELATION * first + np.sqrt(1 - CORRELATION**2) * other
    growth = GROWTH[0] + GROWTH[1] * mixed
    good = (growth > 0) & (alpha > 0)
    chosen = (np.arange(len(places)), good.argmax(axis=1))
    return growth[chosen], alpha[chosen]


@dataclass(frozen=True, eq=False)
class TumourCourses:
    """What happened to patients, day by day.

    Parameters
    ----------
    patients : TumourPatients
    volume : float array, shape (n, days)
        cm³; NaN after the last day of a patient, who is then dead, recovered (zero) or no longer watched.
    chemotherapy, radiotherapy : bool array, shape (n, days - 1)
        Given on a day, of effect on the next day's volume.
    concentration : float array, shape (n, days - 1)
        Of the drug, in units of a dose's amount; zero after the last day.
    noise : float array, shape (n, days + 5)
        Of each day's relative growth: counterfactual courses meet the same.
    gamma : float
        How strongly size decided on treatment.
    """

    patients: TumourPatients
    volume: NDArray[np.float64]
    chemotherapy: NDArray[np.bool_]
    radiotherapy: NDArray[np.bool_]
    concentration: NDArray[np.float64]
    noise: NDArray[np.float64]
    gamma: float

    @property
    def watched(self) -> NDArray[np.bool_]:
        """Days from which the next volume is known, shape (n, days - 1)."""
        return np.isfinite(self.volume[:, 1:])

    @property
    def carried(self) -> NDArray[np.float64]:
        """Concentration left on each day from the days before, shape (n, days - 1)."""
        left = np.zeros_like(self.concentration)
        left[:, 1:] = self.concentration[:, :-1] * kept(HALF_LIFE)
        return left


HORIZON = 5  # days of other treatment after the day whose treatment is the real one


def kept(half_life: float) -> float:
    """Share of a drug that is left after a day."""
    return float(0.5 ** (1 / half_life))


def simulate_courses(
    patients: TumourPatients,
    gamma: float,
    days: int = 60,
    seed: int = 0,
    deciding: ArrayLike | None = None,
) -> TumourCourses:
    """Treat patients as doctors do, and watch them.

    On each day either treatment is given with probability ``1 / (1 + exp(-gamma / 13 (D - 6.5)))``, D the mean diameter
    of today and the 15 days before (fewer at the start), in cm. A volume above that of a sphere of 13 cm is death; a
    tumour recovers with the probability ``exp(-cells)``.

    Parameters
    ----------
    patients : TumourPatients
    gamma : float
        Zero: by the toss of a coin.
    days : int
        At least 2.
    seed : int
    deciding : float array, shape (n, days), optional
        Volumes that decide on treatment in the place of the patients' own.

    Raises
    ------
    SimulationError
        For a gamma that is not finite, or fewer than two days.

    Examples
    --------
    >>> courses = simulate_courses(draw_patients(range(300), seed=1), gamma=4.0)
    >>> courses.volume.shape, bool(np.nanmax(courses.volume) <= LARGEST)
    ((300, 60), True)
    """
    if not np.isfinite(gamma) or days < 2:
        raise SimulationError(
            f"gamma {gamma}, {days} days",
            place="simulate_courses",
            repair="a finite gamma and at least two days",
        )
    n = len(patients)
    noise = NOISE * normals(seed, "tumour noise", patients.places, days + HORIZON)
    u = uniforms(seed, "tumour treatment", patients.places, 3 * days).reshape(n, days, 3)
    volume = np.full((n, days), np.nan)
    volume[:, 0] = patients.volume
    given = np.zeros((2, n, days - 1), bool)
    concentration = np.zeros((n, days - 1))
    alive = np.ones(n, bool)
    for day in range(days - 1):
        seen = volume if deciding is None else np.asarray(deciding, float)
        wanted = _assignment(seen[:, max(day - WINDOW, 0) : day + 1], gamma)
        given[:, :, day] = alive & (wanted > u[:, day, :2].T)
        before = concentration[:, day - 1] * kept(HALF_LIFE) if day else 0.0
        concentration[:, day] = np.where(alive, before + DOSE * given[0, :, day], 0.0)
        after = patients.next_volume(
            volume[:, day], concentration[:, day], FRACTION * given[1, :, day], noise[:, day + 1]
        )
        volume[:, day + 1] = np.where(alive, np.clip(after, 0.0, LARGEST), np.nan)
        alive &= _goes_on(volume[:, day + 1], u[:, day, 2])
    return TumourCourses(patients, volume, *given, concentration, noise, float(gamma))


def _assignment(volume: np.ndarray, gamma: float) -> NDArray[np.float64]:
    """Probability of either treatment, from the volumes of the last days, shape (n, up to 16)."""
    metric = diameter_of(volume).mean(axis=1)
    return 1 / (1 + np.exp(-gamma / DEATH_DIAMETER * (metric - DEATH_DIAMETER / 2)))


def _goes_on(volume: np.ndarray, u: np.ndarray) -> NDArray[np.bool_]:
    return (volume < LARGEST) & (u > np.exp(-np.minimum(volume * CELLS, 700.0)))
