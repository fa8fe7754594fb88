"""Prognostic scores in trials of real patients: ACTG 175 and the International Stroke Trial."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from understudy.biostatistics import design_matrix, linear_model
from understudy.core.errors import StudyError
from understudy.trials import load_history, load_trial, prognostic_twins, train_score
from understudy.trials.prognosis import learners
from understudy.trials.prognosis.adjusted_effects import adjusted_effects
from understudy.trials.prognosis.simulated_procova import simulate_procova

ROOT = Path(__file__).parents[2]
TRIALS = ROOT.parent / "shared" / "reference" / "trials"
pytestmark = pytest.mark.skipif(
    not TRIALS.is_dir(), reason="shared/reference/trials is not beside the project"
)
# The adjustment of the trial's own covariates whose results are known, see the folder's README.
COVARIATES = [
    "cd40",
    "age",
    "wtkg",
    "karnof",
    "symptom",
    "z30",
    "preanti",
    "hemo",
    "homo",
    "drugs",
    "race",
    "gender",
    "str2",
]
ACTG = f"""title = "ACTG 175"
[subjects]
file = "{TRIALS}/actg175.csv"
id = "pidnum"
arm = "treat"
[arms]
control = 0
treated = [1]
[endpoint]
kind = "continuous"
value = "cd420"
[baseline]
covariates = {COVARIATES}
[history]
file = "{TRIALS}/actg175.csv"
id = "pidnum"
keep = {{ arms = 0 }}
""".replace("'", '"')


@pytest.fixture
def benchmark(monkeypatch):
    """The modules of the benchmark."""
    monkeypatch.syspath_prepend(str(ROOT))
    import benchmarks.procova
    import benchmarks.synthetic_controls

    yield benchmarks.procova, benchmarks.synthetic_controls
    for name in [each for each in sys.modules if each.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.fixture(autouse=True)
def one_boosting(monkeypatch):
    """Fewer trees: it is linear learners that are chosen here."""
    monkeypatch.setattr(learners, "_SIZES", ((50, 2),))


def trial_of(text: str, folder: Path):
    """A protocol written, and its trial."""
    (folder / "trial.toml").write_text(text, encoding="utf-8")
    return load_trial(folder / "trial.toml")


def test_raw_covariates_do_what_is_known(tmp_path):
    trial = trial_of(ACTG, tmp_path)
    columns = {name: trial.subjects[name].astype(float) for name in COVARIATES}
    for given, value, error in (({}, 46.810, 7.165), (columns, 49.671, 5.666)):
        found = adjusted_effects(trial, given)[0]
        design = design_matrix(
            {"arm": trial.subjects["treat"].tolist(), **{k: v.tolist() for k, v in given.items()}}
        )
        classical = linear_model(trial.outcome["value"], design).coefficients["arm"]
        # To the digits that are known; the errors that are known are classical, ours hold with unequal variances.
        assert (found.value, classical.standard_error) == pytest.approx((value, error), abs=6e-4)
        assert found.standard_error == pytest.approx(error, rel=0.1)


def test_a_score_of_the_trials_own_controls_is_refused(tmp_path):
    trial = trial_of(ACTG, tmp_path)
    with pytest.raises(StudyError, match="532 subjects of the trial are among the 532"):
        prognostic_twins(trial, train_score(load_history(tmp_path / "trial.toml")))
    # The same people without their names.
    (tmp_path / "trial.toml").write_text(ACTG + "other_people = true\n", encoding="utf-8")
    with pytest.raises(StudyError, match="532 of 2139 rows of the trial have the covariates and outcome"):
        prognostic_twins(trial, train_score(load_history(tmp_path / "trial.toml")))


def test_half_of_the_controls_as_history(tmp_path, benchmark):
    path = benchmark[0].prepare(tmp_path, TRIALS / "actg175.csv", "continuous")
    trial, score = load_trial(path), train_score(load_history(path))
    found = prognostic_twins(trial, score)
    assert score.subjects == 266
    assert trial.subjects["arm"].value_counts()["zidovudine"] == 266
    # The correlation of CD4 before and after 20 weeks alone explains a third of the variance.
    assert score.r_squared > 0.33
    assert found.variance_ratio("score") < 0.75
    assert not found.gain
    rows = trial.subjects[trial.subjects["arm"] == "zidovudine"]
    outcome = trial.outcome.loc[rows.index, "value"]
    null = simulate_procova(outcome, {"nothing": None, "score": score.predict(rows)}, trials=4000)
    # 4,000 trials: a Monte Carlo error of 0.34 %; three of them.
    assert null["rejected"].to_numpy() == pytest.approx(0.05, abs=0.0103)
    # Within one arm the squared correlation is what is saved, with arms of 133 a little less.
    r2 = np.corrcoef(outcome, score.predict(rows))[0, 1] ** 2
    assert null.loc["score", "variance_ratio"] == pytest.approx(1 - r2, abs=0.04)


def test_synthetic_controls_bias_and_shrink(benchmark, monkeypatch):
    _, synthetic = benchmark
    monkeypatch.setattr(synthetic, "TRIALS", 300)
    found = synthetic.demonstrate(TRIALS / "ist.csv.gz")
    null, real = found["no effect"], found["effect"]
    # 300 trials: errors of 1.3 % of 5 % and of 2 % of 15 %; arms of 300 alone would give 15 %, by theory.
    assert null["the trial"]["rejected"] == pytest.approx(0.05, abs=0.04)
    assert null["synthetic, from its controls"]["rejected"] == pytest.approx(0.15, abs=0.06)
    assert real["the trial"]["mean_estimate"] == pytest.approx(-0.10, abs=0.007)
    assert abs(real["synthetic, from all its patients"]["mean_estimate"]) < 0.07
    assert real["synthetic, from all its patients"]["coverage"] < 0.85
