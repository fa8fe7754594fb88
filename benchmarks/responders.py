"""Responders: how often chance is taken for a finding, and how often one is made: ``python -m benchmarks.responders``.

Three published trials without heterogeneity, their arms permuted; simulated trials with a planted subgroup.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.result import store

from understudy.core.random import normals, uniforms
from understudy.trials import Trial, load_trial, responders

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "trials"
# Of each trial; the stroke trial has 19,000 subjects.
PERMUTED = {"PBC, survival": 200, "CDISC, ADAS-Cog": 200, "stroke, heparin": 20}
COPIES, LEVEL = 500, 0.05
STUDIES, SUBJECTS = 50, 300
SHARES, EFFECTS = (0.25, 0.5, 0.75), (0.0, 0.5, 1.0)
TRIALS = {
    "PBC, survival": """title = "pbc"
subjects = { file = "FOLDER/pbc.csv", id = "id", arm = "trt" }
arms = { control = 2, treated = [1] }
endpoint = { kind = "survival", time = "time", event = { status = 2 } }
[baseline]
covariates = ["age", "sex", "ascites", "hepato", "spiders", "edema", "bili", "albumin", "protime", "stage"]
""",
    "stroke, heparin": """title = "ist"
subjects = { file = "ist.csv", arm = "ANYHEP" }
arms = { control = "N", treated = ["Y"] }
endpoint = { kind = "binary", event = { OCCODE = [1, 2] }, known = { OCCODE = [1, 2, 3, 4] } }
[baseline]
covariates = ["AGE", "SEX", "RDELAY", "RCONSC", "RSBP", "STYPE", "RATRIAL", "RVISINF"]
""",
    "CDISC, ADAS-Cog": """title = "cdisc"
subjects = { file = "FOLDER/cdisc_adsl.csv", id = "USUBJID", arm = "TRT01P", keep = { EFFFL = "Y" } }
arms = { control = "Placebo", treated = ["Xanomeline High Dose"] }
[endpoint]
kind = "continuous"
file = "FOLDER/cdisc_adqsadas.csv.gz"
keep = { PARAMCD = "ACTOT", AVISIT = "Week 24", EFFFL = "Y", ANL01FL = "Y" }
value = "CHG"
baseline = "BASE"
[baseline]
covariates = ["AGE", "SEX", "BMIBL", "EDUCLVL", "DURDIS", "MMSETOT"]
""",
}


def trial_of(text: str, folder: Path) -> Trial:
    """A trial from the text of its protocol; of the stroke trial the heparin arms are joined."""
    if "ANYHEP" in text:
        frame = pd.read_csv(FOLDER / "ist.csv.gz", low_memory=False)
        frame["ANYHEP"] = np.where(frame["RXHEP"] == "N", "N", "Y")
        frame.to_csv(folder / "ist.csv", index=False)
    text = text.replace("FOLDER", str(FOLDER))
    (folder / "trial.toml").write_text(text, encoding="utf-8")
    return load_trial(folder / "trial.toml")


def permuted(trial: Trial, count: int) -> dict[str, Any]:
    """In how many trials with permuted arms something is found, each searched as if it were the trial."""
    own, found, score, rule = trial.subjects["arm"], 0, 0, 0
    for k in range(count):
        order = np.argsort(uniforms(k, "permuted trial", [0], len(own))[0])
        arms = pd.Categorical.from_codes(own.cat.codes.to_numpy()[order], own.cat.categories)
        made = responders(replace(trial, subjects=trial.subjects.assign(arm=arms)))
        found, score, rule = (
            found + made.found,
            score + (made.p_score <= LEVEL),
            rule + (made.p_rule <= LEVEL),
        )
    real = responders(trial)
    shares = {"found": found / count, "score": score / count, "rule": rule / count}
    return {"subjects": len(real.scores), "permuted": count, **shares, "real": bool(real.found)}


def planted(share: float, effect: float) -> dict[str, float]:
    """In how many simulated trials it is found, and in how many of these the best rule names its covariate."""
    hits, named = 0, 0
    for seed in range(STUDIES):
        trial = simulated(share, effect, seed)
        found = responders(trial)
        hits += found.found
        named += found.found and "x0" in found.rules["rule"].iloc[0]
    return {
        "share": share,
        "effect": effect,
        "found": hits / STUDIES,
        "right": named / hits if hits else float("nan"),
    }


def simulated(share: float, effect: float, seed: int) -> Trial:
    """A trial of 300 whose drug helps those with a low x0, by so many standard deviations."""
    from understudy.trials.protocol import Protocol

    who = np.arange(SUBJECTS)
    u, z = uniforms(seed, "planted", who, 5), normals(seed, "planted noise", who, 1)[:, 0]
    drug = who % 2
    value = z + u[:, 1] + effect * drug * (u[:, 0] < share)
    frame = pd.DataFrame({f"x{k}": u[:, k] for k in range(5)})
    frame = frame.assign(arm=pd.Categorical(np.where(drug, "drug", "placebo"), ["placebo", "drug"]))
    frame.index = pd.Index(who.astype(str), name="subject")
    data = {
        "title": "planted", "seed": seed, "subjects": {"file": "none.csv", "arm": "arm"},
        "arms": {"control": "placebo", "treated": ["drug"]},
        "endpoint": {"kind": "continuous", "value": "value", "better": "higher"},
        "baseline": {"covariates": [f"x{k}" for k in range(5)]},
    }  # fmt: skip
    outcome = pd.DataFrame({"value": value, "_row": who}, index=frame.index)
    return replace(Trial(Protocol.model_validate(data), frame, outcome, {}), inputs={})


def main() -> None:
    """Run and store."""
    began, nulls = time.perf_counter(), {}
    for name, text in TRIALS.items():
        with tempfile.TemporaryDirectory() as folder:
            nulls[name] = permuted(trial_of(text, Path(folder)), PERMUTED[name])
        print(name, nulls[name], flush=True)
    power = [planted(share, effect) for effect in EFFECTS for share in (SHARES if effect else SHARES[:1])]
    for row in power:
        print(row)
    made = {"level": LEVEL, "copies": COPIES, "studies": STUDIES, "subjects": SUBJECTS}
    seconds = round(time.perf_counter() - began, 1)
    store("responders", {**made, "nulls": nulls, "planted": power, "seconds": seconds})


if __name__ == "__main__":
    main()
