"""Prognosis case: a history and a trial of people made up, of any kind of endpoint, written into a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from understudy.core.random import normals, uniforms

ENDPOINTS = {
    "continuous": 'kind = "continuous"\nvalue = "SCORE"',
    "binary": 'kind = "binary"\nevent = { EVENT = 1 }',
    "survival": 'kind = "survival"\ntime = "DAYS"\nevent = { CNSR = 0 }',
    "longitudinal": 'kind = "longitudinal"\nvalue = "SCORE"\nvisit = "WEEK"',
}
PROTOCOL = """title = "made"
[subjects]
file = "trial.csv"
id = "USUBJID"
arm = "ARM"
[arms]
control = "placebo"
treated = ["drug"]
[endpoint]
{endpoint}
[baseline]
covariates = ["AGE", "SEX", "MARKER"]
[history]
file = "history.csv"
id = "USUBJID"
"""


def people(
    prefix: str, count: int, seed: int, effect: float = 0.0, weeks: tuple[int, ...] = ()
) -> pd.DataFrame:
    """Half of the variance of outcomes is in age, sex and a marker that acts by its square; arms by turns."""
    z, u = normals(seed, f"people {prefix}", np.arange(count), 6), uniforms(seed, prefix, np.arange(count), 3)
    male, drug = u[:, 0] < 0.5, np.arange(count) % 2
    prognosis = (z[:, 0] + 1.4 * (male - 0.5) + (z[:, 1] ** 2 - 1) / np.sqrt(2)) / np.sqrt(2.5)
    score = prognosis + z[:, 2] + effect * drug
    days = -np.log(u[:, 1]) * 100 * np.exp(-prognosis - effect * drug)
    frame = pd.DataFrame(
        {"USUBJID": [f"{prefix}-{k}" for k in range(count)], "ARM": np.where(drug, "drug", "placebo"),
         "AGE": np.round(60 + 10 * z[:, 0], 1), "SEX": np.where(male, "m", "f"), "MARKER": np.round(z[:, 1], 3),
         "SCORE": score, "EVENT": (score > 0).astype(int), "DAYS": np.minimum(days, 200.0) + 0.01,
         "CNSR": (days > 200).astype(int)}
    )  # fmt: skip
    if not weeks:
        return frame
    parts = [
        frame.assign(WEEK=w, SCORE=w / max(weeks) * prognosis + z[:, 3 + k]) for k, w in enumerate(weeks)
    ]
    return pd.concat(parts)


def case(
    folder: Path,
    kind: str = "continuous",
    *,
    history: int = 80,
    trial: int = 120,
    effect: float = 0.0,
    seed: int = 1,
) -> Path:
    """The protocol of a trial and a history, two files beside it."""
    weeks = (4, 8) if kind == "longitudinal" else ()
    people("old", history, seed, weeks=weeks).to_csv(folder / "history.csv", index=False)
    text = PROTOCOL.format(endpoint=ENDPOINTS[kind])
    if weeks:
        rows = people("new", trial, seed, effect, weeks)
        rows.to_csv(folder / "visits.csv", index=False)
        rows.drop_duplicates("USUBJID").drop(columns=["SCORE", "WEEK"]).to_csv(
            folder / "trial.csv", index=False
        )
        text = text.replace('kind = "long', 'file = "visits.csv"\nkind = "long')
    else:
        people("new", trial, seed, effect).to_csv(folder / "trial.csv", index=False)
    (folder / "trial.toml").write_text(text, encoding="utf-8")
    return folder / "trial.toml"


def rewrite(path: Path, change) -> None:
    """Change a table in its file."""
    change(pd.read_csv(path)).to_csv(path, index=False)
