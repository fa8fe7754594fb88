"""Two proportions: differences by Newcombe, Miettinen and Nurminen, Wald; strata by Mantel and Haenszel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.estimates import written_p
from understudy.biostatistics.numeric_column import binary_column, category_column, numeric_column
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
METHODS = ("newcombe", "miettinen-nurminen", "wald")
_EDGE = 1e-10  # how near the ends of the possible differences are looked at
_FAR = 30.0  # logarithm of a ratio that is as good as infinite


@dataclass(frozen=True)
class Comparison:
    """A difference, ratio or odds ratio of two proportions.

    Attributes
    ----------
    measure, method : str
    value, low, high : float
    statistic, p_value : float
        Of a score or Mantel-Haenszel test of no difference; the chi-square statistic.
    counts : tuple of int
        Events and patients in the first arm, events and patients in the second.
    level : float
    notes : tuple of str
        What the reader must know, such as strata that were left out.
    """

    measure: str
    method: str
    value: float
    low: float
    high: float
    statistic: float
    p_value: float
    counts: tuple[int, int, int, int]
    level: float
    notes: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        names = ("measure", "method", "value", "low", "high", "statistic", "p_value")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def __repr__(self) -> str:
        a, m, b, n = self.counts
        notes = "".join(f"\n{note}" for note in self.notes)
        return (
            f"{self.measure} of {a}/{m} and {b}/{n}: {self.value:.4g} ({100 * self.level:g} % interval "
            f"{self.low:.4g} to {self.high:.4g}, {self.method}), p {written_p(self.p_value)}{notes}"
        )


def risk_difference(
    events: int, patients: int, control_events: int, control_patients: int, *, method: str = "newcombe",
    level: float = 0.95,
) -> Comparison:  # fmt: skip
    """Difference of two proportions, first minus second.

    Parameters
    ----------
    events, patients, control_events, control_patients : int
    method : {"newcombe", "miettinen-nurminen", "wald"}
        Newcombe's hybrid of Wilson intervals (his method 10), the score interval, or the plain one.
    level : float

    Returns
    -------
    Comparison
        With Pearson's chi-square test, for Miettinen-Nurminen times (n - 1)/n as their variance has it.

    Raises
    ------
    UnderstudyError
        For an empty arm, or more events than patients.

    References
    ----------
    Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I; Miettinen & Nurminen 1985,
    doi:10.1002/sim.4780040211.

    Examples
    --------
    >>> risk_difference(56, 70, 48, 80)
    difference of 56/70 and 48/80: 0.2 (95 % interval 0.05243 to 0.3339, newcombe), p 0.0080
    """
    a, m, b, n = _counts(events, patients, control_events, control_patients)
    value = a / m - b / n
    low, high = _difference_interval(a, m, b, n, method, level)
    statistic = _chi_square(a, m, b, n) * ((m + n - 1) / (m + n) if method == "miettinen-nurminen" else 1)
    return Comparison(
        "difference", method, value, low, high, statistic, _tail(statistic), (a, m, b, n), level
    )


def risk_ratio(
    events: int, patients: int, control_events: int, control_patients: int, *, level: float = 0.95
) -> Comparison:
    """Ratio of two proportions, with the score interval of Miettinen and Nurminen.

    Ends of 0 and infinity occur where no events do. Parameters, errors and references as for `risk_difference`.

    Examples
    --------
    >>> risk_ratio(10, 100, 20, 100)
    ratio of 10/100 and 20/100: 0.5 (95 % interval 0.2481 to 0.9949, miettinen-nurminen), p 0.0482
    """
    a, m, b, n = _counts(events, patients, control_events, control_patients)
    value = (a / m) / (b / n) if b else np.inf if a else np.nan

    def score(logarithm: float) -> float:
        return _ratio_score(a, m, b, n, float(np.exp(logarithm)))

    limit, middle = _chi_limit(level), float(np.log(value)) if a and b else _FAR if a else -_FAR
    low = float(np.exp(_crossing(score, limit, -_FAR, middle))) if a else 0.0
    high = float(np.exp(_crossing(score, limit, _FAR, middle))) if b else np.inf
    statistic = _chi_square(a, m, b, n) * (m + n - 1) / (m + n)
    return Comparison(
        "ratio", "miettinen-nurminen", value, low, high, statistic, _tail(statistic), (a, m, b, n), level
    )


def mantel_haenszel(
    outcome: ArrayLike,
    arm: ArrayLike,
    strata: ArrayLike,
    *,
    control: object,
    measure: str = "difference",
    level: float = 0.95,
) -> Comparison:
    """Stratified comparison of two arms with Mantel and Haenszel's weights.

    Parameters
    ----------
    outcome : array-like of 0 and 1, shape (n,)
    arm, strata : array-like, shape (n,)
    control : level
        The arm that is compared with.
    measure : {"difference", "ratio", "odds ratio"}
    level : float

    Returns
    -------
    Comparison
        With the Cochran-Mantel-Haenszel test (without continuity correction). Strata with one arm only say nothing;
        they are left out and named in the notes.

    Raises
    ------
    DataError
        For outcomes other than 0 and 1 or missing categories.
    UnderstudyError
        For other than two arms, no stratum with both, or nothing to compare.

    References
    ----------
    Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719; variances: of the difference Sato 1989, doi:10.2307/2531508; of
    the ratio Greenland & Robins 1985, doi:10.2307/2530643; of the odds ratio Robins, Breslow & Greenland 1986,
    doi:10.2307/2531052.

    Examples
    --------
    >>> outcome = [1] * 8 + [0] * 12 + [1] * 4 + [0] * 16
    >>> arm = (["drug"] * 5 + ["placebo"] * 3 + ["drug"] * 5 + ["placebo"] * 7) * 2
    >>> found = mantel_haenszel(outcome, arm, ["low"] * 20 + ["high"] * 20, control="placebo")
    >>> round(found.value, 6)
    0.3
    """
    y = binary_column(outcome, "outcome")
    arms, layers = category_column(arm, "arm", len(y)), category_column(strata, "strata", len(y))
    (control_name,) = category_column([control], "control")
    names = sorted(set(arms))
    if len(names) != 2 or control_name not in names:
        raise UnderstudyError(
            f"two arms with {control_name!r} among them are compared, not {names}", repair="choose two arms"
        )
    treated = np.array([name != control_name for name in arms])
    cells = {
        layer: _cell(y, treated, np.array([other == layer for other in layers]))
        for layer in sorted(set(layers))
    }
    kept = np.array([cell for cell in cells.values() if cell[1] and cell[3]], dtype=float)
    lost = [layer for layer, cell in cells.items() if not (cell[1] and cell[3])]
    if not len(kept):
        raise UnderstudyError("no stratum has both arms", repair="join strata")
    value, error, scale = _weighted(measure, *kept.T)
    reach = _normal_quantile(level) * error
    low, high = (value - reach, value + reach) if scale else (value * np.exp(-reach), value * np.exp(reach))
    statistic = _cmh(*kept.T)
    notes = (f"strata with one arm only, left out: {', '.join(lost)}",) if lost else ()
    counts = tuple(int(total) for total in kept.sum(axis=0))
    return Comparison(
        measure,
        "mantel-haenszel",
        float(value),
        float(low),
        float(high),
        statistic,
        _tail(statistic),
        counts,
        level,
        notes,
    )


def _cell(y: Array, treated: NDArray[np.bool_], inside: NDArray[np.bool_]) -> tuple[float, ...]:
    first, second = treated & inside, ~treated & inside
    return float(y[first].sum()), float(first.sum()), float(y[second].sum()), float(second.sum())


def _weighted(measure: str, a: Array, m: Array, b: Array, n: Array) -> tuple[float, float, bool]:
    """Value, standard error (of the logarithm, for ratios), and whether the scale is that of the value."""
    total = m + n
    if measure == "difference":
        weight = m * n / total
        value = float((weight * (a / m - b / n)).sum() / weight.sum())
        p = (m**2 * b - n**2 * a + m * n * (n - m) / 2) / total**2
        q = (a * (n - b) + b * (m - a)) / (2 * total)
        return value, float(np.sqrt(value * p.sum() + q.sum()) / weight.sum()), True
    if measure == "ratio":
        over, under = (a * n / total).sum(), (b * m / total).sum()
        _refuse_nothing(over * under)
        spread = ((m * n * (a + b) - a * b * total) / total**2).sum()
        return float(over / under), float(np.sqrt(spread / (over * under))), False
    if measure != "odds ratio":
        raise UnderstudyError(
            f"unknown measure {measure!r}", repair="take 'difference', 'ratio' or 'odds ratio'"
        )
    c, d = m - a, n - b
    over, under, same, cross = a * d / total, b * c / total, (a + d) / total, (b + c) / total
    _refuse_nothing(over.sum() * under.sum())
    variance = (
        (same * over).sum() / (2 * over.sum() ** 2)
        + (same * under + cross * over).sum() / (2 * over.sum() * under.sum())
        + (cross * under).sum() / (2 * under.sum() ** 2)
    )
    return float(over.sum() / under.sum()), float(np.sqrt(variance)), False


def _refuse_nothing(product: float) -> None:
    if product <= 0:
        raise UnderstudyError(
            "an arm has no events (or no patients without) in any stratum, so the ratio has no finite interval",
            repair="take measure='difference'",
        )


def _cmh(a: Array, m: Array, b: Array, n: Array) -> float:
    total, events = m + n, a + b
    many = total > 1
    expected = m * events / total
    variance = (m * n * events * (total - events))[many] / (total**2 * (total - 1))[many]
    if variance.sum() <= 0:
        raise UnderstudyError("the outcome does not vary in any stratum", repair="check the outcome's coding")
    return float((a - expected).sum() ** 2 / variance.sum())


def wilson_interval(events: int, patients: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of one proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> low, high = wilson_interval(56, 70)
    >>> round(low, 4), round(high, 4)
    (0.6918, 0.877)
    """
    if not 0 <= events <= patients or patients < 1:
        raise UnderstudyError(f"{events} events of {patients} patients", repair="give 0 ≤ events ≤ patients")
    z = _normal_quantile(level)
    share, unit = events / patients, z**2 / patients
    middle = (share + unit / 2) / (1 + unit)
    reach = z / (1 + unit) * np.sqrt(share * (1 - share) / patients + unit / (4 * patients))
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def _difference_interval(a: int, m: int, b: int, n: int, method: str, level: float) -> tuple[float, float]:
    p, q = a / m, b / n
    if method == "newcombe":
        (l1, u1), (l2, u2) = wilson_interval(a, m, level=level), wilson_interval(b, n, level=level)
        return p - q - float(np.hypot(p - l1, u2 - q)), p - q + float(np.hypot(u1 - p, q - l2))
    if method == "wald":
        reach = _normal_quantile(level) * float(np.sqrt(p * (1 - p) / m + q * (1 - q) / n))
        return p - q - reach, p - q + reach
    if method != "miettinen-nurminen":
        raise UnderstudyError(f"unknown method {method!r}", repair=f"take one of {list(METHODS)}")

    def score(difference: float) -> float:
        return _difference_score(a, m, b, n, difference)

    limit = _chi_limit(level)
    return _crossing(score, limit, -1 + _EDGE, p - q), _crossing(score, limit, 1 - _EDGE, p - q)


