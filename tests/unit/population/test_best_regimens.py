"""Which regimen is best for whom."""

import numpy as np
import pytest

from understudy.population.attainment import Attainment, best_regimens

NOTHING = {"trough": np.zeros((2, 4)), "time": np.zeros((2, 4))}


def attained(*shares: list[float]) -> Attainment:
    """Two patients, four draws each."""
    within = np.array(shares, dtype=float)
    low = {"time": 1.0 - within, "trough": 1.0 - within}
    return Attainment(("ann", "bob"), low, {"time": within, "trough": within}, NOTHING)


def test_the_highest_probability_is_best():
    found = best_regimens(
        {"low": attained([0.1, 0.2, 0.1, 0.2], [0.9] * 4), "high": attained([0.8, 0.9, 0.8, 0.9], [0.2] * 4)}
    )
    assert found["best"].to_dict() == {"ann": "high", "bob": "low"}
    assert found.loc["ann", "within"] == pytest.approx(0.85)
    assert found.loc["ann", "below"] == pytest.approx(0.15)
    assert found.loc["ann", "runner_up"] == "low"
    assert found.loc["ann", "runner_up_within"] == pytest.approx(0.15)
    assert found.loc["ann", "se"] == pytest.approx(np.std([0.8, 0.9, 0.8, 0.9], ddof=1) / 2)
    assert not found["tied"].any()


@pytest.mark.parametrize("turned", [False, True])
def test_no_difference_is_settled_by_what_is_best_over_all(turned):
    # Ann: the first is 0.002 better, with draws that scatter far more; Bob: the second is clearly better.
    regimens = {
        "first": attained([0.90, 0.96, 0.91, 0.95], [0.1] * 4),
        "second": attained([0.95, 0.91, 0.96, 0.892], [0.9] * 4),
    }
    found = best_regimens(dict(reversed(regimens.items())) if turned else regimens)
    assert found["best"].to_dict() == {"ann": "second", "bob": "second"}
    assert found["tied"].to_dict() == {"ann": True, "bob": False}


def test_a_single_regimen_has_no_runner_up():
    found = best_regimens({"only": attained([0.5] * 4, [0.6] * 4)})
    assert found["best"].eq("only").all()
    assert found["runner_up"].eq("").all()
    assert found["runner_up_within"].isna().all()
    assert not found["tied"].any()


def test_one_draw_has_no_error_to_tie_by():
    zero = {"time": np.zeros((1, 1))}
    regimens = {
        name: Attainment(("ann",), zero, {"time": np.array([[share]])}, zero)
        for name, share in (("low", 0.4), ("high", 0.5))
    }
    found = best_regimens(regimens)
    assert found.loc["ann", "best"] == "high"
    assert np.isnan(found.loc["ann", "se"])
