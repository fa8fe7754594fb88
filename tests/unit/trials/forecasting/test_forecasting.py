"""Forecasts: what is read, what each method says, and what intervals hold in patients held out."""

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import DataError, StudyError
from understudy.core.random import normals, uniforms
from understudy.trials.forecasting import compare, courses_of, fit_forecaster
from understudy.trials.forecasting.conformal import weighted_quantile
from understudy.trials.forecasting.methods import carry_forward, features, mixed, own_line
from understudy.trials.forecasting.question import question_of


def table(patients=150, visits=6, seed=1, noise=0.5):
    """Lines with own slopes; slopes of drug patients are lower; some visits are missed, some patients drop out."""
    drawn = normals(seed, "courses", range(patients), 2 + visits)
    frame = pd.DataFrame(
        [(i, float(t)) for i in range(patients) for t in range(visits)], columns=["id", "month"]
    )
    own = drawn[frame["id"]]
    frame["arm"] = np.where(frame["id"] % 2, "drug", "placebo")
    frame["age"] = 60 + 5 * own[:, 0].round(1)
    slope = 0.6 + 0.5 * own[:, 1] - 0.8 * (frame["arm"] == "drug")
    frame["score"] = 20 + 2 * own[:, 0] + slope * frame["month"] + noise * drawn[:, 2:].ravel()
    lost = uniforms(seed, "lost", range(patients), 1)[:, 0]
    gone = (lost[frame["id"]] < 0.15) & (frame["month"] > 2)
    missed = uniforms(seed, "missed", range(len(frame)), 1)[:, 0] < 0.05
    frame.loc[missed & (frame["month"] > 0), "score"] = np.nan
    return frame[~gone]


def read(frame=None, **more):
    options = {"id": "id", "time": "month", "value": "score", "covariates": ["arm", "age"], "by": "arm"}
    return courses_of(table() if frame is None else frame, **{**options, **more})


FAST = ("own line", "mixed")


@pytest.fixture(scope="module")
def found():
    return compare(read(), first=3, methods=FAST, seed=1)


def test_what_is_read():
    frame = table().sample(frac=1, random_state=1)  # in no order
    courses = read(frame)
    assert len(courses.patients) == 150
    assert courses.left_out == int(frame["score"].isna().sum()) > 20
    for k in (0, 17):
        own = frame[(frame["id"].astype(str) == courses.patients[k]) & frame["score"].notna()].sort_values(
            "month"
        )
        assert courses.value[courses.patient == k].tolist() == own["score"].tolist()
    assert courses.names == ("arm = placebo", "age")
    assert set(courses.group) == {"drug", "placebo"}


def test_measurements_of_one_time_become_their_mean_and_patients_have_two_names():
    frame = pd.DataFrame({"s": ["a", "a", "b"], "p": [1, 1, 1], "t": [0, 0, 0], "v": [2.0, 4.0, 8.0]})
    courses = courses_of(frame, id=["s", "p"], time="t", value="v", scale="log")
    assert courses.patients.tolist() == ["a 1", "b 1"]
    assert np.exp(courses.value) == pytest.approx([3, 8])


def test_histories_end_before_targets_begin():
    asked = question_of(read(), 3, None)
    assert (asked.history.visits == 3).all()
    assert (asked.horizon > 0).all()
    courses = read()
    assert asked.without_target == int((courses.visits == 3).sum()) > 0
    until = question_of(read(), None, 2.0)
    assert until.history.time.max() <= 2 < until.target.time.min()


def test_the_last_value_stays_and_a_line_goes_on():
    frame = pd.DataFrame(
        [(i, t, i + (i % 3) * t) for i in range(12) for t in range(5)], columns=["id", "t", "v"]
    )
    asked = question_of(courses_of(frame, id="id", time="t", value="v"), 3, None)
    centre, _ = carry_forward(asked, 0).predict(asked)
    assert centre.tolist() == np.repeat(asked.last[1], 2).tolist()
    centre, _ = own_line(asked, 0).predict(asked)
    assert centre == pytest.approx(asked.target.value)


