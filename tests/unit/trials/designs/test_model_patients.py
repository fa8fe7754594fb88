"""Virtual patients of library models in a protocol: each part of it has the effect that it must have."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from understudy import Study, individualise, load_model, simulate, trials
from understudy.core.errors import SimulationError
from understudy.trials.designs import (
    Conduct,
    Crossing,
    Crossover,
    DoseChange,
    Dropout,
    Enrichment,
    EventByHazard,
    FirstVisit,
    OutputHazard,
    ParallelDesign,
    Recruitment,
    Response,
    Treatment,
    ValueAt,
    model_patients,
)

MODEL = load_model("tumour_xenograft")
WEEKS = np.arange(0.0, 43.0, 3.0)
DRUG = Treatment("0.4 mg every 4 days for 8 doses")
PROGRESSION = Crossing("W", above=2.0, relative_to="start")
DEATH = EventByHazard(OutputHazard("W", rate=0.02, slope=0.8))


def people(count: int = 300) -> pd.DataFrame:
    """Mice whose tumours grow at their own pace."""
    pace = 0.18 * np.exp(0.3 * np.random.default_rng(1).normal(size=count))
    return pd.DataFrame({"lambda0": pace}, index=[f"mouse {k}" for k in range(count)])


def treated(drug: Treatment = DRUG, control: Treatment | None = None, endpoint=DEATH, **more):
    arms = {"control": control or Treatment(), "drug": drug}
    return model_patients(MODEL, people(), arms, WEEKS, endpoint, **more)


def test_courses_are_those_of_simulate():
    found = treated(endpoint=ValueAt("W", 21.0, better="lower"))
    alone = simulate(MODEL, people(), "0.4 mg every 4 days for 8 doses", [0.0, 21.0], before_dose=True)
    assert found.values[:, 1] == pytest.approx(-alone["W"].values[:, 1], rel=1e-4)
    assert (found.values[:, 1] > found.values[:, 0]).all()  # less tumour is better


def test_time_to_an_event_has_the_hazard_of_the_output():
    """A constant output: exponential times, cut off at the last visit."""
    flat = pd.DataFrame({"lambda0": np.full(4000, 1e-12)})
    hazard = OutputHazard("W", rate=0.05, slope=2.0, reference=0.05)
    found = model_patients(MODEL, flat, {"control": Treatment()}, WEEKS, EventByHazard(hazard)).values[:, 0]
    # Four standard errors of a share of 4,000.
    assert (found > 20).mean() == pytest.approx(math.exp(-1.0), abs=4 * 0.5 / math.sqrt(4000))
    assert np.isfinite(found).mean() == pytest.approx(1 - math.exp(-0.05 * 42), abs=4 * 0.5 / math.sqrt(4000))


def test_less_adherence_less_effect():
    full = treated(endpoint=ValueAt("W", 36.0)).values
    half = treated(replace(DRUG, adherence=(0.5, 20.0)), endpoint=ValueAt("W", 36.0)).values
    assert np.array_equal(full[:, 0], half[:, 0])
    assert (half[:, 1] >= full[:, 1] - 1e-9).all()
    assert np.log(half[:, 1]).mean() > np.log(full[:, 1]).mean() + 0.1
    assert half[:, 1].mean() < half[:, 0].mean()


def test_a_dose_that_is_cut_for_toxicity_spares_neutrophils():
    model = load_model("myelosuppression")
    output = "ANC"
    table = pd.DataFrame({"slope": 8.58 * np.exp(0.3 * np.random.default_rng(2).normal(size=40))})
    regimen = "180 mg every 21 days for 5 doses"
    visits = np.arange(0.0, 24 * 105.0, 24 * 7.0)
    toxic = Crossing(output, below=1.0)
    arms = {
        "full": Treatment(regimen),
        "cut": Treatment(regimen, changes=(DoseChange(toxic, 0.5, least=0.25),)),
        "stopped": Treatment(regimen, changes=(DoseChange(toxic, 0.0),)),
    }
    found = model_patients(model, table, arms, visits, ValueAt(output, float(visits[-2]))).values
    assert (found[:, 1] >= found[:, 0] - 1e-6).all()
    assert (found[:, 2] >= found[:, 1] - 1e-6).all()
    assert found[:, 2].mean() > found[:, 0].mean()


def test_a_dose_that_is_raised_where_it_is_not_enough_shrinks_tumours():
    more = DoseChange(Crossing("W", above=1.0, relative_to="start"), 2.0, most=2.0)
    plain, raised = (
        treated(each, endpoint=ValueAt("W", 36.0)).values for each in (DRUG, replace(DRUG, changes=(more,)))
    )
    assert (raised[:, 1] <= plain[:, 1] + 1e-9).all()
    assert (raised[:, 1] < 0.9 * plain[:, 1]).mean() > 0.5


def test_crossover_at_progression_dilutes_the_effect_on_survival():
    """The control arm's progression stays as it was, its survival gets longer, and so the power falls."""
    over = Treatment(crossover=Crossover(PROGRESSION, "drug"))
    for endpoint, same in ((FirstVisit(PROGRESSION), True), (DEATH, False)):
        plain, crossed = treated(endpoint=endpoint).values, treated(control=over, endpoint=endpoint).values
        assert np.array_equal(plain[:, 1], crossed[:, 1])
        assert np.array_equal(plain[:, 0], crossed[:, 0]) is same
        # The solver's error is below a thousandth.
        assert (crossed[:, 0] >= plain[:, 0] * (1 - 1e-3)).all()
    some = treated(control=Treatment(crossover=Crossover(PROGRESSION, "drug", 0.4))).values
    means = [np.minimum(each[:, 0], 42.0).mean() for each in (plain, some, crossed)]
    assert means[0] < means[1] < means[2]
    design = ParallelDesign(patients=120, follow_up=30.0)
    power = [
        trials.simulate_trials(
            design, patients, trials=400, seed=1, conduct=Conduct(Recruitment(20))
        ).rejection("alternative")
        for patients in (treated(), treated(control=over))
    ]
    assert power[0][0] > power[1][0] + 4 * power[1][1]


