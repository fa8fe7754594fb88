"""Type I error, power and variance of adjustment for a prognostic score, in trials of real patients.

Run with ``python -m benchmarks.procova FOLDER``, the folder of ``actg175.csv`` and ``ist.csv.gz``; writes
benchmarks/results/procova.json.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.result import store
from benchmarks.synthetic_controls import demonstrate

from understudy.biostatistics.survival.adjusted_log_rank import adjusted_log_rank
from understudy.core.random import uniforms
from understudy.trials import load_history, load_score, load_trial, prognostic_twins, train_score
from understudy.trials.prognosis.features import independent
from understudy.trials.prognosis.simulated_procova import simulate_procova

TRIALS = 10_000
SURVIVAL_TRIALS = 2_000
EFFECT = 45.0  # cells per mm³, for the power
SPLITS = 3
COVARIATES = (
    "age", "wtkg", "karnof", "symptom", "z30", "preanti", "hemo", "homo", "drugs", "race", "gender", "str2", "cd40",
    "cd80",
)  # fmt: skip
_ENDPOINTS = {
    "continuous": 'name = "CD4 at 20 weeks"\nkind = "continuous"\nvalue = "cd420"',
    "survival": 'name = "decline, AIDS or death"\nkind = "survival"\ntime = "days"\nevent = { cens = 1 }',
}
_PROTOCOL = """title = "Zidovudine against combinations in HIV"
[subjects]
file = "trial.csv"
id = "pidnum"
arm = "arms"
[arms]
control = 0
treated = [1, 2, 3]
labels = {{ "0" = "zidovudine", "1" = "with didanosine", "2" = "with zalcitabine", "3" = "didanosine" }}
[endpoint]
{endpoint}
[baseline]
covariates = {covariates}
[history]
file = "history.csv"
id = "pidnum"
"""


def prepare(folder: Path, table: Path, kind: str, split: int = 0) -> Path:
    """Half of the zidovudine patients as history, all others as a trial; the protocol."""
    frame = pd.read_csv(table)
    control = frame.index[frame["arms"] == 0].to_numpy()
    order = np.argsort(uniforms(1, f"halves of the controls {split}", [0], len(control))[0])
    first = control[order[: len(control) // 2]]
    frame.loc[np.sort(first)].to_csv(folder / "history.csv", index=False)
    frame.drop(index=first).to_csv(folder / "trial.csv", index=False)
    text = _PROTOCOL.format(endpoint=_ENDPOINTS[kind], covariates=list(COVARIATES)).replace("'", '"')
    path = folder / "trial.toml"
    path.write_text(text, encoding="utf-8")
    return path


def one_split(table: Path, kind: str, split: int) -> dict[str, Any]:
    """Score, analysis of the trial, and simulated trials of the other half of the controls."""
    with tempfile.TemporaryDirectory() as made:
        path = prepare(Path(made), table, kind, split)
        train_score(load_history(path)).write(path.with_name("score.json"))
        score, trial = load_score(path.with_name("score.json")), load_trial(path)
        found = prognostic_twins(trial, score)
        own = trial.subjects.index[trial.subjects["arm"] == trial.control]
        frame = trial.subjects.loc[own]
        result = {
            "learner": score.learner,
            "history": score.subjects,
            "r_squared_cross_validated": round(score.r_squared, 4),
            "r_squared_in_trial": round(found.r_squared, 4),
            "variance_ratio_in_trial": dict(
                zip(found.comparison["adjustment"], found.comparison["variance_ratio"].round(4), strict=True)
            ),
            "verdicts": list(found.verdicts),
        }
        raw, scored = score.coded(frame[list(COVARIATES)]), score.predict(frame[list(COVARIATES)])
        raw = raw[:, independent(raw)]
        work = _simulated_means if kind == "continuous" else _simulated_times
        return result | work(trial.outcome.loc[own], raw, scored, split)


def _simulated_means(outcome: pd.DataFrame, raw: np.ndarray, score: np.ndarray, split: int) -> dict[str, Any]:
    y, made = outcome["value"].to_numpy(), {}
    given = {"nothing": None, "covariates": raw, "score": score}
    for size in (len(y), 80):
        for effect in (0.0, EFFECT):
            found = simulate_procova(y, given, trials=TRIALS, size=size, effect=effect, seed=1 + split)
            key = f"{size} patients, {'no effect' if effect == 0 else f'effect {effect:g}'}"
            made[key] = found.round(5).to_dict("index")
    return {"simulated": made}


def _simulated_times(outcome: pd.DataFrame, raw: np.ndarray, score: np.ndarray, split: int) -> dict[str, Any]:
    time_, event, rejected = outcome["time"].to_numpy(), outcome["event"].to_numpy(), []
    u = uniforms(1 + split, "survival trials", np.arange(SURVIVAL_TRIALS), 2 * len(time_))
    for row in u:
        drawn = (row[: len(time_)] * len(time_)).astype(int)
        arm = np.argsort(np.argsort(row[len(time_) :])) % 2
        tests = [
            adjusted_log_rank(time_[drawn], event[drawn], arm, None if x is None else x[drawn]).p
            for x in (None, raw, score)
        ]
        rejected.append([p < 0.05 for p in tests])
    rate = np.mean(rejected, axis=0)
    error = float(np.sqrt(0.05 * 0.95 / SURVIVAL_TRIALS))
    return {
        "type_1_error": dict(zip(("nothing", "covariates", "score"), rate.tolist(), strict=True)),
        "monte_carlo_error": round(error, 5),
    }


def main(arguments: list[str]) -> int:
    """Measure, store, print; 1 where a type I error is beyond 3 Monte Carlo errors of 5 %."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    folder, began = Path(arguments[0]), time.perf_counter()
    means = [one_split(folder / "actg175.csv", "continuous", k) for k in range(SPLITS)]
    times = one_split(folder / "actg175.csv", "survival", 0)
    synthetic = demonstrate(folder / "ist.csv.gz")
    limit = 0.05 + 3 * np.sqrt(0.05 * 0.95 / TRIALS)
    size = 266
    errors = [m["simulated"][f"{size} patients, no effect"]["score"]["rejected"] for m in means]
    figures = {
        "trials": TRIALS,
        "type_1_error_of_score": errors,
        "monte_carlo_error": round(float(np.sqrt(0.05 * 0.95 / TRIALS)), 5),
        "actg175_cd4_at_20_weeks": means,
        "actg175_survival": times,
        "ist_synthetic_controls": synthetic,
        "seconds": round(time.perf_counter() - began, 1),
    }
    path = store("procova", figures)
    for split in means:
        null = split["simulated"][f"{size} patients, no effect"]
        print(
            f"{split['learner']}: r² {split['r_squared_cross_validated']:.3f}; type I error "
            + ", ".join(f"{name} {row['rejected']:.4f}" for name, row in null.items())
            + "; variance "
            + ", ".join(f"{name} {row['variance_ratio']:.3f}" for name, row in null.items())
        )
    print("survival, type I error:", times["type_1_error"])
    for name in ("no effect", "effect"):
        for what, row in synthetic[name].items():
            print(f"{name}, {what}: {row}")
    print(f"{figures['seconds']:.0f} s; {path.name}")
    return int(max(errors) > limit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
