"""Counterfactual volumes of tumours under confounded treatment: twins of a right and a wrong mechanism, and others.

Run with ``python -m benchmarks.tumour_counterfactuals``, which stores benchmarks/results/tumour_counterfactuals.json;
``--quick`` takes few patients, prints and stores nothing. The simulator is that of Geng 2017 as Bica 2020 and Melnychuk
2022 used it; training, validation and test patients are different ones.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.result import store
from benchmarks.tumour_published import METHODS, PUBLISHED, SOURCE, published

from understudy.causal.twins import calibrate_twins
from understudy.causal.twins.tumour_correction import TumourCorrection, learn_correction, real_plans
from understudy.causal.twins.tumour_counterfactuals import (
    CHOICES,
    crossed_courses,
    later_days,
    next_day,
    random_plans,
    sliding_plans,
)
from understudy.causal.twins.tumour_effects import treated_windows, untreated_windows
from understudy.causal.twins.tumour_forecast import forecast_tumours
from understudy.causal.twins.tumour_simulator import LARGEST, TumourCourses, draw_patients, simulate_courses
from understudy.causal.twins.tumour_twin import (
    Mechanism,
    TumourPopulation,
    learn_population,
    make_twins,
    prior_twins,
)

RIGHT, WRONG = "twin, right mechanism", "twin, wrong mechanism"
CORRECTED, TYPICAL = "wrong twin, corrected", "typical patient"
POPULATION, PERSISTENCE = "mean of training patients", "volume stays"
MECHANISMS = {RIGHT: Mechanism(), WRONG: Mechanism("exponential", 3.0)}
MENDED = (1, 2, 6)  # days ahead that are corrected
Z = 1.959963984540054


@dataclass(frozen=True)
class Settings:
    """Sizes; the publications have 10,000, 1,000 and 1,000 patients for training, validation and each of five tests."""

    train: int = 10_000
    correction: int = 1_000
    validation: int = 500
    test: int = 1_000
    test_later: int = 200  # several days ahead
    runs: int = 5
    draws: int = 39
    days: int = 60
    window: int = 3
    seed: int = 1
    gammas: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 4.0)


QUICK = Settings(
    train=600, correction=150, validation=150, test=60, test_later=20, runs=2, draws=39, gammas=(0.0, 4.0)
)


@dataclass(frozen=True, eq=False)
class Learnt:
    """What training and validation patients taught at one gamma."""

    populations: dict[str, TumourPopulation]
    correction: TumourCorrection
    daily_mean: np.ndarray
    validation: TumourCourses


def main() -> int:
    """Compute, store, print."""
    quick = "--quick" in sys.argv[1:]
    settings = QUICK if quick else Settings()
    started = time.perf_counter()
    figures = compute(settings)
    figures["seconds"] = round(time.perf_counter() - started)
    for name in ("errors", "coverage"):
        table = pd.DataFrame(figures[name])
        value = "rmse" if name == "errors" else "coverage"
        print(
            table.pivot_table(value, ["patients", "question", "ahead", "method"], "gamma")
            .round(3)
            .to_string()
        )
    print(pd.DataFrame(figures["calibration"]).round(3).to_string())
    if not quick:
        print(store("tumour_counterfactuals", figures))
    return 0


def compute(settings: Settings) -> dict[str, Any]:
    """All figures; errors and coverage are means over runs, each with test patients of its own."""
    answered, calibration = [], []
    for gamma in settings.gammas:
        learnt = learn(settings, gamma)
        for run in range(settings.runs):
            for made, question, courses in tests(settings, gamma, run):
                at = {"gamma": gamma, "patients": made, "question": question}
                answered += [at | row for row in answers(settings, learnt, question, courses)]
        calibration += [{"gamma": gamma} | row for row in calibrated(settings, learnt, gamma)]
    return {
        "settings": asdict(settings) | {"wrong mechanism": asdict(MECHANISMS[WRONG])},
        "errors": list(_over_runs(answered, "rmse")),
        "coverage": list(_over_runs(answered, "coverage")),
        "calibration": calibration,
        "published": {
            "source": SOURCE,
            "methods": METHODS,
            "rows": {q: {str(h): published(q, h) for h in PUBLISHED[q]} for q in PUBLISHED},
        },
    }


def _over_runs(answered: list[dict[str, Any]], value: str) -> Iterator[dict[str, Any]]:
    """Mean and standard deviation over runs."""
    keys = ["patients", "question", "ahead", "method", "gamma"]
    frame = pd.DataFrame([row for row in answered if value in row])
    for key, values in frame.groupby(keys, sort=False)[value]:
        spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        yield dict(zip(keys, key, strict=True)) | {
            value: round(float(values.mean()), 4),
            "standard_deviation": round(spread, 4),
        }


def _people(settings: Settings, first: int, count: int):
    return draw_patients(np.arange(first, first + count), settings.seed)


def learn(settings: Settings, gamma: float) -> Learnt:
    """From training and validation patients alone."""
    train = simulate_courses(_people(settings, 0, settings.train), gamma, settings.days, settings.seed)
    few = simulate_courses(_people(settings, 0, settings.correction), gamma, settings.days, settings.seed)
    validation = simulate_courses(
        _people(settings, 100_000, settings.validation), gamma, settings.days, settings.seed
    )
    populations = {name: learn_population(train, mechanism) for name, mechanism in MECHANISMS.items()}
    wrong = populations[WRONG]
    correction = learn_correction(
        (make_twins(wrong, few), few), (make_twins(wrong, validation), validation), MENDED, settings.seed
    )
    mean = np.nanmean(train.volume, axis=0)
    return Learnt(populations, correction, np.append(mean, np.full(6, mean[-1])), validation)


def tests(settings: Settings, gamma: float, run: int) -> Iterator[tuple[str, str, TumourCourses]]:
    """Test patients: treated by their own size, as is written, and crossed, as the public simulator has it."""
    days, seed = settings.days, settings.seed
    people = _people(settings, 200_000 + 10_000 * run, settings.test)
    few = people.take(range(settings.test_later))
    yield "own size", "one day", simulate_courses(people, gamma, days, seed)
    yield "crossed", "one day", crossed_courses(people, gamma, "next_day", days, seed)
    yield "own size", "sliding", simulate_courses(few, gamma, days, seed)
    crossed = crossed_courses(few, gamma, "later_days", days, seed)
    yield "crossed", "sliding", crossed
    yield "crossed", "random", crossed


def answers(
    settings: Settings, learnt: Learnt, question: str, courses: TumourCourses
) -> Iterator[dict[str, Any]]:
    """Errors of every method, and coverage of the twins' intervals."""
    ask = _one_day if question == "one day" else _days
    truth, predictions, covered = ask(settings, learnt, question, courses)
    for method, predicted in predictions.items():
        for k, ahead in enumerate((1,) if question == "one day" else range(2, 7)):
            if method == CORRECTED and ahead not in MENDED:
                continue
            yield {"ahead": ahead, "method": method, "rmse": _rmse(predicted[..., k], truth[..., k])}
    for method, inside in covered.items():
        for k, ahead in enumerate((1,) if question == "one day" else range(2, 7)):
            known = np.isfinite(truth[..., k])
            yield {"ahead": ahead, "method": method, "coverage": float(inside[..., k][known].mean())}


