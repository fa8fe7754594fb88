"""Plans: every design that a file can ask for runs, and what a file says is what is simulated."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy import trials
from understudy.app.cli import app
from understudy.core.errors import SimulationError, StudyError
from understudy.trials.designs import (
    BlindedDesign,
    DoseEscalation,
    DoseRanging,
    Enrichment,
    Hazard,
    MultiArmMultiStage,
    ParallelDesign,
    PlatformTrial,
    PredictiveProbability,
    ReEstimatedDesign,
    ResponseAdaptive,
    SurvivalPatients,
)
from understudy.trials.plan import EXPECTED

SURVIVAL = """title = "made"
endpoint = { kind = "survival" }
[arms]
control = { median = 12 }
low = { hazard_ratio = 0.8 }
high = { hazard_ratio = 0.6 }
[design]
patients = 300
enrolment = 20
follow_up = 12
"""
TWO = SURVIVAL.replace("low = { hazard_ratio = 0.8 }\n", "")
BINARY = """title = "made"
endpoint = { kind = "binary" }
[arms]
control = { probability = 0.3 }
low = { probability = 0.4 }
high = { probability = 0.6 }
[design]
patients = 150
enrolment = 20
"""
DOSES = """title = "made"
endpoint = { kind = "continuous" }
[arms]
none = { mean = 0.0, dose = 0 }
low = { mean = 0.3, dose = 10 }
high = { mean = 0.5, dose = 40 }
[design]
patients = 150
enrolment = 20
[design.dose_ranging]
effect = 0.3
shapes = [{ model = "linear" }, { model = "emax", parameters = [10] }]
"""
TOXIC = BINARY.replace("patients = 150", "patients = 30")
SHAPES = {
    "parallel": (TWO + "looks = 2\n", ParallelDesign),
    "re_estimation": (TWO + "events = 150\n[design.re_estimation]\nmost = 1.5\n", ReEstimatedDesign),
    "adaptive": (SURVIVAL + "[design.adaptive]\nbatch = 50\nhazard_prior = [0.5, 10]\n", ResponseAdaptive),
    "adaptive, binary": (BINARY + "[design.adaptive]\nbatch = 50\n", ResponseAdaptive),
    "multi_arm": (
        SURVIVAL + "looks = 2\n[design.multi_arm]\nkeep = 1\ncontrol_events = 60\n",
        MultiArmMultiStage,
    ),
    "multi_arm, binary": (
        BINARY + 'efficacy = "pocock limits"\nlooks = [0.4, 1.0]\n[design.multi_arm]\nfutility = [0.0]\n',
        MultiArmMultiStage,
    ),
    "platform": (
        SURVIVAL + "events = 90\n[design.platform]\nper_arm = 80\nentry = { high = 60 }\n",
        PlatformTrial,
    ),
    "enrichment": (
        TWO.replace("0.6 }", "1.0, positive = { hazard_ratio = 0.5 } }").replace(
            "[design]", "[patients]\nprevalence = 0.5\n[design]"
        )
        + "[design.enrichment]\nfirst = 150\n",
        Enrichment,
    ),
    "dose_ranging": (DOSES, DoseRanging),
    "adaptive, continuous": (
        DOSES[: DOSES.index("[design.dose")] + "[design.adaptive]\nbatch = 50\n",
        ResponseAdaptive,
    ),
    "blinded": (
        DOSES[: DOSES.index("[design.dose")].replace("low = { mean = 0.3, dose = 10 }\n", "")
        + "[design.re_estimation]\nblinded = 0.5\n",
        BlindedDesign,
    ),
    "single_arm": (
        BINARY.replace("low = { probability = 0.4 }\n", "").replace("= 150", "= 40")
        + "[design.single_arm]\nreference = 0.3\nlooks = [15, 25]\n",
        PredictiveProbability,
    ),
    **{
        rule: (TOXIC + f'[design.escalation]\nrule = "{rule}"\nguess = 2\n', DoseEscalation)
        for rule in ("3+3", "boin", "keyboard", "crm")
    },
}


def plan_of(folder, text: str) -> trials.TrialPlan:
    (folder / "plan.toml").write_text(text, encoding="utf-8")
    return trials.load_plan(folder / "plan.toml")


@pytest.mark.parametrize("name", SHAPES)
def test_every_design_can_be_asked_for(tmp_path, name):
    text, kind = SHAPES[name]
    plan = plan_of(
        tmp_path, text.replace("looks = 2\n", "looks = 2\nevents = 150\n") if name == "parallel" else text
    )
    assert type(plan.design) is kind
    found = trials.simulate_plan(plan, trials=100)
    table = found.table().set_index(["scenario", "measure"])["estimate"]
    assert 0 < table[EXPECTED, "rejected any"] <= 1
    assert found.plan.title in repr(found)
    assert ("null" in found.characteristics.runs) is (kind is not DoseEscalation)


def test_looks_and_limits_are_those_asked_for(tmp_path):
    more = (
        'events = 200\nlooks = [0.4, 0.7, 1.0]\nefficacy = "hwang-shih-decani"\nefficacy_parameter = -3\n'
        "futility = true\nfutility_gamma = -1\nsites = 20\nsite_variation = 0.5\nvisit_every = 2\nramp = 3\n"
        "dropout = 0.01\ndropout_by_prognosis = 0.4\nweights = [[0, 0], [0, 1]]\n"
    )
    plan = plan_of(tmp_path, TWO.replace("patients = 300", "patients = 400") + more)
    monitoring = plan.design.monitoring
    expected = trials.designs.group_sequential(
        (0.4, 0.7, 1.0), alpha=0.025, sides=1, power=0.9,
        efficacy=trials.designs.HwangShihDeCaniSpending(-3), futility=trials.designs.HwangShihDeCaniSpending(-1),
    )  # fmt: skip
    assert monitoring.upper == pytest.approx(expected.upper)
    assert monitoring.lower == pytest.approx(expected.lower)
    assert plan.design.weights == ((0.0, 0.0), (0.0, 1.0))
    conduct = trials.planned_design.planned_conduct(plan.section.design)
    assert (conduct.visit_every, conduct.recruitment.sites, conduct.recruitment.ramp) == (2, 20, 3)
    assert (conduct.dropout.rate, conduct.dropout.by_prognosis) == (0.01, 0.4)


def test_hazards_are_those_described(tmp_path):
    arms = (
        "[arms]\ncontrol = { rates = [0.1, 0.05], breaks = [6] }\n"
        "drug = { hazard_ratio = [1.5, 0.5], breaks = [4], cured = 0.2 }\n"
        "[scenarios]\nlate = { drug = { hazard_ratio = 0.5, delay = 3 } }\n"
        'crossed = { control = { median = 10, switch = { to = "drug", at = 5, probability = 0.5 } } }\n[design]'
    )
    text = TWO.replace(TWO[TWO.index("[arms]") : TWO.index("[design]") + 8], arms)
    found = plan_of(tmp_path, text).scenarios()
    control = Hazard((0.1, 0.05), (6.0,))
    drug = control.times((1.5, 0.5), breaks=(4.0,))
    assert found[EXPECTED].hazards["drug"] == Hazard(drug.rates, drug.breaks, 0.2)
    assert found["late"].hazards["drug"] == control.times(0.5, delay=3.0)
    assert found["crossed"].switches[0].to == "drug"
    assert isinstance(found["crossed"], SurvivalPatients)


def test_power_of_a_plan_is_that_of_theory(tmp_path):
    plan = plan_of(tmp_path, TWO + "events = 200\n[assurance]\nsd = 0.2\ndraws = 60\n")
    found = trials.simulate_plan(plan, trials=2000, jobs=2)
    power, error = found.characteristics.rejection(EXPECTED)
    # Schoenfeld, a little optimistic away from 1.
    expected = 0.5 * math.erfc((1.959964 + math.log(0.6) * math.sqrt(200) / 2) / math.sqrt(2))
    assert power == pytest.approx(expected, abs=4 * error + 0.015)
    sure = trials.designs.normal_assurance(-math.log(0.6), 0.2, 2 / math.sqrt(200))
    assert found.assurance.probability == pytest.approx(sure, abs=4 * found.assurance.error + 0.02)
    again = trials.simulate_plan(plan, trials=2000)
    assert np.array_equal(
        again.characteristics.runs[EXPECTED].duration, found.characteristics.runs[EXPECTED].duration
    )


def test_patients_of_a_table(tmp_path):
    months = np.random.default_rng(1).exponential([12.0, 20.0], size=(200, 2))
    frame = pd.DataFrame(months, columns=["on control", "on drug"]).assign(EGFR=np.arange(200) % 2)
    frame.to_csv(tmp_path / "twins.csv", index=False)
    text = TWO.replace("{ median = 12 }", '{ column = "on control" }').replace(
        "{ hazard_ratio = 0.6 }", '{ column = "on drug" }'
    )
    table = '[patients]\nfile = "twins.csv"\nbiomarker = "EGFR"\n[design]'
    plan = plan_of(tmp_path, text.replace("[design]", table))
    patients = plan.scenarios()[EXPECTED]
    assert np.allclose(patients.values, months)
    assert set(patients.covariates) == {"biomarker"}
    assert set(plan.inputs) == {"plan.toml", "twins.csv"}
    power = trials.simulate_plan(plan, trials=200).characteristics.rejection(EXPECTED)[0]
    assert power > 0.6


MODEL = """title = "mice"
endpoint = { kind = "survival", unit = "day" }
[model]
name = "tumour_xenograft"
patients = 200
variation = { lambda0 = 0.3 }
until = 42
visit_every = 3
event = { output = "W", rate = 0.02, slope = 0.8 }
leaving = { output = "W", rate = 0.002, slope = 0.5 }
[arms.control]
crossover = { when = { output = "W", above = 2.0, relative_to = "start" }, to = "drug", probability = 0.3 }
[arms.drug]
regimen = "0.4 mg every 4 days for 8 doses"
adherence = [0.9, 20]
changes = [{ when = { output = "Cp", above = 1000 }, factor = 0.5, least = 0.25 }]
[design]
patients = 100
events = 50
enrolment = 10
"""


def test_virtual_patients_of_a_model(tmp_path):
    plan = plan_of(tmp_path, MODEL)
    found = trials.simulate_plan(plan, trials=200)
    assert found.characteristics.rejection(EXPECTED)[0] > 0.5
    patients = plan.scenarios()[EXPECTED]
    assert np.asarray(patients.lost).max() <= 42
    assert "lambda0" in patients.covariates


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TWO.replace("{ median = 12 }", "{ mean = 12 }"), "has no outcome"),
        (TWO.replace("{ median = 12 }", "{ hazard_ratio = 0.9 }"), "the control has a hazard ratio"),
        (TWO.replace("{ median = 12 }", "{ median = 12, rates = [1] }"), "median and rates"),
        (TWO + "[scenarios]\nx = { other = { hazard_ratio = 1.0 } }\n", "has an arm 'other'"),
        (TWO + "[design.adaptive]\n[design.platform]\nper_arm = 40\n", "adaptive and platform at once"),
        (TWO + "looks = 2\n[design.adaptive]\n", "looks of a design of adaptive"),
        (TWO + "looks = 0\n", "0 looks"),
        (TWO + "delay = 2\n", "said twice"),
        (TWO + "efficacy_parameter = 2\n", "has no parameter"),
        (DOSES.replace("parameters = [10]", "parameters = []"), "emax has 0 parameters"),
        (MODEL.replace("event = {", "first = { output = 'W', above = 2 }\nevent = {"), "event and first"),
        (MODEL.replace("visit_every = 3", "visit_every = 0.01"), "more than 500 visits"),
        (TWO + "patience = 3\n", "patience"),
        ("title = 3", "5 problems|4 problems|3 problems|problems"),
    ],
)
def test_plans_that_contradict_themselves_are_refused(tmp_path, text, words):
    with pytest.raises(StudyError, match=words):
        plan_of(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SURVIVAL, "3 arms in a design of two"),
        (TWO.replace("follow_up = 12\n", ""), "nothing says when"),
        (TWO + "[design.re_estimation]\n", "no events"),
        (SURVIVAL + "[design.adaptive]\n", "no adaptive.hazard_prior"),
        (SURVIVAL + "[design.multi_arm]\n", "no multi_arm.control_events"),
        (TWO.replace("follow_up = 12\n", "") + "[design.enrichment]\nfirst = 100\n", "no follow_up"),
        (DOSES.replace(", dose = 10", ""), "no dose of low"),
        (TWO + "[design.escalation]\nrule = '3+3'\n", "survival endpoint"),
        (TWO + "events = 100\n[design.re_estimation]\nblinded = 0.5\n", "survival endpoint"),
        (BINARY + "[design.platform]\nper_arm = 40\nentry = { x = 3 }\n", "'x' is no treatment"),
        (BINARY + "efficacy = 'pocock'\n[design.multi_arm]\n", "pocock in a multi-arm design"),
        (TOXIC + "[design.escalation]\nrule = '3+3'\ncohort = 2\n", "cohorts of 2"),
        (MODEL.replace('kind = "survival"', 'kind = "binary"'), "endpoint is survival"),
        (MODEL.replace("lambda0 = 0.3", "nothing = 0.3"), "no parameter 'nothing'"),
        (TWO.replace("0.6 }", "0.6, positive = { hazard_ratio = 0.5 } }"), "how many are positive"),
    ],
)
def test_plans_that_cannot_be_simulated_are_refused(tmp_path, text, words):
    with pytest.raises((StudyError, SimulationError), match=words):
        trials.simulate_plan(plan_of(tmp_path, text), trials=10)


def test_command(tmp_path):
    (tmp_path / "plan.toml").write_text(SHAPES["multi_arm"][0] + "", encoding="utf-8")
    arguments = ["trial", "plan", str(tmp_path / "plan.toml"), "--trials", "100"]
    # In a narrow terminal headings are broken into lines.
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "160"}).stdout
    assert "high better" in shown
    assert "Patients of each arm" in shown
    data = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert data["design"] == "multi_arm"
    assert {row["arm"] for row in data["arms"]} == {"control", "low", "high"}


def test_schemas():
    for arguments, name in (([], "Protocol"), (["--plan"], "PlanSection")):
        data = json.loads(CliRunner().invoke(app, ["trial", "schema", *arguments]).stdout)
        assert data["title"] == name
        assert "DesignSection" in data["$defs"]
