"""Adaptive dosing by a marker: what was done in a trial, and what a model says of the same rule.

The rule: stop when the marker has fallen to half of where it began, restart when it is back there (Zhang J et al. Nat
Commun 2017;8:1816, doi:10.1038/s41467-017-01968-5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from understudy.model.model import Model


def follow_rule(marker: ArrayLike, *, stop: float = 0.5, restart: float = 1.0) -> np.ndarray:
    """Whether drug is given from each visit on, were the rule followed to the letter.

    Parameters
    ----------
    marker : array of float, shape (n,)
        In order of time; the first is the baseline, at which treatment begins.
    stop, restart : float
        Shares of the baseline at or below which drug stops, and at or above which it begins again.

    Raises
    ------
    DataError
        For a marker that is not positive at the baseline or not known, or limits out of order.

    Examples
    --------
    >>> follow_rule([10, 6, 5, 8, 10, 12, 4]).astype(int)
    array([1, 1, 0, 0, 1, 1, 0])
    """
    level = np.asarray(marker, dtype=float)
    if not level.size or not np.isfinite(level).all() or level[0] <= 0 or not 0 < stop < restart:
        raise DataError(
            [Problem("a marker or rule that cannot be followed", "baseline above zero, stop < restart")]
        )
    given = np.ones(len(level), dtype=bool)
    for k in range(1, len(level)):
        given[k] = level[k] >= restart * level[0] or (given[k - 1] and level[k] > stop * level[0])
    return given


def dosing_by_marker(
    frame: pd.DataFrame, *, patient: str = "patient", arm: str = "arm", day: str = "day", on: str = "on",
    marker: str = "psa",
) -> pd.DataFrame:  # fmt: skip
    """What each arm was given, from rows of visits.

    Parameters
    ----------
    frame : DataFrame
        A row a visit; `on` is 1 where drug is given from then on, else 0.
    patient, arm, day, on, marker : str
        Columns.

    Returns
    -------
    DataFrame
        Index arm; ``patients``, ``visits``, ``restarts`` (from a visit without drug to the next with it),
        ``share_on`` (mean over patients of the share of visits on drug), ``agreement`` (share of visits after the
        first at which drug is given as `follow_rule` has it; measurements of that day only).

    Raises
    ------
    DataError
        For columns that are not there, marks that are neither 0 nor 1.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"arm": "a", "patient": 1, "day": [0, 9, 20], "on": [1, 0, 1], "psa": [8, 4, 8]})
    >>> dosing_by_marker(rows).loc["a", "restarts"].item()
    1
    """
    import pandas as pd

    missing = [name for name in (patient, arm, day, on, marker) if name not in frame.columns]
    if missing:
        raise DataError([Problem("no such column", "name the column", column=name) for name in missing])
    if not frame[on].isin([0, 1]).all():
        raise DataError([Problem("drug given or not is neither 0 nor 1", "write 0 or 1", column=on)])
    rows = []
    for (name, _), visits in frame.sort_values(day, kind="stable").groupby([arm, patient]):
        given = visits[on].to_numpy(bool)
        same = follow_rule(visits[marker])[1:] == given[1:]
        restarts = int((given[1:] & ~given[:-1]).sum())
        rows.append((name, 1, len(given), restarts, given.mean(), same.sum(), same.size))
    names = ["arm", "patients", "visits", "restarts", "share_on", "same", "compared"]
    arms = pd.DataFrame(rows, columns=names).groupby("arm")
    found = arms[["patients", "visits", "restarts"]].sum().assign(share_on=arms["share_on"].mean())
    return found.assign(agreement=arms["same"].sum() / arms["compared"].sum())


def with_rule(model: Model, *, stop: float = 0.5, restart: float = 1.0) -> Model:
    """The library's ``resistant_clones`` with the rule built in: events that stop and restart the drug.

    Examples
    --------
    >>> from understudy.library.catalogue import model
    >>> [event.name for event in with_rule(model("resistant_clones")).events]
    ['stop', 'restart']
    """
    from understudy.model.event import Event

    return replace(
        model,
        name=f"{model.name}, adaptive",
        events=(
            Event("stop", f"S + R < {stop!r} * (S0 + R0)", {"on": "0"}),
            Event("restart", f"S + R > {restart!r} * (S0 + R0)", {"on": "1"}),
        ),
    )


@dataclass(frozen=True, eq=False)
class AdaptiveComparison:
    """Virtual patients under the rule and under continuous treatment, each the other's control.

    Parameters
    ----------
    table : DataFrame
        A row a patient: competition, resistant_share (at the start), continuous, adaptive (days to progression; the
        horizon where there was none), share_on (of days, adaptive).
    horizon : float
        Days.
    """

    table: pd.DataFrame
    horizon: float

    @property
    def gain(self) -> tuple[float, float, float]:
        """Median gain of days by the rule, and the 5th and 95th percentile over patients."""
        gained = self.table["adaptive"] - self.table["continuous"]
        return tuple(float(each) for each in gained.quantile([0.5, 0.05, 0.95]))


def compare_adaptive(
    competition: Sequence[float],
    resistant_share: Sequence[float],
    *,
    cells: float = 6000.0,
    growth: float = 1.2,
    horizon: float = 1750.0,
    step: float = 5.0,
) -> AdaptiveComparison:
    """Time to progression of every pair of a competition and a resistant share.

    Progression is a marker `growth` times its baseline. Whether the rule gains time is decided by how strongly
    sensitive cells hold resistant ones down, which no measurement of the trial tells apart: hence a range of it.

    Parameters
    ----------
    competition : sequence of float
    resistant_share : sequence of float
        Of the cells at the start.
    cells : float
        At the start.
    growth, horizon, step : float
        Of the baseline; days; days between looks.
    """
    import pandas as pd

    from understudy.engine.simulate import simulate
    from understudy.library.catalogue import model

    pairs = [(a, b) for a in competition for b in resistant_share]
    table = pd.DataFrame(pairs, columns=["competition", "resistant_share"])
    patients = table[["competition"]].assign(
        S0=cells * (1 - table["resistant_share"]), R0=cells * table["resistant_share"]
    )
    patients.index = [f"patient {k + 1}" for k in range(len(patients))]
    times = np.arange(step, horizon + step / 2, step)
    base = model("resistant_clones")
    found = {}
    for name, each in (("continuous", base), ("adaptive", _showing_dose(with_rule(base)))):
        outcome = simulate(each, patients, "no dose", times).raise_failures()
        level = outcome["marker"].values.reshape(len(patients), len(times))
        past = level >= growth * cells
        found[name] = np.where(past.any(axis=1), times[past.argmax(axis=1)], horizon)
    dose = outcome["on_drug"].values.reshape(level.shape)
    before = times[None, :] <= found["adaptive"][:, None]
    return AdaptiveComparison(
        table.assign(**found, share_on=(dose * before).sum(axis=1) / before.sum(axis=1)), horizon
    )


def _showing_dose(model: Model) -> Model:
    from understudy.model.parts import Output

    return replace(model, outputs=(*model.outputs, Output("on_drug", "on", "1", "whether drug is given")))