def test_leaving_by_the_own_course_is_informative():
    """Those whose tumours grow leave: what is left of the control arm looks better than it is."""
    value = ValueAt("W", 30.0, better="lower")
    blind = treated(endpoint=value, leaving=OutputHazard("W", 0.02))
    tied = treated(endpoint=value, leaving=OutputHazard("W", 0.005, slope=1.5))
    assert blind.lost.max() <= WEEKS[-1]
    stays = {name: each.lost[:, 0] > 30.0 for name, each in (("blind", blind), ("tied", tied))}
    truth = blind.values[:, 0].mean()
    error = blind.values[:, 0].std() / math.sqrt(stays["blind"].sum())
    assert blind.values[stays["blind"], 0].mean() == pytest.approx(truth, abs=4 * error)
    assert tied.values[stays["tied"], 0].mean() > truth + 0.1
    design, seen = ParallelDesign(patients=200, follow_up=30.0), {}
    for name, each in (("blind", blind), ("tied", tied)):
        found = trials.simulate_trials(design, each, trials=200, seed=1)
        seen[name] = np.nanmean(found.runs["alternative"].estimate)
        assert found.runs["alternative"].measures["measured"].mean() < 200
    assert seen["tied"] < seen["blind"]


def test_one_trial_with_everything_at_once():
    """Virtual patients of a library model, adherence, dose changes, crossover, leaving, visits, sites and dropout."""
    drug = Treatment(
        "0.4 mg every 4 days for 8 doses", adherence=(0.85, 12.0),
        changes=(DoseChange(Crossing("Cp", above=1e3), 0.5, least=0.25),),
    )  # fmt: skip
    control, leaving = Treatment(crossover=Crossover(PROGRESSION, "drug", 0.5)), OutputHazard("W", 0.004, 0.5)
    patients = treated(drug, control, leaving=leaving)
    conduct = Conduct(
        Recruitment(10, ramp=2, sites=6, site_variation=0.5), Dropout(0.002, 0.5), visit_every=3.0
    )
    found = trials.simulate_trials(
        ParallelDesign(patients=160, events=90), patients, trials=500, seed=1, conduct=conduct
    )
    null, power = found.rejection("null"), found.rejection("alternative")
    assert null[0] == pytest.approx(0.025, abs=4 * null[1] + 0.005)
    assert power[0] > 0.5
    assert np.array_equal(patients.values, treated(drug, control, leaving=leaving, jobs=2).values)


