"""Trials replayed from their tables, against published and recomputed results."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from understudy.trials import load_trial, replay
from understudy.trials.analyses.analysis import analyse

TRIALS = Path(__file__).parents[3] / "shared" / "reference" / "trials"
pytestmark = pytest.mark.skipif(
    not TRIALS.is_dir(), reason="shared/reference/trials is not beside the project"
)

COLON = """title = "Adjuvant levamisole and fluorouracil in colon cancer"
[subjects]
file = "FOLDER/colon.csv"
id = "id"
arm = "rx"
keep = { etype = 2 }
[arms]
control = "Obs"
treated = ["Lev", "Lev+5FU"]
[endpoint]
kind = "survival"
name = "death"
time = "time"
event = { status = 1 }
[analysis.published]
"Lev+5FU" = { estimate = 0.69, lower = 0.546, upper = 0.87 }
Lev = { estimate = 0.974 }
"""
CDISC = """title = "Xanomeline in Alzheimer's disease"
[subjects]
file = "FOLDER/cdisc_adsl.csv"
id = "USUBJID"
arm = "TRT01P"
keep = { EFFFL = "Y" }
[arms]
control = "Placebo"
treated = ["Xanomeline Low Dose", "Xanomeline High Dose"]
doses = { Placebo = 0, "Xanomeline Low Dose" = 54, "Xanomeline High Dose" = 81 }
[endpoint]
kind = "continuous"
name = "change of ADAS-Cog(11) at week 24"
file = "FOLDER/cdisc_adqsadas.csv.gz"
keep = { PARAMCD = "ACTOT", AVISIT = "Week 24", EFFFL = "Y", ANL01FL = "Y" }
value = "CHG"
baseline = "BASE"
[analysis]
covariates = ["SITEGR1"]
categorical = ["SITEGR1"]
[analysis.published]
"Xanomeline Low Dose" = { estimate = -0.466782, se = 0.818042, p = 0.569 }
"Xanomeline High Dose" = { estimate = -1.006014, se = 0.840529, p = 0.233 }
"""
ACTG = """title = "Zidovudine against combinations in HIV"
[subjects]
file = "FOLDER/actg175.csv"
id = "pidnum"
arm = "arms"
[arms]
control = 0
treated = [1, 2, 3]
[endpoint]
kind = "survival"
name = "decline, AIDS or death"
time = "days"
event = { cens = 1 }
[analysis.published]
1 = { estimate = 0.492, lower = 0.386, upper = 0.627 }
2 = { estimate = 0.525, lower = 0.414, upper = 0.666 }
3 = { estimate = 0.586, lower = 0.467, upper = 0.735 }
"""
PBC = """title = "D-penicillamine in primary biliary cholangitis"
[subjects]
file = "FOLDER/pbc.csv"
id = "id"
arm = "trt"
[arms]
control = 2
treated = [1]
[endpoint]
kind = "survival"
name = "death"
time = "time"
event = { status = 2 }
[analysis.published]
1 = { estimate = 1.059, lower = 0.745, upper = 1.504, p = 0.75, events = 125, subjects = 312 }
"""
STROKE = """title = "International Stroke Trial"
[subjects]
file = "FOLDER/ist.csv.gz"
arm = "RXASP"
[arms]
control = "N"
treated = ["Y"]
[endpoint]
kind = "binary"
name = "dead or dependent at six months"
event = { OCCODE = [1, 2] }
known = { OCCODE = [1, 2, 3, 4] }
[analysis.published]
Y = { events = 12125, subjects = 19285 }
"""


def trial_of(text: str, folder: Path):
    """The trial of a protocol whose tables lie in the reference folder."""
    path = folder / "trial.toml"
    path.write_text(text.replace("FOLDER", str(TRIALS)), encoding="utf-8")
    return load_trial(path)


@pytest.mark.parametrize(
    "protocol", [COLON, CDISC, ACTG, PBC, STROKE], ids=["colon", "cdisc", "actg175", "pbc", "ist"]
)
def test_primary_analysis_is_found_again(tmp_path, protocol):
    found = replay(trial_of(protocol, tmp_path))
    assert found.agrees, found.departures


def test_departure_is_told(tmp_path):
    found = replay(trial_of(COLON.replace("0.974", "0.961"), tmp_path))
    assert [(each.arm, each.what) for each in found.departures] == [("Lev", "estimate")]
    assert "departs: estimate of Lev is published as 0.961" in repr(found)


def test_dose_response_of_xanomeline(tmp_path):
    slope = analyse(trial_of(CDISC, tmp_path), "dose response").effects[0]
    assert slope.value == pytest.approx(-0.011792, abs=5e-7)
    assert slope.p_value == pytest.approx(0.245, abs=5e-4)


def test_high_dose_against_low(tmp_path):
    found = analyse(trial_of(CDISC, tmp_path)).effects[2]
    assert (found.arm, found.against) == ("Xanomeline High Dose", "Xanomeline Low Dose")
    assert found.value == pytest.approx(-0.5392, abs=5e-5)
    assert found.p_value == pytest.approx(0.520, abs=5e-4)


def test_stroke_counts_are_exact(tmp_path):
    counts = analyse(trial_of(STROKE, tmp_path), "proportions").tables["counts"].set_index("arm")
    assert counts.loc["Y"].tolist() == [6000, 9639]
    assert counts.loc["N"].tolist() == [6125, 9646]


def test_hamd_by_visits_and_by_reference(tmp_path):
    """MMRM and imputations: -2.8 (1.1) at visit 7, and less where patients who leave are as if on placebo.

    Wolbers et al. 2022, doi:10.1002/pst.2234, table of the antidepressant trial.
    """
    rows = pd.read_csv(TRIALS / "antidepressant_hamd.csv")
    rows.drop_duplicates("PATIENT").to_csv(tmp_path / "adsl.csv", index=False)
    text = f"""title = "hamd"