def _crossing(score: Callable[[float], float], limit: float, end: float, middle: float) -> float:
    """Where the score statistic, zero in the middle, reaches the limit on the way to the end."""
    from scipy.optimize import brentq

    if score(end) <= limit:
        return round(end, 9)
    if score(middle) >= limit:
        return middle
    low, high = min(end, middle), max(end, middle)
    return float(brentq(lambda point: score(point) - limit, low, high, xtol=1e-12))


def _difference_score(a: int, m: int, b: int, n: int, difference: float) -> float:
    """Chi-square of a difference, with the proportions that are most likely under it (Miettinen & Nurminen 1985)."""
    total, events = m + n, a + b
    cubic = [
        total,
        (m + 2 * n) * difference - total - events,
        (n * difference - total - 2 * b) * difference + events,
        b * difference * (1 - difference),
    ]
    q = _likeliest(cubic, (a, m, b, n), difference)
    p = q + difference
    variance = (p * (1 - p) / m + q * (1 - q) / n) * total / (total - 1)
    gap = a / m - b / n - difference
    return gap**2 / variance if variance > 0 else np.inf if gap else 0.0


def _likeliest(cubic: Sequence[float], counts: tuple[int, int, int, int], difference: float) -> float:
    """The second proportion that is most likely under a difference: a root of the score, or an end."""
    from scipy.special import xlog1py, xlogy

    low, high = max(0.0, -difference), min(1.0, 1 - difference)
    roots = np.roots(cubic)
    real = roots.real[np.abs(roots.imag) < 1e-6]
    q = np.clip(np.concatenate([real, [low, high]]), low, high)
    p = np.clip(q + difference, 0.0, 1.0)
    a, m, b, n = counts
    likelihood = xlogy(a, p) + xlog1py(m - a, -p) + xlogy(b, q) + xlog1py(n - b, -q)
    return float(q[np.argmax(likelihood)])