def test_a_mixed_model_predicts_between_mean_and_own_line():
    """The best linear unbiased prediction against its formula with whole matrices."""
    asked = question_of(read(by=""), 3, None)
    model = mixed(asked, 0)
    centre, spread = model.predict(asked)
    h, t = asked.history.patient == 4, asked.target.patient == 4
    fixed = [model.fixed(c)[own] for c, own in ((asked.history, h), (asked.target, t))]
    basis = [
        np.column_stack([np.ones(own.sum()), c.time[own] / model.unit])
        for c, own in ((asked.history, h), (asked.target, t))
    ]
    among = basis[0] @ model.fit.covariance @ basis[0].T + model.fit.residual * np.eye(h.sum())
    cross = basis[1] @ model.fit.covariance @ basis[0].T
    left = asked.history.value[h] - fixed[0] @ model.fit.coefficients
    wanted = fixed[1] @ model.fit.coefficients + cross @ np.linalg.solve(among, left)
    assert centre[t] == pytest.approx(wanted, rel=1e-9)
    total = basis[1] @ model.fit.covariance @ basis[1].T + model.fit.residual * np.eye(t.sum())
    assert spread[t] ** 2 == pytest.approx(np.diag(total - cross @ np.linalg.solve(among, cross.T)), rel=1e-9)


def test_no_method_sees_what_came_after():
    """Forecasts of a patient are the same whatever is measured later."""
    asked = question_of(read(), 3, None)
    learnt = [make(asked, 0) for make in (carry_forward, own_line, mixed)]
    from dataclasses import replace

    blind = replace(asked, target=replace(asked.target, value=np.full_like(asked.target.value, np.nan)))
    for model in learnt:
        for seen, unseen in zip(model.predict(asked), model.predict(blind), strict=True):
            assert (seen == unseen).all()
    assert np.array_equal(features(asked), features(blind), equal_nan=True)


def test_lines_are_forecast_better_than_by_carrying_forward(found):
    table = found.table()
    # Slopes of 0.5 a month over up to 3 months are what carrying forward misses.
    assert found.difference("mixed")[1] < 0
    assert table.loc["mixed", "error"] < 0.8 * table.loc["carry forward", "error"]
    assert "mixed is better than carrying the last value forward" in found.verdict
    assert any("not seen often enough afterwards" in told for told in found.warnings)


def test_intervals_hold_what_they_say_overall_and_in_each_arm(found):
    table, groups = found.table(), found.coverage()
    # The standard error of coverage over 130 patients is about 2 %, over 65 of an arm 3 %.
    assert (abs(table["coverage"] - 0.9) < 0.06).all()
    assert (abs(groups["coverage"] - 0.9) < 0.1).all()
    assert groups.loc["mixed", "patients"].sum() == len(found.question.patients)


@pytest.mark.parametrize(("how", "most"), [("cross", 0.86), ("split", 0.93)])
def test_coverage_over_many_trials(how, most):
    held = [
        compare(read(table(60, seed=k)), first=3, methods=(), calibration=how, parts=4, seed=k, level=0.8)
        .held("carry forward")
        .mean()
        for k in range(40)
    ]
    # About 52 patients in each of 40: the standard error is 0.9 %. A split leaves some five patients of each arm to
    # calibrate by: whole ones are counted, so that intervals hold up to a sixth more than they must.
    assert 0.775 < np.mean(held) < most


def test_boosted_trees_learn_the_slope():
    pytest.importorskip("sklearn", reason="scikit-learn, of the extra trials")
    found = compare(read(table(200)), first=3, methods=["boosted"], parts=3, seed=1)
    assert found.difference("boosted")[1] < 0
    assert abs(found.table().loc["boosted", "coverage"] - 0.9) < 0.07


def test_nothing_is_better_where_nothing_can_be():
    """A random walk: the last value is the best forecast."""
    frame = table(120)
    steps = normals(5, "walk", range(len(frame)), 1)[:, 0]
    frame = frame.assign(score=pd.Series(steps, index=frame.index).groupby(frame["id"]).cumsum())
    found = compare(read(frame, covariates=[]), first=3, methods=FAST, seed=2)
    assert found.difference("own line")[0] > 0
    assert found.difference("mixed")[1] > -0.05
    assert "own line is worse than" in found.verdict


