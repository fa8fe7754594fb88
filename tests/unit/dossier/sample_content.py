"""Content of a report about 59 newborns, made by formula: one compartment, steady intermittent doses."""

from __future__ import annotations

import numpy as np
import pandas as pd

from understudy.core.record import Record
from understudy.data.report import CovariateReport, OutputReport, RecordsReport, Spread
from understudy.dossier.report_content import ReportContent
from understudy.library.phenobarbital import phenobarbital_neonates
from understudy.population.attainment import Target

PATIENTS = 59
LABELS = (
    "2 mg/kg every 12 h",
    "2.5 mg/kg every 12 h",
    "3 mg/kg every 12 h",
    "4 mg/kg every 12 h",
    "5 mg/kg every 24 h",
)
_DAILY = (4.0, 5.0, 6.0, 8.0, 5.0)
_INTERVAL = (12.0, 12.0, 12.0, 12.0, 24.0)
_CL, _V, _LOAD = 0.0047, 0.96, 20.0


def course(time, daily, interval, cl=1.0, v=1.0):
    """Level in mg/L after a loading dose and maintenance doses per kg, clearance and volume relative."""
    rate, volume = _CL * cl / (_V * v), _V * v
    time = np.asarray(time, dtype=float)
    level = _LOAD / volume * np.exp(-rate * time)
    for start in np.arange(interval, 240.0, interval):
        given = time >= start
        level = level + given * daily * interval / 24 / volume * np.exp(
            -rate * np.where(given, time - start, 0.0)
        )
    return level


def sample_content(**changes) -> ReportContent:
    """The content, with some of its fields replaced."""
    rng = np.random.default_rng(1985)
    effects = np.exp(rng.normal(0, [0.17, 0.17], (PATIENTS, 2)))
    weight, apgar = np.round(rng.uniform(0.6, 3.6, PATIENTS), 1), rng.integers(1, 11, PATIENTS).astype(float)
    observations, curves, forecast = _levels(rng, effects)
    attainment = _attainment(rng)
    fields = {
        "title": "Phenobarbital in newborns with seizures",
        "question": "59 newborns received phenobarbital against seizures. What maintenance dose keeps which newborn "
        "between 15 and 40 mg/L?",
        "created": "2025-06-01T09:30:12+00:00",
        "assumptions": (
            "Parameters of the population are fixed at their published values; their uncertainty is not carried on.",
            "The 1,000 virtual patients have covariates (WT, APGR) resampled from the patients in the data, and random "
            "effects drawn from the population.",
            "Every patient starts without drug; covariates stay as at the first record.",
        ),
        "target": Target("Cp", 15.0, 40.0, "mg/L"),
        "regimens": tuple((label, f"20 mg/kg over 30 min then {label} for 10 days") for label in LABELS),
        "model": phenobarbital_neonates(),
        "records": _records(weight, apgar),
        "exclusions": pd.DataFrame(columns=["id", "row", "reason"]),
        "observations": observations,
        "curves": curves,
        "vpc": _vpc(observations),
        "forecast": forecast,
        "forecast_scores": _scores(forecast),
        "forecast_sentence": "Individualising helped: over 59 held-back levels the twin was off by 2.9 mg/L on "
        "average, the population alone by 4.6 mg/L (difference 1.7 mg/L, 95 % interval 0.8 to 2.6).",
        "interval": 0.9,
        "attainment": attainment,
        "profile": _profile(),
        "doses": _doses(rng, effects, weight, apgar),
        "failures": {},
        "tested": "59 newborns, 0.6 to 3.6 kg, treated for seizures; 155 concentrations over up to 16 days.",
        "limits": "Not for older infants, nor during therapeutic hypothermia.",
        "record": _record(),
    }
    return ReportContent(**(fields | changes))


def _levels(rng, effects):
    observations, curves = [], []
    for k, (cl, v) in enumerate(effects):
        times = np.sort(rng.uniform(1, 20 + 6 * k, rng.integers(1, 5)))
        typical, individual = course(times, 5, 12), course(times, 5, 12, cl, v)
        observed = individual * (1 + 0.115 * rng.normal(size=times.size))
        iwres = (observed - individual) / (0.115 * individual)
        columns = {"id": str(k + 1), "row": 10 * k + np.arange(times.size), "time": times, "output": "Cp"}
        columns |= {"observed": observed.round(1), "population": typical, "individual": individual}
        columns |= {"lower": individual * 0.82, "upper": individual * 1.2, "iwres": iwres}
        observations.append(pd.DataFrame(columns))
        grid = np.linspace(0, 20 + 6 * k, 61)
        curve = course(grid, 5, 12, cl, v)
        columns = {"id": str(k + 1), "time": grid, "population": course(grid, 5, 12), "median": curve}
        curves.append(pd.DataFrame(columns | {"lower": curve * 0.86, "upper": curve * 1.16}))
    observations = pd.concat(observations, ignore_index=True)
    last = observations.groupby("id", sort=False).tail(1).reset_index(drop=True)
    forecast = last[["id", "row", "time", "observed"]].copy()
    forecast["individual"] = last["individual"] * (1 + 0.08 * rng.normal(size=len(last)))
    forecast["individual_lower"], forecast["individual_upper"] = (
        forecast["individual"] * 0.75,
        forecast["individual"] * 1.3,
    )
    forecast["population"] = last["population"]
    forecast["population_lower"], forecast["population_upper"] = (
        last["population"] * 0.6,
        last["population"] * 1.6,
    )
    earlier = observations.groupby("id", sort=False)["observed"].shift()
    forecast["previous"] = earlier[observations.groupby("id", sort=False).tail(1).index].to_numpy()
    return observations, pd.concat(curves, ignore_index=True), forecast


