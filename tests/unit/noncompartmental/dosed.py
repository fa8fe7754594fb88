"""Records of a patient whose concentrations are a known function of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from understudy import Records

UNITS = {"TIME": "h", "AMT": "mg", "DV": "mg/L"}


def one_patient(
    level: Callable[[float], float], times: Iterable[float], doses: Sequence[dict], name: str = "1", **columns
) -> pd.DataFrame:
    """Rows of doses (dicts of NONMEM's columns) and of measurements at times; at one time the measurement is first."""
    rows = [{"ID": name, "TIME": t, "DV": level(t), "EVID": 0} for t in times]
    rows += [{"ID": name, "DV": np.nan, "EVID": 1, **dose} for dose in doses]
    frame = pd.DataFrame(rows).sort_values("TIME", kind="stable").assign(**columns)
    return frame.fillna({column: 0 for column in ("AMT", "RATE", "II", "ADDL", "SS") if column in frame})


def records(*frames: pd.DataFrame, units: dict | None = None, **more) -> Records:
    return Records.from_frame(pd.concat(frames, ignore_index=True), units=units or UNITS, **more)
