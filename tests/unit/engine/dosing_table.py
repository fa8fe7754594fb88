"""Short hand for small tables of doses and observations."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from understudy.core.result import Outcome
from understudy.data.records import Records
from understudy.engine.simulate import simulate


def dose(time: float, amount: float, **columns: float | str) -> dict:
    """A dose record; columns such as RATE, II, ADDL, SS, CMT, EVID."""
    return {"TIME": time, "EVID": 1, "AMT": amount} | columns


def seen(times: Iterable[float], **columns: float) -> list[dict]:
    """Observation records."""
    return [{"TIME": float(t), "EVID": 0, "DV": 1.0} | columns for t in times]


def patients(**events: Iterable[dict | list[dict]]) -> Records:
    """Records of patients, each a list of records and lists of records, which are sorted by time."""
    rows = []
    for name, items in events.items():
        flat = [row for item in items for row in (item if isinstance(item, list) else [item])]
        rows += [{"ID": name} | row for row in sorted(flat, key=lambda row: row["TIME"])]
    frame = pd.DataFrame(rows)
    empty = {name: 0 for name in ("AMT", "RATE", "II", "ADDL", "SS") if name in frame}
    return Records.from_frame(frame.fillna(empty))


def levels(model, records: Records, engine: str = "auto", **options) -> np.ndarray:
    """The first output at the observations, shape (patients, most observations of any)."""
    outcome: Outcome = simulate(model, records, engine=engine, **options).raise_failures()
    return outcome[outcome.outputs[0]].values
