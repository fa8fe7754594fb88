"""Distributions: log-densities of outcomes that are no levels, their slopes by the parameters, and draws.

Every parameter is an array of shape (copies, observations), the outcomes have shape (observations,). What a
distribution is parametrised by is in `understudy.model.distribution`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Parameters = Mapping[str, np.ndarray]
Slopes = dict[str, np.ndarray]


@dataclass(frozen=True)
class Family:
    """One kind of distribution.

    Parameters
    ----------
    log_density : function of (outcomes, parameters) to array
    slopes : function of (outcomes, parameters) to mapping of parameter to array
        Derivatives of the log-density.
    draws : function of (uniform numbers, parameters) to array, or None
        Outcomes; None where they cannot be drawn.
    valid : function of (outcomes, parameter names) to bool array
        Which outcomes are possible at all.
    outcomes : str
        Possible ones, in words.
    """

    log_density: Callable[[np.ndarray, Parameters], np.ndarray]
    slopes: Callable[[np.ndarray, Parameters], Slopes]
    draws: Callable[[np.ndarray, Parameters], np.ndarray] | None
    valid: Callable[[np.ndarray, tuple[str, ...]], np.ndarray]
    outcomes: str


def _bernoulli(y: np.ndarray, given: Parameters) -> np.ndarray:
    p = given["probability"]
    return np.where(y == 1, np.log(p), np.log1p(-p))


def _bernoulli_slopes(y: np.ndarray, given: Parameters) -> Slopes:
    p = given["probability"]
    return {"probability": np.where(y == 1, 1.0 / p, -1.0 / (1.0 - p))}


def _bernoulli_draws(u: np.ndarray, given: Parameters) -> np.ndarray:
    return (u < given["probability"]).astype(float)


def _logits(y: np.ndarray, given: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Logits of P(DV >= y) and of P(DV >= y + 1); infinite beyond the grades."""
    x = given["location"]
    grades = _grades(given)
    rows = np.stack([np.full_like(x, -np.inf), *(given[f"threshold_{k}"] for k in range(1, grades + 1))])
    rows = np.concatenate([rows, np.full_like(rows[:1], np.inf)])
    place = np.broadcast_to(y.astype(int), x.shape)[None]
    here = np.take_along_axis(rows, place, 0)[0]
    above = np.take_along_axis(rows, place + 1, 0)[0]
    return x - here, x - above


def _grades(given: Parameters) -> int:
    return len(given) - 1


def _ordinal(y: np.ndarray, given: Parameters) -> np.ndarray:
    from scipy.special import log_expit

    a, b = _logits(y, given)
    # expit(a) - expit(b), without the digits that a difference of like numbers loses.
    return log_expit(a) + log_expit(-b) + np.log(-np.expm1(b - a))


def _ordinal_slopes(y: np.ndarray, given: Parameters) -> Slopes:
    from scipy.special import expit

    a, b = _logits(y, given)
    with np.errstate(over="ignore"):
        between = 1.0 / np.expm1(a - b)
    by_a, by_b = expit(-a) + between, -expit(b) - between
    found = {"location": by_a + by_b}
    for k in range(1, _grades(given) + 1):
        found[f"threshold_{k}"] = np.where(y == k, -by_a, 0.0) + np.where(y == k - 1, -by_b, 0.0)
    return found


def _ordinal_draws(u: np.ndarray, given: Parameters) -> np.ndarray:
    from scipy.special import expit

    thresholds = range(1, _grades(given) + 1)
    return sum((u < expit(given["location"] - given[f"threshold_{k}"])).astype(float) for k in thresholds)


def _poisson(y: np.ndarray, given: Parameters) -> np.ndarray:
    from scipy.special import gammaln, xlogy

    return xlogy(y, given["mean"]) - given["mean"] - gammaln(y + 1.0)


def _poisson_slopes(y: np.ndarray, given: Parameters) -> Slopes:
    return {"mean": y / given["mean"] - 1.0}


def _poisson_draws(u: np.ndarray, given: Parameters) -> np.ndarray:
    from scipy.stats import poisson

    return poisson.ppf(u, given["mean"])


def _negative_binomial(y: np.ndarray, given: Parameters) -> np.ndarray:
    from scipy.special import gammaln, xlog1py, xlogy

    mean, size = given["mean"], 1.0 / given["overdispersion"]
    ways = gammaln(y + size) - gammaln(size) - gammaln(y + 1.0)
    return ways - xlog1py(size, mean / size) + xlogy(y, mean / (mean + size))


