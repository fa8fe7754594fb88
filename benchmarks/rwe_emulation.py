"""Emulated trials found again: TrialEmulation's example data sets and NHEFS, beside the printed numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from benchmarks.trial_results import Found, rows

from understudy.causal.emulation import (
    OutcomeModel,
    PointModels,
    emulate_trials,
    person_periods,
    point_effect,
    point_table,
    trial_sequence,
)

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "rwe"
COVARIATES = ("catvarA", "catvarB", "nvarA", "nvarB", "nvarC")
NHEFS = (
    *(
        "sex",
        "race",
        "age",
        "age^2",
        "education",
        "smokeintensity",
        "smokeintensity^2",
        "smokeyrs",
        "smokeyrs^2",
    ),
    *("exercise", "active", "wt71", "wt71^2"),
)


def found() -> Iterator[Found]:
    """One row for each expected number."""
    yield from smoking()
    yield from sequential()
    yield from loss()


def smoking() -> Iterator[Found]:
    """NHEFS: stopping to smoke, and weight."""
    name = "NHEFS"
    table = point_table(
        pd.read_csv(FOLDER / "nhefs.csv"), treatment="qsmk", outcome="wt82_71", missing="complete cases",
        covariates=[each for each in NHEFS if "^" not in each],
        categorical=["sex", "race", "education", "exercise", "active"],
    )  # fmt: skip
    yield from rows(name, "complete rows, quitters", "1566 403", [table.persons, table.treatment.sum()])
    weighted = point_effect(table, "weighting", PointModels(NHEFS))
    one = weighted.differences["treated - untreated"]
    ours = [one.value, one.standard_error, one.low, one.high]
    yield from rows(name, "weighting, kg: difference, robust SE, interval", "3.4405 0.5255 2.411 4.470", ours)
    yield from rows(name, "mean stabilised weight", "0.9988", [weighted.weights.mean])
    plain = point_effect(table, "unadjusted", PointModels())
    yield from rows(name, "unadjusted, kg", "2.5406", plain.differences.values)
    whole = point_effect(table, "standardisation", PointModels(NHEFS, NHEFS, ("smokeintensity",)))
    yield from rows(name, "standardisation, kg: untreated, treated", "1.76 5.27", whole.means.values)
    yield from rows(name, "standardisation, kg: difference", "3.5", whole.differences.values)


def sequential() -> Iterator[Found]:
    """TrialEmulation's example, as trials that start in every eligible period."""
    name = "TrialEmulation, example"
    periods = person_periods(
        pd.read_csv(FOLDER / "trial_emulation_example.csv.gz"),
        eligible="eligible", covariates=COVARIATES, categorical=("catvarA", "catvarB"),
    )  # fmt: skip
    counts = [periods.persons, periods.eligible.sum(), periods.outcome.sum()]
    yield from rows(name, "persons, eligible periods, outcomes", "503 22710 253", counts)
    sequence = trial_sequence(periods)
    yield from rows(name, "expanded rows", "1939053", [sequence.expanded])
    fitted = emulate_trials(sequence, OutcomeModel(COVARIATES)).model
    one = fitted.coefficients["assigned_treatment"]
    yield from rows(name, "log odds ratio of treatment", "-0.272859", [one.value])
    errors = [one.standard_error, one.standard_error * fitted.small_sample_factor]
    yield from rows(name, "its robust SE, without and with the small-sample factor", "0.30969 0.3100", errors)
    yield from rows(name, "deviance", "107649.393", [fitted.deviance])
    yield from rows(name, "separable levels (catvarA = 3)", "1", [len(fitted.separable)])
    per_protocol = trial_sequence(periods, "per protocol")
    yield from rows(name, "expanded rows per protocol", "963883", [per_protocol.expanded])


def loss() -> Iterator[Found]:
    """TrialEmulation's small set with loss."""
    frame = pd.read_csv(FOLDER / "trial_emulation_censored.csv")
    periods = person_periods(frame, eligible="eligible", censored="censored")
    counts = [periods.persons, periods.eligible.sum(), periods.outcome.sum(), periods.censored.sum()]
    what = "persons, eligible periods, outcomes, lost"
    yield from rows("TrialEmulation, loss", what, "89 170 11 58", counts)
