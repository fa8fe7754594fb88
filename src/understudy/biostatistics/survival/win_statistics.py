"""win_statistics: two groups patient by patient, on endpoints in order of importance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import labels
from understudy.biostatistics.survival.p_value import normal_quantile, two_sided
from understudy.biostatistics.survival.restricted_mean import Contrast
from understudy.biostatistics.survival.win_pairs import (
    ContinuousEndpoint,
    RecurrentEndpoint,
    SurvivalEndpoint,
)
from understudy.core.errors import DataError, Problem, SimulationError

if TYPE_CHECKING:
    import pandas as pd

Endpoint = SurvivalEndpoint | RecurrentEndpoint | ContinuousEndpoint


@dataclass(frozen=True, eq=False, repr=False)
class WinStatistics:
    """Wins, losses and ties of the second group against the first.

    Parameters
    ----------
    groups : tuple
        Two labels, sorted.
    patients : tuple of int
    endpoints : tuple of str
    wins, losses : int array, shape (endpoints,)
        Pairs decided by each endpoint.
    ties : int
        Pairs that no endpoint decided.
    win_ratio, net_benefit, win_odds : Contrast
        Standard errors of ratio and odds are those of their logarithms.
    variance : str
    """

    groups: tuple[Any, ...]
    patients: tuple[int, int]
    endpoints: tuple[str, ...]
    wins: np.ndarray
    losses: np.ndarray
    ties: int
    win_ratio: Contrast
    net_benefit: Contrast
    win_odds: Contrast
    variance: str

    @property
    def pairs(self) -> int:
        """All pairs that were compared."""
        return int(self.wins.sum() + self.losses.sum()) + self.ties

    def decided(self) -> pd.DataFrame:
        """One row for each endpoint: wins and losses, and their shares of all pairs."""
        import pandas as pd

        shares = {"win_share": self.wins / self.pairs, "loss_share": self.losses / self.pairs}
        return pd.DataFrame({"endpoint": self.endpoints, "wins": self.wins, "losses": self.losses, **shares})

    def table(self) -> pd.DataFrame:
        """One row for each statistic."""
        import pandas as pd

        rows = {name: getattr(self, name) for name in ("win_ratio", "net_benefit", "win_odds")}
        return pd.DataFrame([{"statistic": name, **vars(each)} for name, each in rows.items()])

    def __repr__(self) -> str:
        head = f"{self.groups[1]} against {self.groups[0]}: {self.pairs} pairs, {self.ties} ties"
        told = [
            frame.to_string(index=False, float_format="{:.4g}".format)
            for frame in (self.decided(), self.table())
        ]
        return "\n".join([head, *told])


def win_statistics(
    endpoints: Sequence[Endpoint],
    group: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    level: float = 0.95,
    variance: Literal["delta", "null"] = "delta",
) -> WinStatistics:
    """Win ratio, net benefit and win odds of unmatched pairs (Pocock et al. 2012, doi:10.1093/eurheartj/ehr352).

    Each patient of the second group meets each of the first. The first endpoint that tells them apart decides. Ratio
    is wins / losses; net benefit (wins - losses) / pairs (Buyse 2010, doi:10.1002/sim.3923); odds (wins + ties / 2) /
    (losses + ties / 2) (Dong et al. 2020, doi:10.1080/10543406.2019.1657132). Strata are weighted by the inverse of
    their number of patients (Dong et al. 2018, doi:10.1080/10543406.2017.1397007).

    Variances are those of U-statistics, from each patient's wins and losses (Dong et al. 2016, Pharm Stat 15:430-437,
    doi:10.1002/pst.1763; Bebchuk, Lachin 2016, doi:10.1093/biostatistics/kxv032), then the delta method.

    Parameters
    ----------
    endpoints : sequence of SurvivalEndpoint, RecurrentEndpoint or ContinuousEndpoint
        The most important first; each with values of all n patients.
    group : array, shape (n,)
        Two labels; wins are those of the second, in sorted order.
    strata : array, shape (n,), optional
        Labels; pairs are made within strata.
    level : float
    variance : {"delta", "null"}
        Wins and losses around their own means, or, as Dong et al. 2016 do for the win ratio, around their common mean.

    Raises
    ------
    DataError
        For values that cannot be, lengths that differ, other than two groups, or a stratum without one of them.
    SimulationError
        If no pair is decided.

    Notes
    -----
    Statistics of pairs depend on how long patients were watched, where events are censored.

    Examples
    --------
    >>> from understudy.biostatistics import ContinuousEndpoint, SurvivalEndpoint
    >>> death = SurvivalEndpoint([2, 5, 6, 9], [1, 1, 0, 0])
    >>> walk = ContinuousEndpoint([300, 250, 310, 420], margin=30)
    >>> win_statistics([death, walk], ["a", "b", "a", "b"]).win_ratio.estimate
    3.0
    """
    names, member, checked = _checked(endpoints, group)
    size = member.size
    layer = np.zeros(size, np.int64) if strata is None else labels(strata, size, "strata")[1]
    if variance not in ("delta", "null"):
        raise SimulationError(f"unknown variance {variance!r}", place="variance", repair="use delta or null")
    decided, moments, undecided = np.zeros((2, len(checked)), np.int64), np.zeros(6), 0
    for k in np.unique(layer):
        first, second = (np.flatnonzero((layer == k) & (member == side)) for side in (1, 0))
        if not (first.size and second.size):
            problem = Problem("a stratum has patients of one group only", "merge strata", column="strata")
            raise DataError([problem], place="win statistics")
        result = np.zeros((first.size, second.size), np.int8)
        decided += _decide(checked, first, second, result)
        undecided += int((result == 0).sum())
        moments += _moments(result, variance) / (first.size + second.size) ** np.array([1, 1, 1, 2, 2, 2])
    if not decided.any():
        raise SimulationError("no pair is decided", place="win statistics", repair="add an endpoint")
    return WinStatistics(
        tuple(names.tolist()),
        (int((member == 0).sum()), int((member == 1).sum())),
        tuple(each.name for each in checked),
        decided[0],
        decided[1],
        undecided,
        *_contrasts(moments, level, variance),
        variance,
    )


def _checked(endpoints: Sequence[Endpoint], group: ArrayLike) -> tuple[np.ndarray, np.ndarray, list]:
    checked = [each.checked() for each in endpoints]
    if not checked:
        raise DataError(
            [Problem("no endpoint", "give one or more", column="endpoints")], place="win statistics"
        )
    names, member = labels(group, checked[0].size, "group")
    problems = [
        Problem(f"has {each.size} patients, not {member.size}", "give one value for each", column=each.name)
        for each in checked
        if each.size != member.size
    ]
    if names.size != 2:
        problems.append(Problem(f"{names.size} groups", "compare two groups", column="group"))
    if problems:
        raise DataError(problems, place="win statistics")
    return names, member, checked


def _decide(endpoints: list, first: np.ndarray, second: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Wins and losses by endpoint, shape (2, endpoints); `result` is filled."""
    found = np.zeros((2, len(endpoints)), np.int64)
    before = np.zeros(2, np.int64)
    for k, endpoint in enumerate(endpoints):
        endpoint.decide(first, second, result)
        now = np.array([(result > 0).sum(), (result < 0).sum()])
        found[:, k] = now - before
        before = now
    return found