def test_the_same_seed_gives_the_same():
    first, again = (compare(read(), first=3, methods=("mixed",), parts=3, seed=1).table() for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_a_small_subgroup_has_no_interval_and_is_told():
    frame = table()
    frame["arm"] = np.where(frame["id"] < 6, "rare", "common")
    found = compare(read(frame, limits=(0, 100)), first=3, methods=(), seed=1)
    rare = found.coverage().loc[("carry forward", "rare")]
    assert (rare["coverage"], rare["width"]) == (1, 100)
    assert any("too small to calibrate" in told for told in found.warnings)


def test_weights_are_of_patients():
    """Nine patients of one error each and one of a thousand: the thousand weigh one in eleven."""
    scores = np.concatenate([np.arange(1.0, 10.0), np.full(1000, 50.0)])
    patient = np.concatenate([np.arange(9), np.full(1000, 9)])
    assert weighted_quantile(scores, patient, 9 / 11) == 9
    assert weighted_quantile(scores, patient, 10 / 11) == 50
    assert weighted_quantile(scores, patient, 0.95) == np.inf


# One patient's course, and the arm the patient was not in.


@pytest.fixture(scope="module")
def forecaster():
    return fit_forecaster(read(), method="mixed", first=3, arm="arm", seed=1)


def test_a_forecast_goes_on_from_all_that_is_known(forecaster):
    told = forecaster.forecast(read(), [6.0, 8.0])
    assert len(told) == 300
    assert (told["low"] < told["value"]).all()
    assert (told["value"] < told["high"]).all()
    assert set(told["standing"]) == {"90 % interval"}
    early, late = (told.xs(t, level="time") for t in (6.0, 8.0))
    assert (late["high"] - late["low"] > early["high"] - early["low"]).all()


def test_the_other_arm_cannot_be_tested(forecaster):
    courses = read()
    told = forecaster.forecast(courses, [6.0], arm="drug").droplevel("time")
    own = courses.known["arm"] == "drug"
    assert (told["standing"] == np.where(own, "90 % interval", "cannot be tested")).all()
    fact = forecaster.forecast(courses, [6.0]).droplevel("time")
    assert (told["value"][own.to_numpy()] == fact["value"][own.to_numpy()]).all()
    # Slopes of the drug's arm are lower.
    assert (told["value"] - fact["value"])[~own.to_numpy()].mean() < 0


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda f: f.forecast(read(), [4.0]), "is not after the last measurement"),
        (lambda f: f.forecast(read(), []), "no time"),
        (lambda f: f.forecast(read(covariates=["age"]), [9.0]), "read otherwise"),
        (lambda f: f.forecast(read(), [9.0], arm="x"), "no arm 'x'"),
        (lambda f: fit_forecaster(read(), first=3).forecast(read(), [9.0], arm="drug"), "no arm was named"),
        (lambda f: fit_forecaster(read(), first=3, arm="age"), "no covariate of words"),
        (lambda f: fit_forecaster(read(), first=3, method="magic"), "no method 'magic'"),
        (
            lambda f: fit_forecaster(read(), first=3, method="own line", arm="arm").forecast(
                read(), [9.0], arm="drug"
            ),
            "knows no arms",
        ),
        (lambda f: compare(read(), first=3, methods=["magic"]), "no method 'magic'"),
        (lambda f: compare(read(), first=3, level=1.5), "no probability"),
        (lambda f: compare(read(), first=3, calibration="x"), "no calibration 'x'"),
        (lambda f: compare(read()), "what is known"),
        (lambda f: compare(read(), first=3, until=2), "what is known"),
        (lambda f: compare(read(), first=6), "patients have measurements before and after"),
        (lambda f: compare(read(), first=3, parts=1), "cannot be divided"),
        (lambda f: read(scale="cube"), "no scale 'cube'"),
        (lambda f: read(value="scor"), "did you mean score"),
    ],
)
def test_what_cannot_be_asked(forecaster, ask, told):
    with pytest.raises(StudyError) as error:
        ask(forecaster)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        ({"score": ["x", "2"]}, {}, "row 1, column score: not a number"),
        ({"month": [0.0, np.nan]}, {}, "row 2, column month: the time is empty"),
        ({"id": [1, None]}, {}, "the patient is not named"),
        ({"score": [0.0, 1.0]}, {"scale": "log"}, "the scale log does not take it"),
        ({"score": [-1.0, 1.0]}, {"scale": "sqrt"}, "the scale sqrt does not take it"),
    ],
)
def test_bad_rows_are_named(change, options, told):
    frame = pd.DataFrame({"id": [1, 1], "month": [0.0, 1.0], "score": [1.0, 2.0]}).assign(**change)
    with pytest.raises(DataError) as error:
        courses_of(frame, id="id", time="month", value="score", **options)
    assert told in str(error.value)