def _negative_binomial_slopes(y: np.ndarray, given: Parameters) -> Slopes:
    from scipy.special import digamma

    mean, size = given["mean"], 1.0 / given["overdispersion"]
    by_size = digamma(y + size) - digamma(size) - np.log1p(mean / size) + (mean - y) / (mean + size)
    return {"mean": y / mean - (y + size) / (mean + size), "overdispersion": -by_size * size**2}


def _negative_binomial_draws(u: np.ndarray, given: Parameters) -> np.ndarray:
    from scipy.stats import nbinom

    mean, size = given["mean"], 1.0 / given["overdispersion"]
    return nbinom.ppf(u, size, size / (size + mean))


def _zero_inflated(y: np.ndarray, given: Parameters) -> np.ndarray:
    zero, mean = given["zero"], given["mean"]
    nothing = np.logaddexp(np.log(zero), np.log1p(-zero) - mean)
    return np.where(y == 0, nothing, np.log1p(-zero) + _poisson(y, given))


def _zero_inflated_slopes(y: np.ndarray, given: Parameters) -> Slopes:
    zero, mean = given["zero"], given["mean"]
    empty = np.exp(-mean)
    whole = zero + (1.0 - zero) * empty
    return {
        "mean": np.where(y == 0, -(1.0 - zero) * empty / whole, y / mean - 1.0),
        "zero": np.where(y == 0, (1.0 - empty) / whole, -1.0 / (1.0 - zero)),
    }


def _zero_inflated_draws(u: np.ndarray, given: Parameters) -> np.ndarray:
    from scipy.stats import poisson

    zero = given["zero"]
    rest = np.clip((u - zero) / (1.0 - zero), 0.0, 1.0)
    return np.where(u < zero, 0.0, poisson.ppf(rest, given["mean"]))


def _event(y: np.ndarray, given: Parameters) -> np.ndarray:
    survived = -given["increment"]
    return np.where(
        y == 1, np.log(given["hazard"]) + survived, np.where(y == 2, np.log(-np.expm1(survived)), survived)
    )


def _event_slopes(y: np.ndarray, given: Parameters) -> Slopes:
    growth = given["increment"]
    with np.errstate(over="ignore"):
        within = 1.0 / np.expm1(growth)
    return {
        "hazard": np.where(y == 1, 1.0 / given["hazard"], 0.0),
        "increment": np.where(y == 2, within, -1.0),
    }


def _interval_draws(u: np.ndarray, given: Parameters) -> np.ndarray:
    """Whether something happened since the record before."""
    return np.where(u < -np.expm1(-given["increment"]), 2.0, 0.0)


def _own(y: np.ndarray, given: Parameters) -> np.ndarray:
    return given["log_density"]


def _own_slopes(y: np.ndarray, given: Parameters) -> Slopes:
    return {"log_density": np.ones_like(given["log_density"])}


def _is_count(y: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    return (y >= 0) & (y == np.floor(y))


FAMILIES: Mapping[str, Family] = {
    "bernoulli": Family(
        _bernoulli, _bernoulli_slopes, _bernoulli_draws, lambda y, names: np.isin(y, (0, 1)), "0 or 1"
    ),
    "ordinal": Family(
        _ordinal,
        _ordinal_slopes,
        _ordinal_draws,
        lambda y, names: np.isin(y, range(len(names))),
        "a grade from 0 to the number of thresholds",
    ),
    "poisson": Family(_poisson, _poisson_slopes, _poisson_draws, _is_count, "a count from 0"),
    "negative_binomial": Family(
        _negative_binomial, _negative_binomial_slopes, _negative_binomial_draws, _is_count, "a count from 0"
    ),
    "zero_inflated_poisson": Family(
        _zero_inflated, _zero_inflated_slopes, _zero_inflated_draws, _is_count, "a count from 0"
    ),
    "time_to_event": Family(
        _event,
        _event_slopes,
        _interval_draws,
        lambda y, names: np.isin(y, (0, 1, 2)),
        "0 (no event), 1 (an event now) or 2 (one since the record before)",
    ),
    "log_likelihood": Family(
        _own, _own_slopes, None, lambda y, names: np.isfinite(y), "a number"
    ),
}  # fmt: skip
"""How each kind of `understudy.model.distribution.Distribution` computes."""
