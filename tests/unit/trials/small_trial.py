"""Small trial: a protocol and a table to spoil, written into a folder."""

from __future__ import annotations

from pathlib import Path

from understudy.trials import Trial, load_trial

ROWS = (
    "USUBJID,ARM,AGE,SEX,DAYS,CNSR,WEIGHT",
    "a,placebo,61,f,10,0,71.5",
    "b,placebo,44,m,32,1,80",
    "c,drug,52,f,25,0,66",
    "d,drug,70,m,60,1,",
    "e,screen failure,50,m,,,90",
)
PROTOCOL = """title = "small"
[subjects]
file = "adsl.csv"
id = "USUBJID"
arm = "ARM"
[arms]
control = "placebo"
treated = ["drug"]
[endpoint]
kind = "survival"
time = "DAYS"
event = { CNSR = 0 }
[baseline]
covariates = ["AGE", "SEX"]
"""


def small_trial(folder: Path, rows: tuple[str, ...] = ROWS, protocol: str = PROTOCOL) -> Trial:
    """The trial of a table's lines and a protocol's text."""
    (folder / "adsl.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "trial.toml").write_text(protocol, encoding="utf-8")
    return load_trial(folder / "trial.toml")


def changed(row: int, text: str) -> tuple[str, ...]:
    """The table with another line; the header is line 0."""
    return (*ROWS[:row], text, *ROWS[row + 1 :])
