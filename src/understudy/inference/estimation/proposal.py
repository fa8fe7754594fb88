"""Proposal: what importance samples of the random effects are drawn from.

A normal or t distribution about each subject's conditional mean, by random numbers or by Sobol's sequence with a random
digital shift for each subject (L'Ecuyer P, Lemieux C. Recent advances in randomized quasi-Monte Carlo methods. In:
Modeling uncertainty, 2002, doi:10.1007/0-306-48102-2_20), whose averages scatter less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals, uniforms

# Independent shifts of Sobol's sequence: their scatter is the standard error.
_SHIFTS, _BITS = 8, 30


@dataclass(frozen=True)
class Proposal:
    """A distribution to draw from.

    Parameters
    ----------
    freedom : float or None
        Degrees of freedom of the t distribution; None: a normal one, whose tails may be too thin.
    scale : float
        What conditional covariances are multiplied by.
    sobol : bool
        Sobol's sequence instead of random numbers: samples are rounded up to eight times a power of two.

    Examples
    --------
    >>> places, density = Proposal(freedom=None).draws(2, 3, 100, seed=1)
    >>> places.shape, density.shape
    ((100, 2, 3), (100, 2))
    """

    freedom: float | None = 5.0
    scale: float = 1.0
    sobol: bool = False

    def __post_init__(self) -> None:
        if not self.scale > 0 or (self.freedom is not None and not self.freedom > 0):
            raise SimulationError(
                f"a proposal with freedom={self.freedom} and scale={self.scale} is no distribution",
                repair="give numbers above zero, or freedom=None",
            )

    def samples(self, wanted: int) -> int:
        """How many draws there are of each subject where at least so many are wanted."""
        return _SHIFTS * 2 ** int(np.ceil(np.log2(max(wanted / _SHIFTS, 1)))) if self.sobol else wanted

    def groups(self, samples: int) -> int:
        """Into how many independent parts the draws fall, one behind the other."""
        return _SHIFTS if self.sobol else samples

    def draws(
        self, subjects: int, size: int, samples: int, seed: int, purpose: str = "importance"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws in units of standard deviations, and the logarithms of their density.

        Parameters
        ----------
        subjects, size : int
            N, and the number of random effects.
        samples : int
            As `samples` gives it.
        seed : int
        purpose : str
            Other purposes have other numbers.

        Returns
        -------
        float arrays, shape (samples, N, size) and (samples, N)
        """
        z, mixing = self._numbers(subjects, size, samples, seed, purpose)
        if self.freedom is None:
            places = np.sqrt(self.scale) * z
            density = -0.5 * ((z**2).sum(axis=-1) + size * np.log(2.0 * np.pi * self.scale))
            return places, density
        from scipy.special import gammaincinv, gammaln

        own = self.freedom
        stretched = z * np.sqrt(own / (2.0 * gammaincinv(0.5 * own, mixing)))[..., None]
        constant = gammaln(0.5 * (own + size)) - gammaln(0.5 * own)
        constant -= 0.5 * size * np.log(own * np.pi * self.scale)
        density = constant - 0.5 * (own + size) * np.log1p((stretched**2).sum(axis=-1) / own)
        return np.sqrt(self.scale) * stretched, density

    def _numbers(self, subjects: int, size: int, samples: int, seed: int, purpose: str):
        """Standard normal numbers, shape (samples, N, size), and uniform ones, shape (samples, N)."""
        who = np.arange(subjects)
        if not self.sobol:
            z = normals(seed, purpose, who, samples * size).reshape(subjects, samples, size)
            return z.swapaxes(0, 1), uniforms(seed, f"{purpose} stretch", who, samples).T
        from scipy.special import ndtri
        from scipy.stats.qmc import Sobol

        each, width = samples // _SHIFTS, size + 1
        plain = Sobol(width, scramble=False, bits=_BITS).random_base2(int(np.log2(each)))
        shift = uniforms(seed, f"{purpose} shift", who, _SHIFTS * width).reshape(subjects, _SHIFTS, 1, width)
        mixed = _digits(plain) ^ _digits(shift)
        numbers = ((mixed + 0.5) / 2**_BITS).reshape(subjects, samples, width).swapaxes(0, 1)
        return ndtri(numbers[..., :size]), numbers[..., size]


def _digits(fractions: np.ndarray) -> np.ndarray:
    return (fractions * 2**_BITS).astype(np.int64)