def test_enrichment_by_a_biomarker_of_the_model():
    """The drug's potency hangs on a column: those at or above the limit benefit."""
    table = people().assign(k2=np.where(np.arange(300) % 5 < 2, 0.629, 0.0))
    arms = {"control": Treatment(), "drug": DRUG}
    patients = model_patients(
        MODEL, table, arms, WEEKS, ValueAt("W", 21.0, better="lower"), biomarker=("k2", 0.3)
    )
    assert np.asarray(patients.covariates["biomarker"]).mean() == pytest.approx(0.4)
    found = trials.simulate_trials(Enrichment(60, 60, follow_up=21.0), patients, trials=400, seed=1)
    assert found.rejection("alternative", "positive benefit")[0] > 0.8
    assert found.runs["alternative"].measures["enriched"].mean() > 0.2
    null = found.rejection("null")
    assert null[0] <= 0.025 + 4 * null[1]


def test_responses():
    found = treated(endpoint=Response(Crossing("W", below=0.7, relative_to="start"), by=20.0))
    assert found.values[:, 0].sum() == 0
    assert found.values[:, 1].mean() > 0.3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: treated(endpoint=ValueAt("Q", 3.0)), "no output 'Q'"),
        (lambda: treated(endpoint=ValueAt("W", 3.5)), "no visit at 3.5"),
        (
            lambda: treated(control=Treatment(crossover=Crossover(PROGRESSION, "other"))),
            "crosses over to 'other'",
        ),
        (lambda: treated(biomarker=("EGFR", 1.0)), "no column 'EGFR'"),
        (lambda: model_patients(MODEL, people(3), {"a": Treatment()}, [1.0, 2.0], DEATH), "visits"),
        (lambda: model_patients(MODEL, people(3)[:0], {"a": Treatment()}, WEEKS, DEATH), "no patients"),
        (lambda: Crossing("W"), "limits"),
        (lambda: Crossing("W", above=1.0, below=2.0), "limits"),
        (lambda: Crossing("W", above=1.0, relative_to="median"), "relative to"),
        (lambda: DoseChange(PROGRESSION, -1.0), "factor"),
        (lambda: Crossover(PROGRESSION, "drug", 1.5), "probability"),
        (lambda: Treatment(adherence=(1.2, 3.0)), "adherence"),
        (lambda: OutputHazard("W", 0.0), "OutputHazard"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(SimulationError, match=words):
        call()


def test_patients_are_twins():
    """Draws of newborns' posteriors: in a trial of two regimens, the share above a level is that of their forecasts."""
    study = Study.read("examples/phenobarbital/study.toml")
    population = study.load_model()
    some = individualise(population, study.read_records().select([str(k) for k in range(1, 9)]))
    draws = some.draws(20, seed=1)
    arms = {
        "low": Treatment("2 mg/kg every 12 h for 10 doses"),
        "high": Treatment("4 mg/kg every 12 h for 10 doses"),
    }
    visits = np.arange(0.0, 121.0, 12.0)
    above = Response(Crossing("Cp", above=25.0))
    found = model_patients(population, draws, arms, visits, above)
    forecasts = simulate(population, draws, "4 mg/kg every 12 h for 10 doses", visits, before_dose=True)
    expected = (forecasts["Cp"].values.max(axis=1) > 25.0).ravel()
    assert np.array_equal(found.values[:, 1] > 0, expected)
    assert 0.05 < expected.mean() < 0.95
    assert found.values[:, 1].mean() > found.values[:, 0].mean() + 0.2
    power = trials.simulate_trials(ParallelDesign(patients=80), found, trials=300, seed=1).rejection(
        "alternative"
    )
    assert power[0] > 0.5
