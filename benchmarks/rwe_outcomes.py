"""Outcome models and case series: published estimates found again, and seconds for a million persons.

``python -m benchmarks.rwe_outcomes`` writes benchmarks/results/rwe_outcomes.json. What is compiled is compiled before
the clock starts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.result import store
from benchmarks.rwe_study import result
from benchmarks.trial_results import Found, rows

from understudy.causal import EffectEstimate
from understudy.causal.outcomes import follow_up, minimum_detectable_relative_risk, outcome_model
from understudy.causal.propensity import weight_by_score
from understudy.causal.sccs import RiskWindow, SccsSettings, fit_sccs_intervals, sccs, simulated_cases

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "rwe"
MILLION = 1_000_000


def found() -> Iterator[Found]:
    """Published and recomputed estimates, and ours."""
    yield from _gibleed()
    yield from _pooled()


def _gibleed() -> Iterator[Found]:
    material = result().material
    people = material.outcomes["gastrointestinal bleeding"]
    weights = weight_by_score(material.scores(people), "att", largest=10).weights
    data, name = (people.time, people.event, people.treatment), "GiBleed"
    crude, weighted = outcome_model(*data), outcome_model(*data, weights=weights)
    yield from rows(f"{name}, crude Cox", "hazard ratio", "1.1340672", [crude.exp])
    yield from rows(f"{name}, crude Cox", "its interval", "0.81091 1.61247", crude.interval)
    # Published 0.81082-1.61250 and 0.1753846: Cyclops ends its search for limits some 1e-4 away.
    yield from rows(f"{name}, crude Cox", "its interval, published", "0.81 1.61", crude.interval)
    yield from rows(f"{name}, crude Cox", "standard error, published", "0.1754", [crude.standard_error])
    yield from rows(f"{name}, crude Cox", "log-likelihood ratio", "0.26321403", [crude.log_likelihood_ratio])
    yield from rows(f"{name}, weighted Cox", "hazard ratio", "1.131558", [weighted.exp])
    yield from rows(f"{name}, weighted Cox", "its interval", "0.753176 1.743472", weighted.interval)
    yield from rows(
        f"{name}, weighted Cox", "log-likelihood ratio", "0.1708186", [weighted.log_likelihood_ratio]
    )
    yield from rows(f"{name}, weighted Cox", "standard error", "0.214120", [weighted.standard_error])
    yield from rows(f"{name}, weighted Cox", "robust error", "0.18316", [weighted.robust_error])
    pairs = matched_pairs()
    yield from rows(f"{name}, matched Cox by its discordant pairs", "hazard ratio", "0.8889", [pairs.exp])
    yield from rows(
        f"{name}, matched Cox by its discordant pairs", "its interval", "0.579 1.361", pairs.interval
    )
    share = float(people.treatment.mean())
    detectable = minimum_detectable_relative_risk(int(people.event.sum()), share)
    yield from rows(name, "detectable relative risk", "1.6127112395730", [detectable])
    days = follow_up(people.time, people.treatment)
    for group, printed in (("target", "54388"), ("comparator", "25102")):
        one = getattr(days, group)
        yield from rows(name, f"person-days, {group}", printed, [one.days])
        yield from rows(name, f"follow-up, {group}", "6 31 31 31 31 31 31", one.quantiles)


def matched_pairs() -> EffectEstimate:
    """CohortMethod's matched analysis from its 40 and 45 discordant pairs, which decide it."""
    treated, pair = np.tile([True, False], 85), np.repeat(np.arange(85), 2)
    event = np.where(pair < 40, treated, ~treated)
    return outcome_model(np.where(event, 5.0, 31.0), event, treated, strata=pair)


def _pooled() -> Iterator[Found]:
    for name, estimate, printed in (
        ("evidence synthesis, Cox", pooled_cox(), ("2.914644", "1.374367 6.180870")),
        ("evidence synthesis, case series", pooled_sccs(), ("2.107838", "1.496396 2.957627")),
    ):
        yield from rows(name, "rate ratio, all sites", printed[0], [estimate.exp])
        yield from rows(name, "its interval", printed[1], estimate.interval)


def pooled_cox() -> EffectEstimate:
    """All persons of ten sites, each stratum of each site with a hazard of its own."""
    table = pd.read_csv(FOLDER / "evidence_synthesis" / "cox_populations.csv")
    strata = table.groupby(["site", "stratumId"]).ngroup()
    return outcome_model(table.time, table.y, table.x, strata=strata)


def pooled_sccs() -> EffectEstimate:
    """All cases of ten sites."""
    table = pd.read_csv(FOLDER / "evidence_synthesis" / "sccs_populations.csv")
    person = table.groupby(["site", "stratumId"]).ngroup()
    splines = table[["x1", "x2", "x3", "x4", "x5"]]
    return fit_sccs_intervals(person, table.time, table.y, {"a": table.a}, splines)["a"]


def seconds() -> dict[str, float]:
    """Processor and wall seconds of each model for a million persons, and of a case series."""
    drawn = np.random.default_rng(1)
    treated = drawn.random(MILLION) < 0.4
    days, end = np.ceil(drawn.exponential(3000 / np.exp(0.5 * treated))), drawn.integers(1, 365, MILLION)
    data = (np.minimum(days, end), days <= end, treated)
    strata, pairs = drawn.integers(0, 10, MILLION), np.arange(MILLION) // 2
    cases = simulated_cases(3000, rate_ratio=2.0, seed=5)
    settings = SccsSettings((RiskWindow("on drug", "drug"),))
    tasks = {
        "Cox": lambda: outcome_model(*data),
        "Cox, ten strata": lambda: outcome_model(*data, strata=strata),
        "Cox, weights": lambda: outcome_model(*data, weights=drawn.uniform(0.3, 3, MILLION)),
        "Cox, pairs": lambda: outcome_model(*data, strata=pairs),
        "Poisson": lambda: outcome_model(*data, model="poisson"),
        "logistic": lambda: outcome_model(*data, model="logistic"),
        "case series, splines of age and season": lambda: sccs(
            cases.observation, {"drug": cases.exposures}, cases.outcomes, settings
        ),
    }
    told = {}
    for name, task in tasks.items():
        task()
        wall, processor = time.perf_counter(), time.process_time()
        task()
        told[f"{name}, wall"] = round(time.perf_counter() - wall, 2)
        told[f"{name}, processor"] = round(time.process_time() - processor, 2)
    return told


def main() -> None:
    """Print and store."""
    numbers = list(found())
    for each in numbers:
        print(
            f"{each.trial}: {each.what}: {each.theirs}, here {each.ours:.10g}{'' if each.agrees else '  DIFFERS'}"
        )
    spent = seconds()
    for name, value in spent.items():
        print(f"{name}: {value} s")
    agree = sum(each.agrees for each in numbers)
    print(
        store("rwe_outcomes", {"numbers": len(numbers), "agree": agree, "persons": MILLION, "seconds": spent})
    )


if __name__ == "__main__":
    main()
