"""Privacy: whether synthetic rows tell who was in the table that they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.diagnostic_accuracy import Area, area_under_curve
from understudy.core.errors import StudyError
from understudy.trials.synthetic.cohort import SyntheticCohort
from understudy.trials.synthetic.distance_table import coordinates

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 20


@dataclass(frozen=True, eq=False, repr=False)
class Privacy:
    """Whether synthetic rows tell who was in the table. Made by `privacy`.

    Distances are in standard deviations of the table's columns.

    Parameters
    ----------
    copies : float
        Share of synthetic rows that equal a row they were made from.
    copies_of_held_out : float
        Share that equal one of as many rows held out: as many as chance makes.
    nearest, nearest_held_out : float
        5 % quantile over synthetic rows of the distance to the closest row of either kind; of equal counts.
    nearer_to_source : float
        Share of synthetic rows that are nearer to a row they were made from than to any held out: half, if none was
        learnt by heart.
    ratio, ratio_held_out : float
        5 % quantile of the distance to the closest row over that to the next: near 0 if a row stands out as the origin.
    membership : Area
        How well the distance to the closest synthetic row tells who was in the table: 0.5 is not at all.
    distances, distances_held_out : float array, shape (synthetic rows,)
        From each synthetic row to the closest row of either kind; of equal counts.
    """

    copies: float
    copies_of_held_out: float
    nearest: float
    nearest_held_out: float
    nearer_to_source: float
    ratio: float
    ratio_held_out: float
    membership: Area
    distances: np.ndarray
    distances_held_out: np.ndarray

    def table(self) -> pd.DataFrame:
        """A row a measure: of rows it was made from, and of rows held out or what is expected."""
        import pandas as pd

        low, high = self.membership.interval()
        rows = {
            "copies": (self.copies, self.copies_of_held_out),
            "distance to the closest row, 5 %": (self.nearest, self.nearest_held_out),
            "ratio of the closest two, 5 %": (self.ratio, self.ratio_held_out),
            "nearer to a row it was made from": (self.nearer_to_source, 0.5),
            "membership inference, AUC": (self.membership.estimate, 0.5),
            "its 95 % interval, from": (low, np.nan),
            "its 95 % interval, to": (high, np.nan),
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["source", "held out"]).rename_axis(
            "measure"
        )

    def __repr__(self) -> str:
        low, high = self.membership.interval()
        told = f"{self.membership.estimate:.3f} ({low:.3f} to {high:.3f})"
        return f"Privacy(membership AUC {told}, {self.copies:.1%} copies, {self.nearer_to_source:.1%} nearer to source)"


def privacy(cohort: SyntheticCohort) -> Privacy:
    """Whether synthetic rows tell who was in the table.

    No such figure proves privacy: it finds a model that learnt rows by heart. Distance to the closest record as in
    Platzer and Reutterer, Frontiers in Big Data 2021, doi:10.3389/fdata.2021.679939.

    Raises
    ------
    StudyError
        If fewer than 20 rows were held out.
    """
    count = min(len(cohort.source), len(cohort.held_out))
    if count < FEWEST:
        raise StudyError(
            f"{len(cohort.held_out)} rows were held out",
            place="held_out",
            repair=f"hold out {FEWEST} or more",
        )
    # As many of either kind: the closest of more rows would be nearer. The first of a table are no choice.
    names = list(cohort.columns)
    own, others = cohort.source.iloc[_spread(len(cohort.source), count)], cohort.held_out.iloc[:count]
    drawn, near, far = coordinates((cohort.rows[names], own, others), cohort.source)
    to_own, to_others, (to_drawn, _) = (
        _closest(near, drawn),
        _closest(far, drawn),
        _closest(drawn, np.vstack([near, far])),
    )
    nearer = (to_own[0] < to_others[0]) + 0.5 * (to_own[0] == to_others[0])
    member = np.repeat([True, False], count)
    return Privacy(
        float((to_own[0] < 1e-9).mean()),
        float((to_others[0] < 1e-9).mean()),
        float(np.quantile(to_own[0], 0.05)),
        float(np.quantile(to_others[0], 0.05)),
        float(nearer.mean()),
        float(np.quantile(_ratio(to_own), 0.05)),
        float(np.quantile(_ratio(to_others), 0.05)),
        area_under_curve(-to_drawn, member),
        to_own[0],
        to_others[0],
    )


def _spread(rows: int, count: int) -> np.ndarray:
    """Places of so many rows, evenly over a table."""
    return np.linspace(0, rows - 1, count).astype(int)


def _closest(of: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances from each point asked to the closest two of others."""
    from scipy.spatial import cKDTree

    found, _ = cKDTree(of).query(asked, k=2)
    return found[:, 0], found[:, 1]


def _ratio(closest: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.divide(closest[0], closest[1], out=np.ones_like(closest[0]), where=closest[1] > 0)