def _baselines(learnt: Learnt, courses: TumourCourses, shape: tuple[int, ...], first: int) -> dict:
    days = shape[1]
    ahead = np.stack([learnt.daily_mean[k + first : k + first + days] for k in range(shape[-1])], axis=-1)
    return {
        POPULATION: np.broadcast_to(ahead[None, :, None], shape),
        PERSISTENCE: np.broadcast_to(courses.volume[:, :-1, None, None], shape),
    }


def _one_day(settings: Settings, learnt: Learnt, question: str, courses: TumourCourses):
    truth = next_day(courses)[..., None]
    predictions, covered = {}, {}
    for name, population in learnt.populations.items():
        twins = make_twins(population, courses)
        mean, spread = twins.next_day(courses)
        predictions[name] = mean[..., None]
        covered[name] = np.abs(truth - mean[..., None]) <= Z * spread[..., None]
        if name == WRONG:
            plans = CHOICES[None, None, :, None, :]
            predictions[CORRECTED] = learnt.correction.corrected(twins, courses, mean, plans)[..., None]
    typical = prior_twins(learnt.populations[RIGHT], courses)
    predictions[TYPICAL] = typical.next_day(courses)[0][..., None]
    return truth, predictions | _baselines(learnt, courses, truth.shape, 1), covered


