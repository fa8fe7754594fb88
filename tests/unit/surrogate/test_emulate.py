"""emulate: errors that are honest, failures that are told, accuracy that is reached or not, bad questions."""

import numpy as np
import pandas as pd
import pytest
from saturable_question import BOX, MODEL, REGIMEN, TIMES

pytest.importorskip("sklearn", reason="scikit-learn, of the extra surrogate")

from understudy import Model, SimulationError, emulate, load_model, simulate
from understudy.core.random import uniforms
from understudy.surrogate.runs import Subject

# Nothing to solve: an output that is a formula.
FORMULA = Model(
    "formula",
    "h",
    {"x": (0.5, "1"), "y": (0.5, "1")},
    {},
    {},
    outputs={"z": ("exp(-3 * x) * sin(6 * y)", "1")},
)
SQUARE = {"x": (0, 1), "y": (0, 1)}


def fresh(box, count, seed):
    return pd.DataFrame(box.values(uniforms(seed, "fresh", range(count), len(box.names))), columns=box.names)


def test_errors_on_fresh_points_are_what_is_stated(saturable):
    patients = fresh(saturable.box, 400, 77)
    truth = simulate(MODEL, patients, REGIMEN, TIMES)["Cp"].values
    found = saturable.predict(patients)
    error, stated = np.abs(found["Cp"].values - truth), saturable.error.loc["Cp"]
    inside = (truth >= found["Cp_lower"].values) & (truth <= found["Cp_upper"].values)
    # 48 test runs and 400 fresh ones: quantiles of heavy-tailed errors agree within a factor of 2.
    typical = np.quantile(error, 0.95) / stated["scale"]
    assert stated["typical_largest"] / 2 < typical < 2 * stated["typical_largest"]
    assert stated["coverage_lower"] < inside.mean() < stated["coverage_upper"]
    # The 44th of 48 calibration errors is the bound: beyond 0.9 - 4 standard errors of such a rank (0.045).
    assert inside[:, 1:].mean() > 0.72


def test_the_accuracy_that_is_asked_for_is_reached_with_more_runs():
    made = emulate(FORMULA, SQUARE, times=[0], size=8, most=128, accuracy=0.001, held_out=40)
    assert made.reached
    assert made.account.training_runs > 8
    assert made.raise_inaccurate() is made
    assert "was reached" in repr(made)
    # As few as were needed: with those before the last doubling it was not reached.
    before = emulate(FORMULA, SQUARE, times=[0], size=8, most=8, accuracy=0.001, held_out=40)
    assert not before.reached


def test_it_is_said_plainly_that_the_accuracy_was_not_reached():
    made = emulate(FORMULA, SQUARE, times=[0], size=8, most=8, accuracy=1e-6, held_out=40)
    assert not made.reached
    assert "was NOT reached" in repr(made)
    with pytest.raises(SimulationError, match=r"NOT reached: 95 % of errors are within [\d.]+ %"):
        made.raise_inaccurate()


def test_no_accuracy_asked_for_means_no_more_runs():
    made = emulate(FORMULA, SQUARE, times=[0], size=8, accuracy=None, held_out=40)
    assert (made.account.training_runs, made.reached) == (8, True)
    assert "no accuracy was asked for" in repr(made)


def test_the_same_seed_makes_the_same_surrogate(saturable):
    again, other = (
        emulate(MODEL, BOX, REGIMEN, TIMES, size=32, held_out=48, seed=seed).hash for seed in (1, 2)
    )
    assert again == saturable.hash
    assert other != saturable.hash


def test_a_planted_wrong_run_of_the_model_is_seen(monkeypatch):
    right = emulate(FORMULA, SQUARE, times=[0], size=32, most=32, held_out=40)
    runs = Subject.runs

    def wrong(self, points, purpose):
        found = runs(self, points, purpose)
        if purpose == "training":
            found.values["z"][5] += 0.5
        return found

    monkeypatch.setattr(Subject, "runs", wrong)
    spoilt = emulate(FORMULA, SQUARE, times=[0], size=32, most=32, held_out=40)
    assert right.reached
    assert not spoilt.reached
    assert spoilt.worst.typical_largest > 10 * right.worst.typical_largest


def blowing_up(limit):
    """A state that leaves all bounds at once where x is above a limit."""
    rate = f"where(x > {limit}, 1e4[1/mg/h] * A * A, -x * 1[1/h] * A)"
    return Model(
        "blowing up", "h", {"x": (0.5, "1")}, {"A": ("mg", "1[mg]")}, {"A": rate}, outputs={"A": ("A", "mg")}
    )