[subjects]
file = "adsl.csv"
id = "PATIENT"
arm = "THERAPY"
[arms]
control = "PLACEBO"
treated = ["DRUG"]
[endpoint]
kind = "longitudinal"
file = "{TRIALS}/antidepressant_hamd.csv"
value = "CHANGE"
baseline = "BASVAL"
visit = "VISIT"
[analysis]
missing = "STRATEGY"
"""
    found = {
        strategy: replay(trial_of(text.replace("STRATEGY", strategy), tmp_path)).effects[0]
        for strategy in ("as observed", "missing at random", "jump to reference")
    }
    mixed = found["as observed"]
    assert mixed.value == pytest.approx(-2.80, abs=0.01)
    assert mixed.standard_error == pytest.approx(1.116, abs=0.005)
    # Two Monte Carlo errors of 100 imputations.
    assert found["missing at random"].value == pytest.approx(mixed.value, abs=0.1)
    assert mixed.value < found["jump to reference"].value < 0


def test_recurrence_is_a_secondary_endpoint_of_the_colon_trial(tmp_path):
    """Both published hazard ratios from one protocol, and what may be claimed for the two arms and endpoints."""
    more = """[[secondary]]
name = "recurrence"
kind = "survival"
keep = { etype = 1 }
time = "time"
event = { status = 1 }
[secondary.analysis.published]
"Lev+5FU" = { estimate = 0.599, lower = 0.475, upper = 0.756 }
Lev = { estimate = 0.985 }
[multiplicity]
method = "fixed sequence"
order = ["death: Lev+5FU", "recurrence: Lev+5FU", "death: Lev", "recurrence: Lev"]
"""
    found = replay(trial_of(COLON + more, tmp_path))
    assert found.agrees, found.departures
    assert len(found.comparisons) == 8
    assert [each.name for each in found.claims.shown] == ["death: Lev+5FU", "recurrence: Lev+5FU"]


def test_incidence_of_death_and_transplant(tmp_path):
    """lifelines 0.30.3, AalenJohansenFitter().fit(time, status, event_of_interest=cause) in each arm, at day 2000.

    lifelines moves tied times by chance; there are six, so that four digits are kept.
    """
    text = PBC[: PBC.index("[analysis.published]")].replace('kind = "survival"', 'kind = "competing"')
    text = text.replace(
        "event = { status = 2 }", "causes = { death = { status = 2 }, transplant = { status = 1 } }"
    )
    found = replay(trial_of(text + '[analysis]\nmethod = "cumulative incidence"\nhorizon = 2000\n', tmp_path))
    points = found.primary.tables["incidence at the horizon"].set_index(["arm", "cause"])["incidence"]
    assert points[("1", "death")] == pytest.approx(0.301049, abs=5e-5)
    assert points[("2", "death")] == pytest.approx(0.291155, abs=5e-5)
    assert points[("1", "transplant")] == pytest.approx(0.045906, abs=5e-5)
    assert points[("2", "transplant")] == pytest.approx(0.042247, abs=5e-5)
    assert found.effects[0].p_value > 0.5


def test_net_benefit_of_a_single_measurement_is_that_of_ranks(tmp_path):
    """A net benefit of one uncensored measurement is what Mann and Whitney's U says of it."""
    from scipy.stats import mannwhitneyu

    text = (
        CDISC[: CDISC.index("[endpoint]")]
        + """[endpoint]
kind = "hierarchical"
[[endpoint.outcomes]]
name = "change of ADAS-Cog(11) at week 24"
file = "FOLDER/cdisc_adqsadas.csv.gz"
keep = { PARAMCD = "ACTOT", AVISIT = "Week 24", EFFFL = "Y", ANL01FL = "Y" }
kind = "continuous"
value = "CHG"
better = "lower"
"""
    )
    trial = trial_of(text, tmp_path)
    found = {(e.arm, e.measure): e.value for e in replay(trial).effects}
    rows = trial.parts[0].outcome.join(trial.subjects["arm"])
    placebo = rows.loc[rows["arm"] == "Placebo", "value"]
    for arm in trial.arms[1:]:
        own = rows.loc[rows["arm"] == arm, "value"]
        share = mannwhitneyu(placebo, own).statistic / (len(own) * len(placebo))
        assert found[(arm, "net benefit")] == pytest.approx(2 * share - 1, abs=1e-12)
        assert found[(arm, "win odds")] == pytest.approx(share / (1 - share), rel=1e-12)
