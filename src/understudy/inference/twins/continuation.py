"""Continuation: twins that go on from their records, or that are dosed otherwise than their records say.

Up to a time the recorded doses are given; from then on a regimen is given in their place. Where that time is past, the
forecast is of what would have been.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from understudy.core import units
from understudy.core.errors import SimulationError
from understudy.data.joined import insert
from understudy.engine.parameters import structural
from understudy.engine.schedule import find_inputs
from understudy.inference.predictor import Predictor
from understudy.inference.twins.twins import Twins
from understudy.model.model import Model
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

Since = float | Literal["last"]

_OTHER, _DOSE = 2, 1
_TO_COME = "to come"
_DOSING = ("amt", "rate", "ii", "addl", "ss")


@dataclass(frozen=True, eq=False)
class Continuation:
    """Twins with the doses of their past and of a regimen.

    Parameters
    ----------
    twins : Twins
    predictor : Predictor
        Of the records with the regimen's doses.
    start : float array, shape (N,)
        When each one's regimen begins, on the records' clock.
    """

    twins: Twins
    predictor: Predictor
    start: np.ndarray

    @classmethod
    def of(
        cls, twins: Twins, regimen: Regimen | str | None, since: Since, until: float, jobs: int = 1
    ) -> Continuation:
        """Twins that are given a regimen from `since` on, in the place of recorded doses.

        Parameters
        ----------
        twins : Twins
        regimen : Regimen, str or None
            None: no further dose.
        since : float or "last"
            On the records' clock; ``"last"`` is each patient's last record.
        until : float
            Closes an open end, counted from the regimen's start.
        jobs : int
        """
        start = _start(twins, since)
        begin = dict(zip(twins.patients, start.tolist(), strict=True))
        kept = _past(twins.records, begin, keep_at_start=since == "last")
        rows = _rows(twins, kept, regimen, begin, until)
        records = _with_occasions(insert(kept, rows), twins)
        settings = twins.settings
        return cls(twins, Predictor(twins.model, records, settings.engine, jobs), start)

    def vectors(self, draws: int, seed: int) -> np.ndarray:
        """Draws of the random effects, shape (draws, N, n); of an occasion to come from the population."""
        known = self.twins.vectors(draws, seed)
        place = {entry: k for k, entry in enumerate(self.twins.effects.entries)}
        fresh = self.twins.new_occasion(draws, seed)
        columns = [
            known[:, :, place[entry]] if entry in place else fresh[entry[0]].T
            for entry in self.predictor.effects.entries
        ]
        return np.stack(columns, axis=-1) if columns else np.zeros((*known.shape[:2], 0))

    def levels(
        self, vectors: np.ndarray, times: np.ndarray, output: str, before_dose: bool = False
    ) -> np.ndarray:
        """Levels at times counted from the regimen's start, shape (draws, N, m)."""
        absolute = self.start[:, None] + np.asarray(times, dtype=float)
        if before_dose:
            # The number just below: an observation there comes before a dose of that time.
            absolute = np.nextafter(absolute, -np.inf)
        return self.predictor.on_grid(vectors, absolute, output)

    def variances(self, prediction: np.ndarray, vectors: np.ndarray, output: str) -> np.ndarray:
        """Variance of a measurement of each level, shape (draws, N, m)."""
        return self.predictor.variance_at(output, prediction, vectors)


def _start(twins: Twins, since: Since) -> np.ndarray:
    times = twins.records.table.groupby("id", sort=False)["time"]
    if since == "last":
        return times.last().loc[list(twins.patients)].to_numpy(float)
    if isinstance(since, str) or not np.isfinite(since):
        raise SimulationError(
            f"{since!r} is no time to go on from", repair='give a time on the records\' clock, or "last"'
        )
    return np.full(len(twins.patients), float(since))


def _past(records: Records, begin: dict[str, float], keep_at_start: bool) -> Records:
    """The records with all doses and resets from the start on taken out: the rows stay, for covariates and
    occasions."""
    table = records.table
    start = table["id"].map(begin).to_numpy(float)
    time = table["time"].to_numpy(float)
    later = (time > start) if keep_at_start else (time >= start)
    acting = later & table["evid"].isin((1, 3, 4)).to_numpy()
    table.loc[acting, "evid"] = _OTHER
    table.loc[acting, list(_DOSING)] = 0
    table["addl"] = _additional(table, start, time, keep_at_start)
    return replace(records, data=table)


def _additional(table: pd.DataFrame, start: np.ndarray, time: np.ndarray, keep_at_start: bool) -> np.ndarray:
    """Additional doses that come before the start."""
    interval = table["ii"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        intervals = (start - time) / interval
        most = np.floor(intervals * (1 + 1e-12)) if keep_at_start else np.ceil(intervals * (1 - 1e-12)) - 1
    given = table["addl"].to_numpy()
    return np.where(given > 0, np.minimum(given, np.maximum(np.nan_to_num(most), 0)), 0).astype(np.int64)


def _rows(
    twins: Twins, records: Records, regimen: Regimen | str | None, begin: dict[str, float], until: float
) -> pd.DataFrame:
    """A row that marks the start, and the regimen's doses, for every patient, in the model's units."""
    import pandas as pd

    blank = {
        "evid": _OTHER,
        "cmt": "",
        "mdv": 1,
        "dv": np.nan,
        "dvid": "",
        "occ": "",
        **dict.fromkeys(_DOSING, 0),
    }
    marks = pd.DataFrame({"id": list(begin), "time": list(begin.values())}).assign(**blank)
    if regimen is None:
        return marks
    base = structural(twins.model)
    plan = (Regimen.parse(regimen) if isinstance(regimen, str) else regimen).in_time_unit(base.time_unit)
    sizes = _sizes(records, begin)
    doses = plan.events(sizes.loc[list(twins.patients)], until=until if plan.is_open else None)
    factor = np.array([_factor(u, r, base) for u, r in zip(doses["unit"], doses["route"], strict=True)])
    given = doses.rename(columns={"route": "cmt"}).drop(columns="unit").assign(evid=_DOSE)
    given["amt"], given["rate"] = given["amt"] * factor, given["rate"] * factor
    given["time"] += given["id"].map(begin)
    kept = {name: value for name, value in blank.items() if name not in given}
    return pd.concat([marks, given.assign(**kept)[marks.columns]], ignore_index=True)


def _sizes(records: Records, begin: dict[str, float]) -> pd.DataFrame:
    """Covariates of every patient as known when the regimen begins: the last values, else the first."""
    table = records.table
    names = list(records.covariates)
    by_then = table[table["time"] <= table["id"].map(begin)].groupby("id", sort=False)[names].last()
    return by_then.reindex(list(begin)).fillna(records.baseline())


def _factor(unit: str, route: str, model: Model) -> float:
    state = model.doses[find_inputs(route, model)[0]].state
    return units.factor(unit, next(item.unit for item in model.states if item.name == state))


def _with_occasions(records: Records, twins: Twins) -> Records:
    """What comes after a patient's last record is an occasion to come, where occasions make a difference."""
    if not any(block.level == "occasion" for block in twins.model.random):
        return records
    table = records.table
    last = twins.records.table.groupby("id", sort=False)[["time", "row"]].last()
    new = table["row"].to_numpy() > int(twins.records.table["row"].max())
    beyond = new & (table["time"].to_numpy() >= table["id"].map(last["time"]).to_numpy())
    return replace(records, data=table.assign(occ=table["occ"].mask(beyond, _TO_COME)))
