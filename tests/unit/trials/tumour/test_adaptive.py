"""Dosing by a marker: the rule, what a table says of it, and virtual patients under it."""

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import DataError
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model
from understudy.trials.tumour import compare_adaptive, dosing_by_marker, follow_rule, with_rule


def test_drug_stops_at_half_and_restarts_at_the_baseline():
    given = follow_rule([10, 5.1, 5, 9.9, 10, 6, 4, 8]).astype(int)
    assert given.tolist() == [1, 1, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("marker", [[], [0, 1], [1, np.nan]])
def test_markers_that_cannot_be_followed_are_refused(marker):
    with pytest.raises(DataError, match="cannot be followed"):
        follow_rule(marker)
    with pytest.raises(DataError, match="cannot be followed"):
        follow_rule([1.0, 2.0], stop=1.0, restart=0.5)


def test_what_each_arm_was_given():
    rows = pd.DataFrame(
        {
            "arm": ["a"] * 4 + ["b"] * 2,
            "patient": [1, 1, 1, 1, 2, 2],
            "day": [20, 0, 10, 30, 0, 10],
            "on": [1, 1, 0, 1, 1, 1],
            "psa": [8, 8, 4, 9, 5, 1],
        }
    )
    found = dosing_by_marker(rows)
    assert found.loc["a"].to_dict() == {
        "patients": 1, "visits": 4, "restarts": 1, "share_on": 0.75, "agreement": 1.0,
    }  # fmt: skip
    assert found.loc["b", "agreement"] == 0.0
    with pytest.raises(DataError, match="no such column"):
        dosing_by_marker(rows, on="given")
    with pytest.raises(DataError, match="neither 0 nor 1"):
        dosing_by_marker(rows.assign(on=2))


def test_the_marker_swings_between_half_and_all_of_the_baseline():
    times = np.arange(1.0, 400.0, 0.5)
    # No resistant cell: the rule holds the sensitive ones for ever.
    alone = pd.DataFrame({"R0": [0.0], "S0": [5000.0]}, index=["one"])
    level = np.ravel(simulate(with_rule(model("resistant_clones")), alone, "no dose", times)["marker"].values)
    after = level[20:]
    # Events are found to within a step's tolerance of the limits.
    assert after.min() == pytest.approx(2500, rel=0.01)
    # At most half a day passes between a peak and a look: 6 % of growth a day.
    assert after.max() == pytest.approx(5000, rel=0.04)
    assert (np.diff((after < 3750).astype(int)) == 1).sum() > 5


def test_the_rule_gains_what_competition_allows():
    found = compare_adaptive([0.0, 2.0], [0.05], horizon=600.0).table
    gain = (found["adaptive"] - found["continuous"]).to_numpy()
    # Resistant cells that nobody holds down grow under either: no look of five days tells the arms apart by many.
    assert abs(gain[0]) <= 10
    assert gain[1] > 50
    assert (found["share_on"] < 1).all()
