"""Prognostic scores: trained, frozen, refused, and what trials gain by them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from prognosis_case import case, people, rewrite
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.biostatistics import cox, design_matrix, linear_model, log_rank
from understudy.biostatistics.survival.adjusted_log_rank import adjusted_log_rank
from understudy.core.errors import SimulationError, StudyError, UnderstudyError
from understudy.core.random import normals, uniforms
from understudy.dossier.twins_report import chapter, comparison_texts
from understudy.trials import load_history, load_score, load_trial, prognostic_twins, train_score
from understudy.trials.analyses.analysis import analyse
from understudy.trials.designs.sample_size import two_means
from understudy.trials.prognosis import learners
from understudy.trials.prognosis.features import Feature, features_of, independent
from understudy.trials.prognosis.learners import candidates, fitted, nested_predictions
from understudy.trials.prognosis.planning import size_ratio, twins_sample_size
from understudy.trials.prognosis.simulated_procova import simulate_procova
from understudy.trials.prognosis.strangers import require_strangers
from understudy.trials.prognosis.target import martingale


@pytest.fixture(autouse=True)
def small_trees(monkeypatch):
    """One small boosting beside the linear learners: what is tested does not depend on how many there are."""
    monkeypatch.setattr(learners, "_SIZES", ((20, 2),))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A protocol and its score, which no test changes."""
    folder = tmp_path_factory.mktemp("trained")
    path = case(folder)
    patch = pytest.MonkeyPatch()
    patch.setattr(learners, "_SIZES", ((20, 2),))
    score = train_score(load_history(path))
    patch.undo()
    return path, score


# -- learning


@pytest.mark.parametrize("binary", [False, True])
def test_plain_numbers_predict_what_the_learner_predicts(binary):
    x = normals(1, "columns", np.arange(60), 3)
    y = x[:, 0] + x[:, 1] ** 2 + normals(1, "noise", np.arange(60), 1)[:, 0]
    y = (y > 0.5).astype(float) if binary else y
    for make in candidates(binary).values():
        found = fitted(make, x, y, binary).predict(x)
        if binary:
            learner = make(60).fit(x, y.astype(int))
            expected = learner.decision_function(x)
        else:
            learner = make(60).fit(x, (y - y.mean()) / y.std())
            expected = y.mean() + y.std() * learner.predict(x)
        # The same sums in another order.
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_nested_predictions_find_signal_and_none_in_noise():
    x, z = normals(2, "columns", np.arange(200), 5), normals(2, "noise", np.arange(200), 1)[:, 0]
    apart = nested_predictions(x, x[:, 0] + z, False, 1)
    # r² is 0.5 in truth, with a standard error of about 0.05 in 200 patients.
    assert np.corrcoef(apart, x[:, 0] + z)[0, 1] ** 2 == pytest.approx(0.5, abs=0.15)
    apart = nested_predictions(x, z, False, 1)
    assert np.corrcoef(apart, z)[0, 1] < 0.2


def test_features_code_history_and_trial_alike():
    history = pd.DataFrame(
        {"age": [50.0, None, 70.0], "sex": ["f", "m", "f"], "still": [1, 1, 1], "arm": [1, 2, 2]}
    )
    found = features_of(history, ["age", "sex", "still", "arm"], {"arm"})
    assert found == (
        Feature("age", (), 60.0, True), Feature("sex", ("f", "m")), Feature("arm", ("2", "1")),
    )  # fmt: skip
    trial = pd.DataFrame({"age": [None], "sex": ["unknown"], "arm": [1.0]})
    assert [each.columns(trial).tolist() for each in found] == [[[60.0, 1.0]], [[0.0]], [[1.0]]]
    assert [each.strange(trial) for each in found] == [0, 1, 0]


def test_independent_columns():
    x = normals(1, "x", np.arange(20), 2)
    matrix = np.column_stack([np.ones(20), x[:, 0], 2 * x[:, 0] - 3, x[:, 1]])
    assert independent(matrix) == [1, 3]


