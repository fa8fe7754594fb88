"""Joint models in simulated studies: what was planted is found, with what coverage, and what two stages make of it.

Run with ``python -m benchmarks.joint_model``; writes benchmarks/results/joint_model.json.
"""

from __future__ import annotations

import sys

import numpy as np
from benchmarks.result import store

from understudy.biostatistics import log_rank_many
from understudy.biostatistics.joint.course import LINE, Course, fall_and_growth
from understudy.biostatistics.joint.joint_parameters import JointParameters
from understudy.biostatistics.joint.simulated_joint import drawn_events, drawn_study
from understudy.core.errors import UnderstudyError
from understudy.trials.tumour import size_survival

STUDIES, PATIENTS, DRAWS, HORIZON = 200, 200, 40, 3.0
VISITS = np.arange(0, 3, 0.25)
# Standard deviations, effects and hazards as they are in colorectal cancer (sizes after Box-Cox, years).
_SIZES = np.array([3.5, -0.8, 0.2, -1.0, 0.2]), np.diag([1.1, 2.2, 1.2])
CASES: dict[str, tuple[Course, JointParameters]] = {
    "straight courses": (
        LINE,
        JointParameters(
            np.array([3.0, 0.5, -0.8]),
            np.diag([1.0, 0.3]),
            0.5,
            np.array([-2.5]),
            np.zeros(0),
            np.array([0.4]),
        ),
    ),
    "fall and growth": (
        fall_and_growth(4.0),
        JointParameters(*_SIZES, 0.6, np.array([-1.8]), np.zeros(0), np.array([0.32])),
    ),
    "strong and noisy": (
        LINE,
        JointParameters(
            np.array([3.0, 0.5, -0.8]),
            np.diag([1.0, 1.0]),
            2.0,
            np.array([-4.5]),
            np.zeros(0),
            np.array([0.9]),
        ),
    ),
}


def main() -> int:
    """Compute, store, print."""
    figures = {"studies": STUDIES, "patients": PATIENTS, "draws": DRAWS, "cases": {}}
    for name, (course, true) in CASES.items():
        figures["cases"][name] = _case(course, true)
        print(name, figures["cases"][name], flush=True)
    print(store("joint_model", figures))
    return 0


def lines(figures: dict) -> list[str]:
    """Rows of the table in docs/tumour.md."""
    return [
        f"| {name} | {row['planted']:g} | {_figure(row['joint'])} | {_share(row['joint_covered'])} | "
        f"{_figure(row['two_stages'])} | {_share(row['two_stages_covered'])} |"
        for name, row in figures["cases"].items()
    ]


def _figure(pair: list[float]) -> str:
    return f"{pair[0]:.3f} ± {pair[1]:.3f}"


def _share(pair: list[float]) -> str:
    return f"{100 * pair[0]:.1f} ± {100 * pair[1]:.1f} %"


def _case(course: Course, true: JointParameters) -> dict:
    ratio = _true_ratio(course, true)
    rows, failed = [], 0
    for seed in range(STUDIES):
        arm = np.arange(PATIENTS) % 2.0
        study = drawn_study(true, VISITS, arm, HORIZON, seed + 1, cuts=np.zeros(1), course=course)
        try:
            rows.append(_study(study, course, true, ratio))
        except UnderstudyError:
            failed += 1
    found = np.array(rows)
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found))
    names = (
        "joint", "joint_standard_error", "joint_covered", "two_stages", "two_stages_standard_error",
        "two_stages_covered", "log_hazard_ratio", "hazard_ratio_covered", "died",
    )  # fmt: skip
    told = {
        each: [round(float(m), 4), round(float(e), 4)] for each, m, e in zip(names, mean, error, strict=True)
    }
    spread = found[:, [0, 3]].std(axis=0, ddof=1)
    return {
        "planted": float(true.association[0]), "hazard_ratio": round(float(np.exp(ratio)), 4), "failed": failed, **told,
        "joint_spread": round(float(spread[0]), 4), "two_stages_spread": round(float(spread[1]), 4),
    }  # fmt: skip


def _study(study: dict, course: Course, true: JointParameters, ratio: float) -> tuple:
    planted, names = true.association[0], np.arange(PATIENTS)
    fit = size_survival(
        study["patient"], study["time"], study["value"], names, study["follow_up"], study["event"], study["arm"],
        course=course, pieces=1, nodes=3,
    )  # fmt: skip
    joint, two = fit.model.associations[0], fit.model.two_stages
    slope, error = two.parameters.association[0], two.standard_errors[0]
    trial = fit.hazard_ratio(PATIENTS, DRAWS, seed=1, horizon=HORIZON)
    reach = 1.959964 * trial.parameter_error
    return (
        joint.value, joint.standard_error, joint.low <= planted <= joint.high, slope, error,
        abs(slope - planted) <= 1.959964 * error, np.log(trial.estimate),
        abs(np.log(trial.estimate) - ratio) <= reach, study["event"].mean(),
    )  # fmt: skip


def _true_ratio(course: Course, true: JointParameters) -> float:
    """Of half a million patients: its standard error is below 0.005."""
    arm = np.repeat([0.0, 1.0], 25_000)
    drawn = [drawn_events(true, np.zeros(1), course, "value", arm, HORIZON, seed) for seed in range(900, 910)]
    times, events = (np.array(each) for each in zip(*drawn, strict=True))
    return float(log_rank_many(times, events, arm.astype(int)).log_hazard_ratio.mean())


if __name__ == "__main__":
    sys.exit(main())
