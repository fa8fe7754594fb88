"""Random numbers that belong to a patient: the same whatever the chunk, the order or the number of patients.

Each number is a function of (seed, purpose, patient, position): the counter-based generator Philox4x64-10
of Salmon et al., Proc. SC11 (2011), doi:10.1145/2063384.2063405. The key is made of seed and purpose, the
counter of patient and block. Patient ``i``'s raw stream is that of
``numpy.random.Philox(key=key, counter=[0, i, 0, 0])``.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import SimulationError

_ROUNDS = 10
_WORDS = 4
_CHUNK = 8192  # counters worked on at a time, so that they stay in the processor's cache
# Multipliers and Weyl increments of Philox4x64, Salmon et al. 2011, section 3.3 and their Random123 code.
_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_INCREMENTS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_FRACTION = np.uint64(12)  # leaves 52 bits, so that the middle of each of 2**52 cells is an exact double


def uniforms(seed: int, purpose: str, patients: ArrayLike, count: int) -> NDArray[np.float64]:
    """Uniform numbers between 0 and 1, both excluded.

    Parameters
    ----------
    seed : int
        Of the whole study.
    purpose : str
        What the numbers are for, such as ``"eta"``; different purposes give independent numbers.
    patients : array of int, shape (n,)
        Indices of the patients, zero or above.
    count : int
        Numbers for each patient; asking for more later leaves the first ones as they were.

    Returns
    -------
    array of float, shape (n, count)

    Raises
    ------
    SimulationError
        For indices that are no whole numbers or below zero.

    Examples
    --------
    >>> everyone = uniforms(1, "eta", range(100), 2)
    >>> bool((uniforms(1, "eta", [42], 2) == everyone[42]).all())
    True
    """
    raw = _raw(seed, purpose, patients, count)
    return ((raw >> _FRACTION) + 0.5) * 2.0**-52


def normals(seed: int, purpose: str, patients: ArrayLike, count: int) -> NDArray[np.float64]:
    """Standard normal numbers, by inversion of `uniforms`; parameters and shape are the same.

    Examples
    --------
    >>> normals(1, "eta", [0, 1, 2], 4).shape
    (3, 4)
    """
    from scipy.special import ndtri

    return ndtri(uniforms(seed, purpose, patients, count))


def choices(seed: int, purpose: str, patients: ArrayLike, n: int) -> NDArray[np.int64]:
    """For each patient one of the numbers 0 to n - 1, each equally likely (to within n / 2**64).

    Parameters
    ----------
    seed, purpose, patients
        As for `uniforms`.
    n : int
        How many there are to choose from, at least one.

    Returns
    -------
    array of int, shape (len(patients),)

    Raises
    ------
    SimulationError
        If there is nothing to choose from.

    Examples
    --------
    >>> drawn = choices(1, "covariates", range(1000), 59)
    >>> int(drawn.min()), int(drawn.max())
    (0, 58)
    """
    if n < 1:
        raise SimulationError(f"cannot choose from {n} items", place=purpose, repair="give at least one")
    raw = _raw(seed, purpose, patients, 1)[:, 0]
    return _multiply(raw, np.uint64(n))[0].astype(np.int64)


def stream_key(seed: int, purpose: str) -> tuple[int, int]:
    """The two 64-bit words of the Philox key: the first 16 bytes of SHA-256 of seed and purpose."""
    digest = hashlib.sha256(f"{int(seed)}:{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")


def _raw(seed: int, purpose: str, patients: ArrayLike, count: int) -> NDArray[np.uint64]:
    """Raw 64-bit words, shape (n, count)."""
    index = _indices(patients, purpose)
    blocks = -(-count // _WORDS)
    # NumPy's generator steps its counter before the first block, so blocks count from one here too.
    block = np.tile(np.arange(1, blocks + 1, dtype=np.uint64), len(index))
    patient = np.repeat(index, blocks)
    words = np.empty((len(block), _WORDS), dtype=np.uint64)
    key = stream_key(seed, purpose)
    for start in range(0, len(block), _CHUNK):
        part = slice(start, start + _CHUNK)
        words[part] = np.stack(_philox(block[part], patient[part], key), axis=-1)
    return words.reshape(len(index), blocks * _WORDS)[:, :count]


def _indices(patients: ArrayLike, purpose: str) -> NDArray[np.uint64]:
    index = np.asarray(patients)
    if index.size == 0:
        return np.empty(0, dtype=np.uint64)
    if index.ndim != 1 or index.dtype.kind not in "iu" or index.min() < 0:
        raise SimulationError(
            "patient indices must be a list of whole numbers from zero up",
            place=f"random numbers for {purpose!r}",
            repair="give the positions of the patients, such as range(n)",
        )
    return index.astype(np.uint64)


def _philox(block: NDArray, patient: NDArray, key: tuple[int, int]) -> tuple[NDArray, ...]:
    """The four words of Philox4x64-10 for the counters (block, patient, 0, 0)."""
    a, b, c, d = block, patient, np.zeros_like(block), np.zeros_like(block)
    for turn in range(_ROUNDS):
        first, second = (
            np.uint64((word + turn * step) % 2**64) for word, step in zip(key, _INCREMENTS, strict=True)
        )
        high_a, low_a = _multiply(a, _MULTIPLIERS[0])
        high_c, low_c = _multiply(c, _MULTIPLIERS[1])
        a, b, c, d = high_c ^ b ^ first, low_c, high_a ^ d ^ second, low_a
    return a, b, c, d


def _multiply(left: NDArray[np.uint64], right: np.uint64) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """High and low word of the 128-bit product, put together from products of 32-bit halves."""
    left_high, left_low = left >> _HALF, left & _LOW
    right_high, right_low = right >> _HALF, right & _LOW
    middle = left_high * right_low + ((left_low * right_low) >> _HALF)
    cross = left_low * right_high + (middle & _LOW)
    return left_high * right_high + (middle >> _HALF) + (cross >> _HALF), left * right