def test_training_opens_no_table_of_the_trial(tmp_path):
    path = case(tmp_path)
    (tmp_path / "trial.csv").unlink()
    assert train_score(load_history(path)).subjects == 80


def test_columns_of_the_history_may_have_other_names(tmp_path):
    path = case(tmp_path)
    before = train_score(load_history(path))
    rewrite(tmp_path / "history.csv", lambda f: f.rename(columns={"AGE": "years", "SCORE": "outcome"}))
    text = path.read_text(encoding="utf-8") + 'columns = { AGE = "years", SCORE = "outcome" }\n'
    path.write_text(text, encoding="utf-8")
    assert train_score(load_history(path)).predictor == before.predictor


def test_gaps_are_filled_and_told(tmp_path):
    path = case(tmp_path)
    rewrite(tmp_path / "history.csv", lambda f: f.assign(AGE=f["AGE"].where(f.index > 4)))
    rewrite(tmp_path / "trial.csv", lambda f: f.assign(AGE=f["AGE"].where(f.index > 2)))
    found = prognostic_twins(load_trial(path), train_score(load_history(path)))
    assert found.primary[0].subjects == 120
    told = " | ".join(found.notes)
    assert "AGE is missing in 5 of 80 patients of the history" in told
    assert "AGE is missing in 3 subjects" in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.head(30), "30 patients are too few"),
        (lambda f: f.assign(SCORE=1.0), "all outcomes are the same"),
        (lambda f: f.assign(AGE=1, SEX="f", MARKER=0), "no covariate varies"),
        (lambda f: f.assign(USUBJID="one"), "a patient with two outcomes"),
        (lambda f: f.drop(columns="AGE"), "no column 'AGE'"),
        (lambda f: f.assign(synthetic=True), "synthetic rows cannot be the history"),
    ],
)
def test_histories_that_cannot_teach_are_refused(tmp_path, change, words):
    path = case(tmp_path)
    rewrite(tmp_path / "history.csv", change)
    with pytest.raises(UnderstudyError, match=words):
        train_score(load_history(path))


def test_covariates_measured_afterwards_are_refused(tmp_path):
    path = case(tmp_path)
    text = path.read_text(encoding="utf-8").replace('"MARKER"]', '"MARKER"]\nafter = ["MARKER"]')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="names MARKER, which was measured after randomisation"):
        load_history(path)


# -- freezing


def test_a_score_comes_back_as_it_was(tmp_path, trained):
    path, score = trained
    score.write(tmp_path / "score.json")
    again = load_score(tmp_path / "score.json")
    assert again.hash == score.hash
    table = load_history(path).table
    assert again.predict(table).tolist() == score.predict(table).tolist()
    with pytest.raises(StudyError, match="a score is there already"):
        score.write(tmp_path / "score.json")


@pytest.mark.parametrize("key", ["date", "r_squared", "names", "predictor"])
def test_a_changed_score_is_refused(tmp_path, trained, key):
    trained[1].write(tmp_path / "score.json")
    data = json.loads((tmp_path / "score.json").read_text(encoding="utf-8"))
    other = {
        "date": "2001-01-01",
        "r_squared": 0.9,
        "names": [],
        "predictor": {"intercept": 0, "coefficients": [1]},
    }
    data["score"][key] = other[key]
    (tmp_path / "score.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(StudyError, match="it was changed after it was frozen"):
        load_score(tmp_path / "score.json")


@pytest.mark.parametrize("text", ["no json", "[]", '{"format": "other"}'])
def test_other_files_are_no_scores(tmp_path, text):
    (tmp_path / "score.json").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="score"):
        load_score(tmp_path / "score.json")


def test_only_the_registered_score_is_taken(tmp_path, trained):
    path, (_, score) = case(tmp_path), trained
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{text}score = "{score.hash}"\n', encoding="utf-8")
    assert require_strangers(load_trial(path), score) == ()
    path.write_text(f'{text}score = "{"0" * 64}"\n', encoding="utf-8")
    with pytest.raises(StudyError, match="registered is 000000000000"):
        prognostic_twins(load_trial(path), score)


