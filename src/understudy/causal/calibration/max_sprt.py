"""MaxSPRT: how large a log-likelihood ratio must be to speak at one of several looks at accruing data.

Kulldorff et al. 2011, Sequential Anal 30:58-78, doi:10.1080/07474946.2011.539924. With the systematic error of a null
distribution: Schuemie et al. 2022, doi:10.3389/fphar.2022.893484.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.calibration.null_distribution import NullDistribution
from understudy.core.errors import DataError, Problem

Array = NDArray[np.float64]
Method = Literal["exact", "simulation"]
_BIASES = 41  # points of a null distribution that is integrated
_TAIL = 1e-12  # probability of counts that are beyond reckoning


@dataclass(frozen=True)
class CriticalValue:
    """A limit of the log-likelihood ratio.

    Parameters
    ----------
    value : float
        A signal is a ratio above it, at any look.
    alpha : float
        Probability of a signal at any look without an effect: below what was asked for, as counts are whole.
    looks : int
    method : str
    """

    value: float
    alpha: float
    looks: int
    method: str


def poisson_critical_value(
    expected: ArrayLike,
    *,
    minimum_events: int = 1,
    alpha: float = 0.05,
    null: NullDistribution | None = None,
    method: Method = "exact",
    simulations: int = 1_000_000,
    seed: int = 0,
) -> CriticalValue:
    """Critical value where an observed count is compared with an expected one.

    Parameters
    ----------
    expected : array of float, shape (looks,)
        Events expected without an effect between looks.
    minimum_events : int
        Below which nothing is a signal.
    alpha : float
        Of a signal at any look.
    null : NullDistribution, optional
        Systematic error: the expected events are multiplied by the exponential of one draw a study.
    method : {"exact", "simulation"}
        By the probabilities of all counts, or by simulated studies, as EmpiricalCalibration's.
    simulations, seed : int
        Of "simulation".

    Returns
    -------
    CriticalValue

    Raises
    ------
    DataError
        For expectations that are not positive, or an alpha that no count reaches.

    Examples
    --------
    EmpiricalCalibration's documentation prints 2.545177 and an alpha of 0.044 for this:

    >>> found = poisson_critical_value([1] * 10)
    >>> round(found.value, 6), round(found.alpha, 3)
    (2.545177, 0.044)
    """
    sizes = _sizes(expected, minimum_events, alpha, method)

    def steps(bias: float) -> list[Array]:
        return [_poisson_probabilities(each * np.exp(bias)) for each in sizes]

    total = np.cumsum(sizes)
    if method == "simulation":
        rng, biases = _generator(seed, "Poisson"), _drawn_biases(null, simulations, seed)
        counts = np.cumsum([rng.poisson(each * np.exp(biases)) for each in sizes], axis=0)
        ratios = [_poisson_llr(c, t, minimum_events) for c, t in zip(counts, total, strict=True)]
        return _by_simulation(ratios, alpha)
    ratio = lambda look, count: _poisson_llr(count, total[look], minimum_events)  # noqa: E731
    return _exact(steps, ratio, null, alpha, len(sizes))


def binomial_critical_value(
    events: ArrayLike,
    z: float,
    *,
    minimum_events: int = 1,
    alpha: float = 0.05,
    null: NullDistribution | None = None,
    method: Method = "exact",
    simulations: int = 1_000_000,
    seed: int = 0,
) -> CriticalValue:
    """Critical value where each event is in the time at risk or in time of comparison; also for Cox models.

    Parameters
    ----------
    events : array of int, shape (looks,)
        Events between looks, in both together.
    z : float
        Time of comparison over time at risk (controls a case).
    minimum_events, alpha, null, method, simulations, seed
        See `poisson_critical_value`; at least so many events have to be in the time at risk. The odds of an event in
        the time at risk are multiplied by the exponential of the systematic error.

    Returns
    -------
    CriticalValue

    Examples
    --------
    EmpiricalCalibration's documentation prints 3.064954 and 0.049317 (simulated) for this:

    >>> found = binomial_critical_value([1] * 10, 4)
    >>> round(found.value, 6), round(found.alpha, 5)
    (3.064954, 0.04915)
    """
    sizes = _sizes(events, minimum_events, alpha, method)
    if (sizes != np.round(sizes)).any() or not z > 0:
        problem = Problem("events are whole numbers and z is positive", "give counts, and a ratio of times")
        raise DataError([problem], place="a critical value")
    share, total = 1 / (1 + z), np.cumsum(sizes)

    def steps(bias: float) -> list[Array]:
        from scipy.stats import binom

        p = _shifted(share, bias)
        return [binom.pmf(np.arange(int(each) + 1), int(each), p) for each in sizes]

    if method == "simulation":
        rng, biases = _generator(seed, "binomial"), _drawn_biases(null, simulations, seed)
        p = _shifted(share, biases)
        counts = np.cumsum([rng.binomial(int(each), p, simulations) for each in sizes], axis=0)
        ratios = [_binomial_llr(c, t, share, minimum_events) for c, t in zip(counts, total, strict=True)]
        return _by_simulation(ratios, alpha)
    ratio = lambda look, count: _binomial_llr(count, total[look], share, minimum_events)  # noqa: E731
    return _exact(steps, ratio, null, alpha, len(sizes))


def regression_critical_value(
    expected: ArrayLike,
    z: float,
    *,
    minimum_events: int = 1,
    alpha: float = 0.05,
    null: NullDistribution | None = None,
    simulations: int = 1_000_000,
    seed: int = 0,
) -> CriticalValue:
    """Critical value where rates of two times are compared by Poisson regression.

    The rate of comparison is estimated too. By simulation only.

    Parameters
    ----------
    expected : array of float, shape (looks,)
        Events expected without an effect between looks, in the time at risk and the time of comparison together.
    z : float
        Time of comparison over time at risk.
    minimum_events, alpha, null, simulations, seed
        See `poisson_critical_value`; at least so many events have to be in both times together.

    Returns
    -------
    CriticalValue

    Examples
    --------
    >>> found = regression_critical_value([1] * 10, 4, simulations=20_000)
    >>> 1.5 < found.value < 3.5, found.alpha < 0.05
    (True, True)
    """
    sizes = _sizes(expected, minimum_events, alpha, "simulation")
    if not z > 0:
        problem = Problem("no ratio of times", "give a positive number", value=str(z))
        raise DataError([problem], place="a critical value")
    rng, biases = _generator(seed, "regression"), _drawn_biases(null, simulations, seed)
    share, factor = 1 / (1 + z), np.exp(biases)
    at_risk = np.cumsum([rng.poisson(each * share * factor, simulations) for each in sizes], axis=0)
    compared = np.cumsum([rng.poisson(each * (1 - share), simulations) for each in sizes], axis=0)
    totals = at_risk + compared
    ratios = []
    for k in range(len(sizes)):
        llr = _binomial_llr(at_risk[k], totals[k], share, 0)
        ratios.append(np.where(totals[k] >= minimum_events, llr, 0.0))
    return _by_simulation(ratios, alpha)


def _exact(
    steps: Callable[[float], list[Array]],
    ratio: Callable[[int, Array], Array],
    null: NullDistribution | None,
    alpha: float,
    looks: int,
) -> CriticalValue:
    """The lowest of all possible ratios that is exceeded at any look with a probability below alpha."""
    biases, weights = _bias_points(null)
    probabilities = [steps(bias) for bias in biases]
    most = max(sum(each.size - 1 for each in one) for one in probabilities)
    table = [ratio(look, np.arange(most + 1.0)) for look in range(looks)]
    candidates = np.unique(np.concatenate(table))
    candidates = np.append(0.0, candidates[candidates > 0])

    def error(limit: float) -> float:
        return float(sum(w * _crossing(p, table, limit) for w, p in zip(weights, probabilities, strict=True)))

    low, high = 0, candidates.size - 1
    if high == 0 or error(candidates[high]) >= alpha:
        _refuse_unreachable(alpha)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if error(candidates[middle]) < alpha else (middle, high)
    # Counts are whole: what exceeds the candidate before reaches this one.
    return CriticalValue(float(candidates[high - 1]), error(candidates[high]), looks, "exact")


def _crossing(probabilities: list[Array], table: list[Array], limit: float) -> float:
    """Probability that the ratio reaches a limit at any look, by counts that have not reached it before."""
    states, crossed = np.array([1.0]), 0.0
    for step, ratios in zip(probabilities, table, strict=True):
        states = np.convolve(states, step)
        over = ratios[: states.size] >= limit
        crossed += float(states[over].sum())
        states[over] = 0.0
    return crossed


def _by_simulation(ratios: list[Array], alpha: float) -> CriticalValue:
    """The lowest ratio that fewer than alpha of simulated studies exceed."""
    highest = np.max(ratios, axis=0)
    values, counts = np.unique(np.round(highest, 10), return_counts=True)
    reached = np.cumsum(counts[::-1])[::-1] / highest.size
    good = np.flatnonzero((reached < alpha) & (values > 0))
    if not good.size:
        _refuse_unreachable(alpha)
    before = float(values[good[0] - 1]) if good[0] else 0.0
    return CriticalValue(before, float(reached[good[0]]), len(ratios), "simulation")


def _poisson_llr(count: Array, expected: float, minimum: int) -> Array:
    from scipy.special import xlogy

    found = xlogy(count, count / expected) - (count - expected)
    return np.where((count >= minimum) & (count >= expected), found, 0.0)


def _binomial_llr(count: Array, total: Array | float, share: float, minimum: int) -> Array:
    from scipy.special import xlogy

    total = np.broadcast_to(np.asarray(total, float), np.shape(count))
    inside = np.minimum(count, total)
    rest = total - inside
    of = np.where(total > 0, total, 1.0)
    found = xlogy(inside, inside / (of * share)) + xlogy(rest, rest / (of * (1 - share)))
    return np.where(
        (count >= minimum) & (count >= total * share) & (count <= total), np.maximum(found, 0.0), 0.0
    )


def _poisson_probabilities(mean: float) -> Array:
    """Of counts from zero to where hardly any probability is left."""
    from scipy.stats import poisson

    return poisson.pmf(np.arange(int(poisson.isf(_TAIL, mean)) + 2), mean)


def _shifted(share: float, bias: Array | float) -> Array | float:
    """A probability whose odds are multiplied."""
    odds = share / (1 - share) * np.exp(bias)
    return odds / (1 + odds)


def _bias_points(null: NullDistribution | None) -> tuple[Array, Array]:
    """Points and weights of the systematic error."""
    if null is None or null.sd == 0:
        return np.array([0.0 if null is None else null.mean]), np.array([1.0])
    nodes, weights = np.polynomial.hermite_e.hermegauss(_BIASES)
    kept = weights > 1e-12 * weights.max()
    return null.mean + null.sd * nodes[kept], weights[kept] / weights[kept].sum()


def _drawn_biases(null: NullDistribution | None, simulations: int, seed: int) -> Array:
    if null is None:
        return np.zeros(simulations)
    return _generator(seed, "systematic error").normal(null.mean, null.sd, simulations)


def _generator(seed: int, purpose: str) -> np.random.Generator:
    from understudy.core.random import stream_key

    return np.random.Generator(np.random.Philox(key=stream_key(seed, f"MaxSPRT: {purpose}")))


def _sizes(sizes: ArrayLike, minimum_events: int, alpha: float, method: str) -> Array:
    found = np.asarray(sizes, float).ravel()
    problems = []
    if not found.size or not np.isfinite(found).all() or (found < 0).any() or not found.sum() > 0:
        problems.append(
            Problem("no numbers of events", "give events between looks, none negative, not all zero")
        )
    if minimum_events < 0 or minimum_events % 1:
        problems.append(Problem("no number of events", "give 1 or more", column="minimum_events"))
    if not 0 < alpha < 1:
        problems.append(
            Problem("not between 0 and 1", "give an error such as 0.05", column="alpha", value=str(alpha))
        )
    if method not in get_args(Method):
        problems.append(Problem("no method", "take exact or simulation", column="method", value=str(method)))
    if problems:
        raise DataError(problems, place="a critical value")
    # A look before which nothing is expected cannot tell anything.
    kept = np.flatnonzero(np.cumsum(found) > 0)
    return found[kept[0] :]


def _refuse_unreachable(alpha: float) -> None:
    repair = "plan for more events, or allow a larger alpha"
    raise DataError([Problem(f"no count is so rare as {alpha:g}", repair)], place="a critical value")
