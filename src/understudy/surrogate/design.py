"""Design: at which points of the unit cube the model is run."""

from __future__ import annotations

import numpy as np

from understudy.core.random import stream_key, uniforms


def space_filling(first: int, last: int, dimensions: int, seed: int) -> np.ndarray:
    """Points `first` to `last` (excluded) of a scrambled Sobol' sequence.

    More points leave the first ones as they were, so that a design can be extended.

    Parameters
    ----------
    first, last : int
    dimensions : int
    seed : int
        Of the scrambling.

    Returns
    -------
    float array, shape (last - first, dimensions)

    References
    ----------
    Sobol' IM. USSR Comput Math Math Phys 1967;7:86-112. doi:10.1016/0041-5553(67)90144-9;
    Owen AB. J Complex 1998;14:466-489. doi:10.1006/jcom.1998.0487

    Examples
    --------
    >>> bool((space_filling(0, 64, 3, 1)[32:] == space_filling(32, 64, 3, 1)).all())
    True
    """
    from scipy.stats.qmc import Sobol

    sequence = Sobol(dimensions, rng=generator(seed, "design"))
    return sequence.random_base2(max(last - 1, 1).bit_length())[first:last]


def independent(count: int, dimensions: int, seed: int, purpose: str) -> np.ndarray:
    """Points drawn independently and uniformly, shape (count, dimensions): what errors are measured at.

    Examples
    --------
    >>> independent(5, 2, 1, "test").shape
    (5, 2)
    """
    return uniforms(seed, f"surrogate {purpose}", np.arange(count), dimensions)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A generator of random numbers for libraries that want one; like `uniforms`, keyed by seed and purpose."""
    key = np.random.SeedSequence(list(stream_key(seed, f"surrogate {purpose}")))
    return np.random.Generator(np.random.Philox(key))