# -- whom it may not know


def test_subjects_of_the_training_are_refused_by_name(tmp_path, trained):
    path = case(tmp_path)
    rewrite(tmp_path / "trial.csv", lambda f: f.assign(USUBJID=f["USUBJID"].replace({"new-3": "old-7"})))
    with pytest.raises(StudyError, match="1 subjects of the trial are among the 80"):
        prognostic_twins(load_trial(path), trained[1])


def test_the_same_names_may_be_other_people_if_that_is_said(tmp_path):
    path = case(tmp_path)
    rewrite(tmp_path / "trial.csv", lambda f: f.assign(USUBJID=f["USUBJID"].str.replace("new", "old")))
    path.write_text(path.read_text(encoding="utf-8") + "other_people = true\n", encoding="utf-8")
    assert require_strangers(load_trial(path), train_score(load_history(path))) == ()


def test_the_trial_itself_under_other_names_is_refused(tmp_path):
    path = case(tmp_path)
    score = train_score(load_history(path))
    old = people("old", 80, 1)
    old.assign(USUBJID=[f"x{k}" for k in range(80)]).to_csv(tmp_path / "trial.csv", index=False)
    with pytest.raises(StudyError, match="80 of 80 rows of the trial have the covariates and outcome"):
        prognostic_twins(load_trial(path), score)


def test_rows_of_the_same_file_are_the_same_people(tmp_path):
    path = case(tmp_path)
    text = (
        path.read_text(encoding="utf-8").replace('id = "USUBJID"\n', "").replace("history.csv", "trial.csv")
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="120 subjects of the trial are among"):
        prognostic_twins(load_trial(path), train_score(load_history(path)))


def test_a_single_patient_under_another_name_is_refused(tmp_path, trained):
    path = case(tmp_path)
    one = people("old", 80, 1).iloc[[7]].assign(USUBJID="x")
    rewrite(tmp_path / "trial.csv", lambda f: pd.concat([f, one]))
    with pytest.raises(StudyError, match="1 of 121 rows of the trial"):
        prognostic_twins(load_trial(path), trained[1])


def test_coarse_data_are_alike_by_chance(tmp_path):
    path = case(tmp_path, "binary", history=100)
    for name in ("history", "trial"):
        rewrite(
            tmp_path / f"{name}.csv",
            lambda f: f.assign(AGE=(f["AGE"] > 60) * 1, MARKER=(f["MARKER"] > 0) * 1),
        )
    told = require_strangers(load_trial(path), train_score(load_history(path)))
    assert told == ("120 rows of the trial look like a patient of the history, as chance has it",)


def test_synthetic_subjects_are_refused(tmp_path, trained):
    path = case(tmp_path)
    rewrite(tmp_path / "trial.csv", lambda f: f.assign(synthetic=f.index > 100))
    with pytest.raises(UnderstudyError, match="synthetic"):
        prognostic_twins(load_trial(path), trained[1])


def test_a_score_of_another_endpoint_is_refused(tmp_path, trained):
    with pytest.raises(StudyError, match="the score is of a continuous endpoint, the trial's is binary"):
        prognostic_twins(load_trial(case(tmp_path, "binary")), trained[1])


