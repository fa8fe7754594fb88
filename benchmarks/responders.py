"""Responders: how often chance is taken for a finding, and how often one is made: ``python -m benchmarks.responders``.

With names of learners, such as ``forest-R``, only these are searched with; with ``nulls`` or ``planted`` only that part
is made. Other rows stay as they are stored.

Three published trials without heterogeneity, their arms permuted; simulated trials with a planted subgroup.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.result import FOLDER as RESULTS
from benchmarks.result import store

from understudy.core.random import normals, uniforms
from understudy.trials import Trial, load_trial
from understudy.trials.responders.chance import joint_p, share_as_good
from understudy.trials.responders.responders import prepared
from understudy.trials.responders.search import Search, Statistics

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "trials"
COPIES, LEVEL, STEP = 500, 0.05, 50
# In this order; what is stored grows with each.
LEARNERS = {"ridge-R": ("ridge", "R"), "ridge-DR": ("ridge", "DR"), "forest-R": ("forest", "R")}
# Permuted copies of each trial that are searched as if they were the trial; forests take a hundred times as long.
PERMUTED = {
    "ridge-R": {"PBC, survival": 1000, "CDISC, ADAS-Cog": 1000, "stroke, heparin": 200},
    "ridge-DR": {"PBC, survival": 200, "CDISC, ADAS-Cog": 200},
    "forest-R": {"PBC, survival": 20, "CDISC, ADAS-Cog": 20},
}  # fmt: skip
STUDIES = {"ridge": 100, "forest": 10}
SUBJECTS = 300
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
better = "lower"
file = "FOLDER/cdisc_adqsadas.csv.gz"
keep = { PARAMCD = "ACTOT", AVISIT = "Week 24", EFFFL = "Y", ANL01FL = "Y" }
value = "CHG"
baseline = "BASE"
[baseline]
covariates = ["AGE", "SEX", "BMIBL", "EDUCLVL", "DURDIS", "MMSETOT"]
""",
}
ENDPOINTS = {
    "continuous": {"kind": "continuous", "value": "value", "better": "higher"},
    "survival": {"kind": "survival", "time": "time", "event": {"seen": 1}},
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


def searched(trial: Trial, learner: str, method: str) -> dict[str, Any]:
    """Whether something is found, as `trials.responders` decides it with 500 copies, and by what.

    Once score and best rule are as good in more copies than half of the level allows, nothing can be found: then no
    more copies are made.
    """
    search, _ = prepared(trial, trial.arms[1], learner, method)
    mean = float(search.scored(0, 1).mean[0])
    parts: list[Statistics] = []
    for start in range(0, COPIES + 1, STEP):
        parts.append(search.looks(search.scored(start, min(start + STEP, COPIES + 1)), mean))
        seen = Statistics.joined(parts)
        both = [(each >= each[0]).sum() > LEVEL / 2 * (COPIES + 1) for each in (seen.slope, seen.best_rule)]
        if all(both):
            return {"found": False, "score": False, "rule": False}
    single = {"score": share_as_good(seen.slope), "rule": share_as_good(seen.best_rule)}
    halves = {name: p <= LEVEL / 2 for name, p in single.items()}
    return {"found": joint_p(*single.values()) <= LEVEL, **halves, **_best(search, seen)}


def _best(search: Search, seen: Statistics) -> dict[str, Any]:
    """Words of the best rule, and whom it holds for."""
    k = int(seen.rules[0].argmax())
    return {"words": str(search.rules.conditions[k]), "member": search.rules.members[k]}


def permuted(trial: Trial, learner: str, method: str, k: int) -> dict[str, Any]:
    """What is found in the trial with its arms permuted."""
    own = trial.subjects["arm"]
    order = np.argsort(uniforms(k, "permuted trial", [0], len(own))[0])
    arms = pd.Categorical.from_codes(own.cat.codes.to_numpy()[order], own.cat.categories)
    # With a seed of its own, or all would be compared with the same copies, and err together.
    protocol = trial.protocol.model_copy(update={"seed": k + 1})
    made = replace(trial, protocol=protocol, subjects=trial.subjects.assign(arm=arms))
    return searched(made, learner, method)


def planted(kind: str, share: float, effect: float, learner: str, method: str, seed: int) -> dict[str, Any]:
    """What is found in a simulated trial; whether its best rule names the covariate, and whom it places right."""
    made = simulated(share, effect, seed, kind)
    found = searched(made, learner, method)
    if found["found"]:
        inside = uniforms(seed, "planted", np.arange(SUBJECTS), 1)[:, 0] < share
        found |= {"named": "x0 <" in found["words"], "placed": float((found["member"] == inside).mean())}
    return found


def simulated(share: float, effect: float, seed: int, kind: str = "continuous") -> Trial:
    """A trial of 300 whose drug helps those with a low x0.

    By so many standard deviations, or by a hazard that is divided by exp(effect); x1 foretells the outcome of all.
    """
    from understudy.trials.protocol import Protocol

    who = np.arange(SUBJECTS)
    u, z = uniforms(seed, "planted", who, 8), normals(seed, "planted noise", who, 1)[:, 0]
    drug = who % 2
    helped = effect * drug * (u[:, 0] < share)
    # A rate of one falls to a half by the best prognosis; a third to two fifths are censored.
    time, lost = -np.log(u[:, 5]) * np.exp(helped + 0.7 * u[:, 1]), 0.5 + 2.5 * u[:, 6]
    columns = {
        "continuous": {"value": z + u[:, 1] + helped},
        "survival": {"time": np.minimum(time, lost), "event": (time <= lost).astype(int)},
    }[kind]
    frame = pd.DataFrame({f"x{k}": u[:, k] for k in range(5)})
    frame = frame.assign(arm=pd.Categorical(np.where(drug, "drug", "placebo"), ["placebo", "drug"]))
    frame.index = pd.Index(who.astype(str), name="subject")
    data = {
        "title": "planted", "seed": seed, "subjects": {"file": "none.csv", "arm": "arm"},
        "arms": {"control": "placebo", "treated": ["drug"]}, "endpoint": ENDPOINTS[kind],
        "baseline": {"covariates": [f"x{k}" for k in range(5)]},
    }  # fmt: skip
    outcome = pd.DataFrame({**columns, "_row": who}, index=frame.index)
    return replace(Trial(Protocol.model_validate(data), frame, outcome, {}), inputs={})


def shares(found: list[dict[str, Any]]) -> dict[str, float]:
    """How often each was found."""
    return {name: float(np.mean([each[name] for each in found])) for name in ("found", "score", "rule")}


def nulls(many: Callable, learner: str, method: str) -> list[dict[str, Any]]:
    """Of each published trial."""
    rows = []
    for name, count in PERMUTED[f"{learner}-{method}"].items():
        with tempfile.TemporaryDirectory() as folder:
            trial = trial_of(TRIALS[name], Path(folder))
        # Other processes are sent what the search looks at, and no more.
        trial = replace(trial, subjects=trial.subjects[["arm", *trial.covariates]])
        found = many(partial(permuted, trial, learner, method), range(count))
        real = searched(trial, learner, method)["found"]
        rows.append(
            {"trial": name, "learner": learner, "method": method, "subjects": len(trial.outcome), "permuted": count,
             **shares(found), "real": bool(real)}
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def power(many: Callable, learner: str, method: str) -> list[dict[str, Any]]:
    """Of simulated trials; forests see no effect and the large one, on a measurement."""
    rows = []
    for kind in ENDPOINTS:
        for effect in EFFECTS:
            if learner == "forest" and (effect == EFFECTS[1] or kind == "survival"):
                continue
            for share in SHARES if effect else SHARES[:1]:
                found = many(partial(planted, kind, share, effect, learner, method), range(STUDIES[learner]))
                rows.append(
                    {"kind": kind, "learner": learner, "method": method, "share": share, "effect": effect,
                     "studies": len(found), **shares(found), **_told(found, effect)}
                )  # fmt: skip
                print(rows[-1], flush=True)
    return rows


def _told(found: list[dict[str, Any]], effect: float) -> dict[str, float | None]:
    """Of reports, how many have a best rule that is not about x0, and how many subjects that rule places right."""
    hits = [each for each in found if each["found"]]
    return {
        "false": float(np.mean([not (effect and each["named"]) for each in hits])) if hits else None,
        "placed": float(np.mean([each["placed"] for each in hits])) if hits and effect else None,
    }


PARTS = {"nulls": nulls, "planted": power}


def main(arguments: list[str]) -> int:
    """Run and store; 2 for an unknown learner."""
    unknown = [each for each in arguments if each not in (*LEARNERS, *PARTS)]
    if unknown:
        print(f"there is no {unknown[0]}; there are {', '.join((*LEARNERS, *PARTS))}")
        return 2
    learners = [each for each in LEARNERS if each in arguments] or list(LEARNERS)
    parts = [each for each in PARTS if each in arguments] or list(PARTS)
    with ProcessPoolExecutor(os.cpu_count(), initializer=_alone) as pool:

        def many(ask: Callable, seeds: range) -> list[dict[str, Any]]:
            return list(pool.map(ask, seeds, chunksize=max(1, len(seeds) // 20)))

        for name in learners:
            for part in parts:
                began = time.perf_counter()
                rows = PARTS[part](many, *LEARNERS[name])
                _stored(name, part, rows, round(time.perf_counter() - began, 1))
    return 0


def _stored(name: str, part: str, rows: list[dict[str, Any]], seconds: float) -> None:
    """Store the rows of a learner beside those of others."""
    path, order = RESULTS / "responders.json", list(LEARNERS.values())
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept = {each: [r for r in old.get(each, []) if (r["learner"], r["method"]) in order] for each in PARTS}
    others = [r for r in kept[part] if (r["learner"], r["method"]) != LEARNERS[name]]
    kept[part] = sorted([*others, *rows], key=lambda r: order.index((r["learner"], r["method"])))
    times = old.get("seconds", {}) | {f"{name} {part}": seconds}
    store("responders", {"level": LEVEL, "copies": COPIES, "subjects": SUBJECTS, **kept, "seconds": times})


def _alone() -> None:
    """One thread of linear algebra a process: two that fight for a core are slower than one."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