def _ratio_score(a: int, m: int, b: int, n: int, ratio: float) -> float:
    total = m + n
    first = total * ratio
    second = m * ratio + a + n + b * ratio
    # The smaller root of the quadratic, written so that nothing cancels.
    q = 2 * (a + b) / (second + np.sqrt(max(0.0, second**2 - 4 * first * (a + b))))
    p = q * ratio
    variance = (p * (1 - p) / m + ratio**2 * q * (1 - q) / n) * total / (total - 1)
    gap = a / m - ratio * b / n
    return float(gap**2 / variance) if variance > 0 else np.inf if gap else 0.0


def _counts(a: int, m: int, b: int, n: int) -> tuple[int, int, int, int]:
    values = numeric_column([a, m, b, n], "counts")
    whole = all(float(value).is_integer() for value in values)
    if not whole or not (0 <= a <= m and 0 <= b <= n and m >= 1 and n >= 1):
        raise UnderstudyError(
            f"{a} events of {m} patients and {b} of {n}",
            place="two proportions",
            repair="give whole numbers, 0 ≤ events ≤ patients, and a patient or more in each arm",
        )
    return int(a), int(m), int(b), int(n)


def _chi_square(a: int, m: int, b: int, n: int) -> float:
    share = (a + b) / (m + n)
    variance = share * (1 - share) * (1 / m + 1 / n)
    return float((a / m - b / n) ** 2 / variance) if variance > 0 else 0.0


def _chi_limit(level: float) -> float:
    return _normal_quantile(level) ** 2


def _normal_quantile(level: float) -> float:
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise UnderstudyError(f"a confidence level of {level:g} is no probability", repair="give 0.95")
    return float(ndtri(0.5 + level / 2))


def _tail(statistic: float) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(1, statistic))