def test_other_kinds_of_endpoint_are_refused(tmp_path):
    path = case(tmp_path)
    text = path.read_text(encoding="utf-8").replace('kind = "continuous"', 'kind = "count"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="no prognostic score of a count endpoint"):
        load_history(path)


# -- the analysis


def test_means_are_those_of_ancova_with_the_score(trained):
    path, score = trained
    trial = load_trial(path)
    found = prognostic_twins(trial, score)
    rows = trial.table
    design = design_matrix(
        {"arm": rows["arm"].astype(str).tolist(), "s": score.predict(rows)}, reference={"arm": "placebo"}
    )
    fit = linear_model(rows["SCORE"], design, variance="HC2").coefficients["arm[drug]"]
    assert found.primary[0].value == pytest.approx(fit.value)
    assert found.primary[0].standard_error == pytest.approx(fit.standard_error)
    assert found.effects["nothing"][0].value == pytest.approx(analyse(trial).effects[-1].value, rel=0.5)
    # Equal arms: the variance falls by the share of variance that the score explains, but for a degree of freedom.
    assert found.variance_ratio("score") == pytest.approx(1 - found.r_squared, abs=0.03)


@pytest.mark.parametrize("kind", ["binary", "survival", "longitudinal"])
def test_other_endpoints(tmp_path, kind):
    path = case(tmp_path, kind, effect=0.8, history=100, trial=200)
    trial = load_trial(path)
    found = prognostic_twins(trial, train_score(load_history(path)))
    first, bare = found.primary[0], found.effects["nothing"][0]
    words = {
        "binary": "risk difference",
        "survival": "marginal hazard ratio",
        "longitudinal": "means at visit 8",
    }
    assert first.measure.endswith(words[kind])
    assert found.variance_ratio("score") < 0.98
    # Marginal with and without the score: they differ by chance alone, by less than two errors.
    there, here = (np.log(e.value) if e.is_ratio else e.value for e in (bare, first))
    assert abs(there - here) < 2 * bare.standard_error
    assert list(found.comparison["adjustment"]) == ["nothing", "covariates", "score", "score and covariates"]
    assert found.patients["expected"].notna().all()


def test_a_score_of_noise_gains_nothing_and_says_so(tmp_path):
    path = case(tmp_path)
    rewrite(tmp_path / "trial.csv", lambda f: f.assign(SCORE=normals(9, "noise", f.index, 1)[:, 0]))
    found = prognostic_twins(load_trial(path), train_score(load_history(path)))
    assert not found.gain
    assert found.verdicts[0].startswith("no gain")
    assert found.verdicts[1].startswith("no gain over the raw covariates")


def test_raw_covariates_that_cannot_be_adjusted_for_are_told(tmp_path):
    path = case(tmp_path)
    text = path.read_text(encoding="utf-8").replace('"MARKER"]', '"MARKER", "SITE"]\ncategorical = ["SITE"]')
    path.write_text(text, encoding="utf-8")
    for name in ("history", "trial"):
        # As many sites as patients, but for one of two.
        rewrite(tmp_path / f"{name}.csv", lambda f: f.assign(SITE=np.maximum(f.index - 1, 0)))
    rewrite(tmp_path / "trial.csv", lambda f: f.head(80))
    found = prognostic_twins(load_trial(path), train_score(load_history(path)))
    assert found.primary[0].standard_error > 0
    assert np.isnan(found.variance_ratio("covariates"))
    assert not found.gain
    assert "cannot be told" in found.verdicts[1]
    assert any(note.startswith("covariates cannot be adjusted for in this trial") for note in found.notes)
    assert comparison_texts(found).loc["covariates"].tolist()[1:] == ["–"] * 5
    assert "cannot be told" in chapter(found).html()


# -- the adjusted log-rank test


def _times(count: int, seed: int, slope: float = 1.0, effect: float = 0.0):
    z, u = (
        normals(seed, "prognosis", np.arange(count), 1)[:, 0],
        uniforms(seed, "times", np.arange(count), 1)[:, 0],
    )
    arm = np.arange(count) % 2
    time = -np.log(u) * np.exp(-slope * z - effect * arm)
    return np.minimum(time, 2.0), (time <= 2.0).astype(int), arm, z


def test_without_covariates_it_is_the_log_rank_test_and_the_cox_model():
    time, event, arm, _ = _times(80, 1)
    rounded = np.ceil(time * 5)  # ties
    assert adjusted_log_rank(rounded, event, arm).statistic ** 2 == pytest.approx(
        log_rank(rounded, event, arm).statistic
    )
    found, fit = adjusted_log_rank(time, event, arm), cox(time, event, arm, ties="breslow")
    assert found.log_hazard_ratio == pytest.approx(fit.coefficients[0], abs=1e-7)
    assert found.standard_error == pytest.approx(fit.standard_errors[0], rel=1e-6)


def test_the_adjustment_is_that_of_the_paper():
    """Every sum as it is written, patient by patient (Ye, Shao & Yi 2024, section 3)."""
    time, event, arm, z = _times(40, 2)
    x, n = np.column_stack([z, z**2]), 40
    order = np.unique(time[event > 0])
    outcome = np.zeros(n)
    for i in range(n):
        for t in order:
            y1, y0 = ((time >= t) & (arm == 1)).sum(), ((time >= t) & (arm == 0)).sum()
            jump = ((time == t) & (event > 0)).sum() / (y1 + y0)
            own = (time[i] == t and event[i]) - (time[i] >= t) * jump
            outcome[i] += (y0 if arm[i] else y1) / (y1 + y0) * own
    score = (arm @ outcome - (1 - arm) @ outcome) / n
    slopes = [
        np.linalg.lstsq(np.column_stack([np.ones((arm == a).sum()), x[arm == a]]), outcome[arm == a])[0][1:]
        for a in (0, 1)
    ]
    centred, both = x - x.mean(axis=0), slopes[0] + slopes[1]
    score -= (arm @ centred @ slopes[1] - (1 - arm) @ centred @ slopes[0]) / n
    found = adjusted_log_rank(time, event, arm, x, corrected=False)
    saved = 0.25 * both @ np.cov(x.T, bias=True) @ both
    assert found.variance == pytest.approx(found.unadjusted_variance - saved)
    assert found.statistic == pytest.approx(score * np.sqrt(n / found.variance))
    assert adjusted_log_rank(time, event, arm, x).variance == pytest.approx(found.variance * 42 / 38)


def test_the_hazard_ratio_is_marginal():
    time, event, arm, z = _times(4000, 3, slope=1.5, effect=-1.0)
    crude = adjusted_log_rank(time, event, arm)
    found, conditional = adjusted_log_rank(time, event, arm, z), cox(time, event, np.column_stack([arm, z]))
    # The conditional ratio is exp(-1); the marginal one is nearer to 1, with the covariate or without.
    assert conditional.coefficients[0] == pytest.approx(-1.0, abs=0.1)
    assert found.log_hazard_ratio == pytest.approx(crude.log_hazard_ratio, abs=0.1)
    assert found.log_hazard_ratio > -0.8
    assert found.standard_error < 0.9 * crude.standard_error


def test_its_errors_are_kept():
    found = []
    for seed in range(400):
        time, event, arm, z = _times(100, 100 + seed, slope=1.2)
        others = normals(seed, "others", np.arange(100), 9)
        found.append(adjusted_log_rank(time, event, arm, np.column_stack([z, others])))
    # 400 trials: 5 % with a Monte Carlo error of 1.1 %, three of them; a variance with one of 7 %, three of them.
    assert np.mean([each.p < 0.05 for each in found]) == pytest.approx(0.05, abs=0.033)
    assert np.var([each.statistic for each in found]) == pytest.approx(1.0, abs=0.21)
    spread = np.var([each.log_hazard_ratio for each in found]) / np.mean(
        [each.standard_error**2 for each in found]
    )
    assert spread == pytest.approx(1.0, abs=0.21)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"treated": [0, 1, 2, 1, 0, 1]}, "is not one of 0 and 1"),
        ({"covariates": [np.nan, 1, 2, 3, 4, 5]}, "is missing or infinite"),
        ({"event": [1, 0, 1, 0, 1, 0]}, "no event in one arm"),
        ({"covariates": np.eye(6)[:, :3]}, "3 patients in an arm for 3 covariates"),
        ({"time": [-1, 2, 3, 4, 5, 6]}, "is negative"),
    ],
)
def test_what_it_cannot_compare(change, words):
    given = {"time": [1, 2, 3, 4, 5, 6], "event": [1] * 6, "treated": [0, 1] * 3} | change
    with pytest.raises(UnderstudyError, match=words):
        adjusted_log_rank(**given)