def test_runs_that_fail_are_told_and_not_learnt_from():
    made = emulate(blowing_up(0.95), {"x": (0, 1)}, times=[1.0], size=32, most=32, held_out=40)
    assert made.failed
    assert {run.purpose for run in made.failed} <= {"training", "calibration", "test"}
    assert all(run.values["x"] > 0.95 for run in made.failed)
    assert all(run.message for run in made.failed)
    assert f"{len(made.failed)} runs FAILED" in repr(made)
    account = made.account
    assert account.training_runs + account.calibration_runs + account.test_runs + len(made.failed) == 112


def test_where_too_many_runs_fail_the_box_is_refused():
    with pytest.raises(SimulationError, match="runs of the model failed, more than a tenth") as caught:
        emulate(blowing_up(0.5), {"x": (0, 1)}, times=[1.0], size=32, held_out=40)
    assert "training run at x=" in str(caught.value)


def test_a_value_that_is_no_number_is_a_failure():
    rooted = Model("rooted", "h", {"x": (0.5, "1")}, {}, {}, outputs={"y": ("sqrt(0.95 - x)", "1")})
    made = emulate(rooted, {"x": (0, 1)}, times=[0.0], size=32, most=32, held_out=40)
    assert made.failed
    assert all(run.values["x"] > 0.95 for run in made.failed)


def test_random_effects_and_covariates_of_a_population_are_varied():
    newborns = load_model("phenobarbital_neonates")
    made = emulate(
        newborns,
        {"eta_CL": (-0.6, 0.6), "WT": (0.6, 3.5)},
        "20 mg/kg",
        [1.0, 24.0],
        fixed={"APGR": 3.0},
        size=32,
        held_out=40,
    )
    assert [entry.scale for entry in made.box.ranges] == ["linear", "log"]
    patient = {"eta_CL": 0.3, "WT": 2.0}
    right = simulate(newborns, pd.DataFrame([patient | {"APGR": 3.0}]), "20 mg/kg", [1.0, 24.0])["Cp"].values
    # Within the accuracy of 2 % of the range that `emulate` reached by itself.
    assert made.reached
    np.testing.assert_allclose(made.predict([patient])["Cp"].values, right, atol=0.02 * made.worst.scale)


def test_fixed_parameters_have_their_value():
    made = emulate(MODEL, {"Km": (1, 10)}, REGIMEN, [1.0], fixed={"V": 20.0}, size=16, held_out=40)
    right = simulate(MODEL, pd.DataFrame([{"Km": 3.0, "V": 20.0}]), REGIMEN, [1.0])["Cp"].values
    np.testing.assert_allclose(made.predict([{"Km": 3.0}])["Cp"].values, right, rtol=0.01)
    assert made.account.fixed == {"V": 20.0}


def test_times_that_are_not_given_are_those_of_simulate():
    made = emulate(MODEL, {"Km": (1, 10)}, REGIMEN, size=8, accuracy=None, held_out=20)
    assert (made.times == simulate(MODEL, None, REGIMEN).times).all()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"box": {"Vmx": (1, 2)}}, "did you mean Vmax?"),
        ({"box": {}}, "nothing is varied"),
        ({"outputs": ["C"]}, "no output 'C'"),
        ({"fixed": {"W": 1.0}}, "there is no 'W' to fix"),
        ({"fixed": {"Km": 1.0}}, "both varied and fixed"),
        ({"size": 4}, "size of 4"),
        ({"size": 64, "most": 32}, "most of 32"),
        ({"held_out": 8}, "give 9 or more"),
        ({"coverage": 1.0}, "coverage of 1.0"),
        ({"variance": 0.0}, "variance of 0.0"),
        ({"accuracy": 0.0}, "accuracy of 0.0"),
        ({"times": []}, "no list of finite numbers"),
    ],
)
def test_a_question_that_cannot_be_put_is_refused(changes, told):
    asked = {"box": BOX, "regimen": REGIMEN, "times": TIMES} | changes
    with pytest.raises(SimulationError) as caught:
        emulate(MODEL, **asked)
    assert told in str(caught.value)


def test_an_output_that_bears_the_name_of_an_intervals_end():
    named = Model("named", "h", {"x": (1, "1")}, {}, {}, outputs={"y": ("x", "1"), "y_lower": ("x", "1")})
    with pytest.raises(SimulationError, match="y_lower would be the name"):
        emulate(named, {"x": (1, 2)}, times=[0])
