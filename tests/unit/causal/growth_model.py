"""A day's relative growth of tumours as a population model and records, which the engine solves like any other."""

from __future__ import annotations

import pandas as pd

from understudy.causal.twins.tumour_simulator import ALPHA_BETA, DOSE, FRACTION, LARGEST, TumourCourses
from understudy.causal.twins.tumour_twin import TumourPopulation
from understudy.data.records import Records
from understudy.model.model import Model
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects

RATES = ("growth", "drug", "radiation")


def growth_model(population: TumourPopulation) -> PopulationModel:
    """The same population; the means of a patient's type are covariates."""
    change = "(M1 + eta_growth) * SIZE - (M2 + eta_drug) * CONC - (M3 + eta_radiation) * GRAY"
    return PopulationModel(
        "tumours",
        Model("daily growth", "day", {"change": 0.0}, {"A": "1"}, {"A": "-A"}, outputs={"y": "change"}),
        individual={"change": change},
        random=(
            RandomEffects(
                tuple(f"eta_{name}" for name in RATES), tuple(map(tuple, population.covariance.tolist()))
            ),
        ),
        residual={"y": str(population.noise**2)},
        covariates=tuple(Covariate(name) for name in ("SIZE", "CONC", "GRAY", "M1", "M2", "M3")),
    )


def growth_records(courses: TumourCourses, population: TumourPopulation, days: int) -> Records:
    """Relative growth of the first days, with what acted on it."""
    concentration = population.mechanism.carried(courses) + DOSE * courses.chemotherapy
    rows = []
    for i, kind in enumerate(courses.patients.kind):
        means = dict(zip(("M1", "M2", "M3"), population.mean[kind - 1], strict=True))
        for day in range(days):
            today, later = courses.volume[i, day : day + 2]
            if not 0 < later < LARGEST:
                break
            gray = FRACTION * courses.radiotherapy[i, day]
            x = population.mechanism.features(today, concentration[i, day], courses.radiotherapy[i, day])
            seen = {"SIZE": x[0], "CONC": concentration[i, day], "GRAY": gray + gray**2 / ALPHA_BETA}
            rows.append({"ID": f"p{i}", "TIME": day + 1.0, "DV": later / today - 1, **seen, **means})
    return Records.from_frame(pd.DataFrame(rows).astype({"ID": str}), units=dict.fromkeys(("TIME",), "day"))