def _moments(result: np.ndarray, variance: str) -> np.ndarray:
    """Numbers of wins, losses and pairs; variances of wins and losses, and their covariance."""
    a, b = result.shape
    wins, losses = result > 0, result < 0
    total = np.array([wins.sum(), losses.sum()], dtype=float)
    mean = total / (a * b) if variance == "delta" else np.full(2, total.sum() / (2 * a * b))
    rows = np.stack([wins.mean(axis=1), losses.mean(axis=1)]) - mean[:, None]
    columns = np.stack([wins.mean(axis=0), losses.mean(axis=0)]) - mean[:, None]
    covariance = rows @ rows.T / (a * max(a - 1, 1)) + columns @ columns.T / (b * max(b - 1, 1))
    covariance = covariance * (a * b) ** 2
    return np.array([*total, a * b, covariance[0, 0], covariance[1, 1], covariance[0, 1]])


def _contrasts(moments: np.ndarray, level: float, variance: str) -> tuple[Contrast, Contrast, Contrast]:
    """Win ratio, net benefit and win odds."""
    wins, losses, pairs, spread_wins, spread_losses, shared = moments
    z = normal_quantile(level)
    net = (wins - losses) / pairs
    net_error = float(np.sqrt(max(spread_wins + spread_losses - 2 * shared, 0.0)) / pairs)
    if wins and losses:
        at = (wins, losses) if variance == "delta" else ((wins + losses) / 2,) * 2
        spread = spread_wins / at[0] ** 2 + spread_losses / at[1] ** 2 - 2 * shared / (at[0] * at[1])
        ratio = _ratio(wins / losses, float(np.sqrt(max(spread, 0.0))), z)
    else:
        ratio = Contrast(np.inf if wins else 0.0, np.nan, np.nan, np.nan, np.nan)
    benefit = Contrast(
        float(net), net_error, float(max(net - z * net_error, -1)), float(min(net + z * net_error, 1)),
        float(two_sided(net / net_error)) if net_error > 0 else float("nan"),
    )  # fmt: skip
    if abs(net) == 1:
        return ratio, benefit, Contrast(np.inf if net > 0 else 0.0, np.nan, np.nan, np.nan, np.nan)
    return ratio, benefit, _ratio((1 + net) / (1 - net), 2 * net_error / (1 - net**2), z)


def _ratio(estimate: float, error: float, z: float) -> Contrast:
    """A ratio with limits made on its logarithm."""
    estimate, error = float(estimate), float(error)
    p = float(two_sided(np.log(estimate) / error)) if error > 0 else float("nan")
    return Contrast(
        estimate, error, float(estimate * np.exp(-z * error)), float(estimate * np.exp(z * error)), p
    )