def test_martingale_residuals_sum_to_zero():
    time, event, _, _ = _times(50, 4)
    assert martingale(time, event).sum() == pytest.approx(0.0, abs=1e-12)


# -- planning and simulation


def test_sizes():
    assert size_ratio(0.4) == pytest.approx(0.6)
    assert size_ratio(0.4, inflation=1.1, deflation=0.5) == pytest.approx(1.21 * 0.9)
    whole, saved = two_means(0.2, 1.0).total, twins_sample_size(0.2, 1.0, 0.4).total
    assert saved == pytest.approx(0.6 * whole, rel=0.01)
    for wrong in (
        {"r_squared": 1.0},
        {"r_squared": 0.3, "inflation": 0.0},
        {"r_squared": 0.3, "deflation": 1.5},
    ):
        with pytest.raises(SimulationError):
            size_ratio(**wrong)


def test_simulated_trials_are_analysed_by_ancova(monkeypatch):
    from understudy.trials.prognosis import simulated_procova

    y, x = normals(1, "y", np.arange(30), 1)[:, 0], normals(1, "x", np.arange(30), 2)
    drawn, arm = simulated_procova._drawn(30, 30, 15, np.arange(2), 1)
    found = simulated_procova._effects(y[drawn], arm, x[drawn])
    for k in range(2):
        own = drawn[k]
        design = design_matrix({"arm": arm, "a": x[own, 0], "b": x[own, 1]})
        fit = linear_model(y[own], design, variance="HC2").coefficients["arm"]
        assert found[k] == pytest.approx([fit.value, fit.standard_error])