def _days(settings: Settings, learnt: Learnt, question: str, courses: TumourCourses):
    plans = sliding_plans(courses) if question == "sliding" else random_plans(courses, settings.seed)
    truth = later_days(courses, plans)
    predictions, covered = {}, {}
    for name, population in learnt.populations.items():
        twins = make_twins(population, courses)
        found = forecast_tumours(twins, courses, plans, truth, settings.draws, settings.seed)
        predictions[name], covered[name] = found.mean, found.covered()
        if name == WRONG:
            predictions[CORRECTED] = _corrected(learnt.correction, twins, courses, found.mean, plans)
    typical = prior_twins(learnt.populations[RIGHT], courses)
    predictions[TYPICAL] = forecast_tumours(
        typical, courses, plans, draws=settings.draws, seed=settings.seed
    ).mean
    return truth, predictions | _baselines(learnt, courses, truth.shape, 2), covered


def _corrected(correction: TumourCorrection, twins, courses, mean: np.ndarray, plans: np.ndarray):
    shape = mean.shape[:3]
    now = np.broadcast_to(real_plans(courses, 1), (*shape, 1, 2))
    whole = np.concatenate([now, np.broadcast_to(plans, (*shape, 5, 2))], axis=3)
    found = np.full(mean.shape, np.nan)
    for ahead in MENDED[1:]:
        found[..., ahead - 2] = correction.corrected(
            twins, courses, mean[..., ahead - 2], whole[:, :, :, :ahead]
        )
    return found


def _rmse(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Root mean squared error in per cent of the largest volume."""
    known = np.isfinite(truth)
    return 100 * float(np.sqrt(np.mean((predicted[known] - truth[known]) ** 2))) / LARGEST


def calibrated(settings: Settings, learnt: Learnt, gamma: float) -> Iterator[dict[str, Any]]:
    """Effects of treatment over some days, by twins: coverage before and after calibration on untreated patients."""
    people = _people(settings, 200_000, settings.test)
    courses = simulate_courses(people, gamma, settings.days, settings.seed)
    for name, population in learnt.populations.items():
        controls = untreated_windows(
            make_twins(population, learnt.validation), learnt.validation, settings.window, seed=settings.seed
        )
        effects, truth = treated_windows(
            make_twins(population, courses), courses, settings.window, seed=settings.seed
        )
        found = calibrate_twins(controls.joined(effects))
        told = found.effects.seen
        yield {
            "method": name,
            "null contrasts": len(controls.name),
            "effects": len(effects.name),
            "bias": round(found.null.mean, 4),
            "spread": round(found.null.sd, 4),
            "EASE": round(found.ease, 4),
            "coverage": _inside(told["low"], told["high"], truth),
            "calibrated coverage": _inside(told["calibrated_low"], told["calibrated_high"], truth),
            "width": round(float(np.median(told["high"] - told["low"])), 4),
            "calibrated width": round(float(np.median(told["calibrated_high"] - told["calibrated_low"])), 4),
        }


def _inside(low, high, truth: np.ndarray) -> float:
    return round(float(np.mean((low <= truth) & (truth <= high))), 4)


if __name__ == "__main__":
    sys.exit(main())