def _scores(forecast):
    rows = []
    for key, label in (
        ("individual", "twin"),
        ("population", "population alone"),
        ("previous", "last level carried forward"),
    ):
        error = (forecast[key] - forecast["observed"]).dropna()
        row = {
            "method": label,
            "n": len(error),
            "mae": error.abs().mean(),
            "rmse": np.sqrt((error**2).mean()),
        }
        row |= {"bias": error.mean(), "coverage": np.nan, "coverage_low": np.nan, "coverage_high": np.nan}
        if key != "previous":
            row |= {"coverage": 0.88, "coverage_low": 0.77, "coverage_high": 0.95}
        rows.append(row)
    return pd.DataFrame(rows)


def _vpc(observations):
    rows = []
    ordered = observations.sort_values("time")
    for places in np.array_split(np.arange(len(ordered)), 8):
        part = ordered.iloc[places]
        time = part["time"].median()
        for quantile, factor in ((0.05, 0.68), (0.5, 1.0), (0.95, 1.42)):
            median = float(course([time], 5, 12)[0]) * factor
            observed = part["observed"].quantile(quantile)
            rows.append(("Cp", time, len(part), quantile, observed, median * 0.87, median, median * 1.16))
    columns = ["output", "time", "n", "quantile", "observed", "low", "median", "high"]
    return pd.DataFrame(rows, columns=columns)


def _attainment(rng):
    rows = []
    strata = {
        "all": ["all"],
        "WT": ["WT < 1 kg", "WT 1 to < 1.5 kg", "WT 1.5 to < 2 kg", "WT ≥ 2 kg"],
        "APGR": ["APGR < 5", "APGR ≥ 5"],
    }
    for source, total in (("twins", PATIENTS), ("virtual", 1000)):
        for regimen, daily in zip(LABELS, _DAILY, strict=True):
            for by, labels in strata.items():
                for k, label in enumerate(labels):
                    for measure in ("trough", "time"):
                        above = 1 / (1 + np.exp(-(daily - 7.4 - 0.3 * k)))
                        below = (1 - above) / (1 + np.exp(daily - 3.6 - 0.2 * k + 0.2 * (measure == "time")))
                        n = total // len(labels)
                        within = 1 - above - below
                        se = np.sqrt(within * (1 - within) / (n if source == "virtual" else 200 * n))
                        rows.append((source, regimen, by, label, measure, n, below, within, above, se))
    columns = ["source", "regimen", "by", "stratum", "measure", "n", "below", "within", "above", "se"]
    return pd.DataFrame(rows, columns=columns)


def _profile():
    time = np.linspace(0, 240, 121)
    frames = []
    for source in ("twins", "virtual"):
        for regimen, daily, interval in zip(LABELS, _DAILY, _INTERVAL, strict=True):
            median = course(time, daily, interval)
            columns = {"source": source, "regimen": regimen, "time": time}
            frames.append(
                pd.DataFrame(columns | {"low": median * 0.7, "median": median, "high": median * 1.45})
            )
    return pd.concat(frames, ignore_index=True)


def _doses(rng, effects, weight, apgar):
    best = rng.integers(1, 4, PATIENTS)
    below = rng.uniform(0, 0.2, PATIENTS) ** 2
    above = rng.uniform(0, 0.5, PATIENTS) ** 2
    within = 1 - below - above
    names = np.array(LABELS)
    return pd.DataFrame(
        {
            "id": [str(k + 1) for k in range(PATIENTS)],
            "WT": weight,
            "APGR": apgar,
            "CL": _CL * weight * effects[:, 0],
            "V": _V * weight * effects[:, 1],
            "best": names[best],
            "within": within,
            "below": below,
            "above": above,
            "se": np.sqrt(within * (1 - within) / 200),
            "runner_up": names[best - 1],
            "runner_up_within": within * rng.uniform(0.8, 1, PATIENTS),
            "note": np.where(rng.random(PATIENTS) < 0.2, "one measurement only", ""),
        }
    )


def _records(weight, apgar):
    return RecordsReport(
        source="phenobarbital.csv",
        hash="5f3a" * 16,
        records=744,
        patients=PATIENTS,
        dose_records=589,
        doses=589,
        outputs=(OutputReport("", "mg/L", 155, Spread(6.7, 23.1, 67.9), 0, None, 0),),
        records_per_patient=Spread(4, 12, 33),
        doses_per_patient=Spread(1, 9, 28),
        observations_per_patient=Spread(1, 3, 6),
        first_time=0.0,
        last_time=390.0,
        time_unit="h",
        covariates=(
            CovariateReport("WT", "kg", 0, 0, 0, Spread.of(weight)),
            CovariateReport("APGR", "1", 0, 0, 0, Spread.of(apgar)),
        ),
        notes=(),
        warnings=(),
    )


def _record():
    return Record(
        what="evaluate",
        inputs={"study.toml": "ab" * 32, "phenobarbital.csv": "5f3a" * 16},
        model="cd" * 32,
        seed=20250601,
        versions={"python": "3.11.9", "understudy": "0.1.0", "numpy": "2.4.6", "scipy": "1.16.0"},
        method="maximum a posteriori with Laplace's approximation; closed form engine",
        settings={"draws": 200, "interval": 0.9, "virtual_patients": 1000},
        citations=("Grasela TH, Donn SM. Dev Pharmacol Ther 1985;8:374-383. doi:10.1159/000457062",),
        started="2025-06-01T09:30:12+00:00",
        duration_s=8.21,
        stages={"Reading the study": 0.31, "Making twins": 0.9, "Regimens in virtual patients": 2.2},
        machine={"system": "Linux", "processor": "x86_64", "cpus": 2},
    )
