"""Size and survival: simulated by the model itself, and found again."""

import numpy as np
import pytest

from understudy.core.errors import DataError
from understudy.core.random import normals, uniforms
from understudy.trials.tumour import size_survival, size_survival_interval
from understudy.trials.tumour.mixed_size import MixedSize, fit_mixed_size
from understudy.trials.tumour.size_survival import SizeSurvival

TRUE = SizeSurvival(
    sizes=MixedSize(
        np.array([3.5, -0.7, 0.3, -1.0, 0.1]), np.diag([1.0, 0.5, 0.3]), 0.3, np.zeros((0, 3)), (-5.0, 10.0)
    ),
    cuts=np.array([0.0]),
    log_hazard=np.array([-2.0]),
    association=0.4,
    direct=0.0,
    standard_error=0.0,
    horizon=3.0,
)


def a_trial(patients: int, seed: int = 0):
    """Sizes every quarter until death or three years, and survival, drawn from `TRUE`."""
    arm = np.arange(patients) % 2.0
    when, died = TRUE._deaths(arm, seed)
    effects = (
        normals(seed, "size effects", np.arange(patients), 3) @ np.linalg.cholesky(TRUE.sizes.covariance).T
    )
    visits = np.arange(0, 3, 0.25)
    size = TRUE.sizes.at(visits, arm, effects)
    size = size + np.sqrt(0.3) * normals(seed, "scatter", np.arange(patients), len(visits))
    who, k = np.nonzero((visits < when[:, None]) | (visits == 0))
    return who, visits[k], size[who, k], np.arange(patients), when, died, arm


def test_both_stages_find_what_was_simulated():
    found = size_survival(*a_trial(3000), pieces=1)
    # Three standard errors of 3000 patients; the fall of sizes is seen a little worse than the level.
    assert found.sizes.fixed[:2] == pytest.approx([3.5, -0.7], abs=0.15)
    assert found.sizes.variance == pytest.approx(0.3, rel=0.05)
    # Two stages pull the slope towards zero, here by less than a tenth beside an error of about 0.02.
    assert 0.3 < found.association < 0.45
    assert 0 < found.standard_error < 0.05


def test_the_simulated_trial_shows_the_effect_that_sizes_carry():
    ratio = TRUE.simulated_hazard_ratio(5000, 1)
    assert 0.6 < ratio < 0.85
    no_effect = SizeSurvival(
        TRUE.sizes, TRUE.cuts, TRUE.log_hazard, association=0.0, direct=0.0, standard_error=0.0, horizon=3.0
    )
    # Four standard errors of the logarithm: 2 / sqrt(deaths).
    assert np.log(no_effect.simulated_hazard_ratio(5000, 1)) == pytest.approx(0, abs=0.15)


def test_intervals_hold_the_estimate_and_are_the_same_again():
    trial = a_trial(150)
    found = size_survival_interval(*trial, pieces=2, patients=200, resamples=20, seed=3)
    for estimate, low, high in (found.association, found.hazard_ratio):
        assert low < estimate < high
    again = size_survival_interval(*trial, pieces=2, patients=200, resamples=20, seed=3)
    assert again.hazard_ratio == found.hazard_ratio


def test_what_cannot_be_fitted_is_refused():
    who, at, size, names, when, died, arm = a_trial(60)
    with pytest.raises(DataError, match="other patients"):
        size_survival(who + 1, at, size, names, when, died, arm)
    with pytest.raises(DataError, match="not above zero"):
        size_survival(who, at, size, names, when * 0, died, arm)
    with pytest.raises(DataError, match="give 0 for control and 1 for treated"):
        size_survival(who, at, size, names, when, died, arm * 0)
    with pytest.raises(DataError, match="deaths for 4 pieces"):
        size_survival(who, at, size, names, when, died * 0, arm)
    with pytest.raises(DataError, match="no number"):
        fit_mixed_size(who, at, size * np.nan, arm)


def test_uniform_draws_decide_alone_who_dies():
    """A patient's fate depends on seed and place, not on who else is in the trial."""
    few, _ = TRUE._deaths(np.zeros(3), 7)
    many, _ = TRUE._deaths(np.zeros(9), 7)
    assert few.tolist() == many[:3].tolist()
    assert uniforms(7, "death", np.arange(3), 1).shape == (3, 1)
