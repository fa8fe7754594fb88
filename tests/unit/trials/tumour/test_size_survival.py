"""Size and survival: what a trial would show, and how sure that is."""

import numpy as np
import pytest

from understudy.biostatistics.joint.course import fall_and_growth
from understudy.biostatistics.joint.joint_parameters import JointParameters
from understudy.biostatistics.joint.simulated_joint import drawn_study
from understudy.core.errors import DataError, StudyError
from understudy.trials.tumour import size_survival

COURSE = fall_and_growth(4.0)
TRUE = JointParameters(
    np.array([3.5, -0.7, 0.3, -1.0, 0.1]), np.diag([1.0, 0.5, 0.3]), 0.3, np.array([-2.0]), np.zeros(0), np.array([0.4])
)  # fmt: skip


def a_trial(patients: int, true=TRUE, seed: int = 0):
    """Sizes every quarter until death or three years, and survival."""
    arm = np.arange(patients) % 2.0
    found = drawn_study(true, np.arange(0, 3, 0.25), arm, 3.0, seed, cuts=np.zeros(1), course=COURSE)
    return (
        found["patient"], found["time"], found["value"], np.arange(patients), found["follow_up"], found["event"], arm,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return size_survival(*a_trial(300), pieces=1, nodes=3)


def test_the_simulated_trial_shows_the_effect_that_sizes_carry(found):
    trial = found.hazard_ratio(200, 40, seed=1)
    assert trial.low < trial.estimate < trial.high < 1
    # Who is in a trial adds to what parameters leave open.
    assert trial.trial_low < trial.low
    assert trial.trial_high > trial.high
    assert 0 < trial.monte_carlo_error < trial.parameter_error
    # What sizes carry, and what was seen, differ by the error of what was seen: 2 / sqrt(deaths), times three.
    assert np.log(trial.estimate) == pytest.approx(
        np.log(found.observed[0]), abs=6 / np.sqrt(found.model.events)
    )
    assert "power" in str(trial)


def test_the_same_seed_gives_the_same_trials(found):
    assert found.hazard_ratio(50, 20, seed=3) == found.hazard_ratio(50, 20, seed=3)
    assert found.hazard_ratio(50, 20, seed=3) != found.hazard_ratio(50, 20, seed=4)


def test_treatment_that_acts_on_death_alone_is_seen_as_direct():
    none = JointParameters(
        np.array([3.5, -0.7, 0.3, 0.0, 0.0]),
        TRUE.covariance,
        0.3,
        np.array([-2.0]),
        np.array([-1.0]),
        np.array([0.4]),
    )
    arm = np.arange(300) % 2.0
    study = drawn_study(
        none, np.arange(0, 3, 0.25), arm, 3.0, 5, cuts=np.zeros(1), course=COURSE, covariates=arm[:, None]
    )
    fit = size_survival(
        study["patient"], study["time"], study["value"], np.arange(300), study["follow_up"], study["event"], arm,
        pieces=1, direct=True, nodes=3,
    )  # fmt: skip
    direct = fit.model.estimates["covariate 1"]
    assert direct.low < -1.0 < direct.high
    assert direct.high < 0
    trial = fit.hazard_ratio(100, 20)
    assert trial.estimate == pytest.approx(fit.observed[0], rel=0.35)


def test_names_may_come_in_any_order(found):
    who, at, size, names, when, died, arm = a_trial(300)
    order = np.argsort(-names)
    again = size_survival(
        who, at, size, names[order], when[order], died[order], arm[order], pieces=1, nodes=3
    )
    # Sums in another order.
    assert again.model.log_likelihood == pytest.approx(found.model.log_likelihood, rel=1e-8)


def test_what_cannot_be_fitted_is_refused(found):
    who, at, size, names, when, died, arm = a_trial(60)
    with pytest.raises(DataError, match="other patients"):
        size_survival(who + 1, at, size, names, when, died, arm)
    with pytest.raises(DataError, match="two rows"):
        size_survival(who[who > 0], at[who > 0], size[who > 0], np.maximum(names, 1), when, died, arm)
    with pytest.raises(DataError, match="not above zero"):
        size_survival(who, at, size, names, when * 0, died, arm)
    with pytest.raises(DataError, match="give 0 for control and 1 for treated"):
        size_survival(who, at, size, names, when, died, arm * 0)
    with pytest.raises(DataError, match="deaths for 4 pieces"):
        size_survival(who, at, size, names, when, died * 0, arm)
    with pytest.raises(DataError, match="no number"):
        size_survival(who, at, size * np.nan, names, when, died, arm)
    with pytest.raises(StudyError, match="20 or more"):
        found.hazard_ratio(5)