def test_simulated_errors_power_and_variance():
    z = normals(5, "people", np.arange(300), 2)
    y = z[:, 0] + z[:, 1]
    null = simulate_procova(y, {"nothing": None, "score": z[:, 0]}, trials=2000, size=100, seed=3)
    # 2,000 trials: a Monte Carlo error of 0.5 %; three of them.
    assert null["rejected"].to_numpy() == pytest.approx(0.05, abs=0.015)
    r2 = np.corrcoef(y, z[:, 0])[0, 1] ** 2
    assert null.loc["score", "variance_ratio"] == pytest.approx(1 - r2, abs=0.06)
    assert (null["bias"].abs() < 4 * null["bias_error"]).all()
    power = simulate_procova(y, {"nothing": None, "score": z[:, 0]}, trials=500, size=100, effect=0.6, seed=3)
    assert power.loc["score", "rejected"] > power.loc["nothing", "rejected"] + 0.1
    with pytest.raises(SimulationError, match="rows for 300 outcomes"):
        simulate_procova(y, {"score": z[:10, 0]}, trials=10)
    with pytest.raises(SimulationError, match="arms of"):
        simulate_procova(y, {"score": z[:, 0]}, trials=10, size=3)


# -- the command


def test_command_trains_then_adjusts(tmp_path):
    path = case(tmp_path, effect=0.5)
    run = CliRunner().invoke
    begin = ["trial", "twins", str(path)]
    told = run(app, [*begin, "--train", "--out", str(tmp_path / "score.json"), "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["subjects"] == 80
    use = [*begin, "--score", str(tmp_path / "score.json")]
    data = json.loads(run(app, [*use, "--json", "--out", str(tmp_path / "report")]).stdout)
    assert [row["adjustment"] for row in data["comparison"]][2] == "score"
    assert data["score"]["hash"] in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "report" / "tables" / "twins.csv").exists()
    assert "Variance ratio" in run(app, use, env={"COLUMNS": "120"}).stdout
    for wrong in (
        begin,
        [*use, "--train"],
        [*begin, "--train"],
        [*begin, "--train", "--out", str(tmp_path / "score.json")],
    ):
        assert run(app, wrong).exit_code != 0
