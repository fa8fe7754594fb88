"""Patients grouped by a covariate."""

import numpy as np
import pytest

from understudy.core.errors import SimulationError
from understudy.population.strata import Stratification


def test_a_value_at_a_cut_belongs_above_it():
    cuts = Stratification("WT", (1.0, 2.0), "kg")
    members = cuts.members([0.5, 1.0, 1.5, 2.0, 9.0])
    assert list(members) == ["WT < 1 kg", "WT 1 to < 2 kg", "WT ≥ 2 kg"]
    np.testing.assert_array_equal(
        np.array(list(members.values())), [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]]
    )


def test_everyone_is_in_one_group_and_the_unknown_in_none():
    rng = np.random.default_rng(0)
    values = np.append(rng.uniform(0, 5, 100), [np.nan, np.nan])
    counted = sum(
        flags.astype(int) for flags in Stratification("WT", (1.0, 2.0, 3.5)).members(values).values()
    )
    np.testing.assert_array_equal(counted, [*[1] * 100, 0, 0])


def test_labels_of_their_own_and_no_unit():
    cuts = Stratification("APGR", (5,), labels=("low", "normal"))
    assert cuts.names == ("low", "normal")
    assert list(cuts.members([3, 8])) == ["low", "normal"]
    assert Stratification("APGR", (5,), "1").names == ("APGR < 5", "APGR ≥ 5")


@pytest.mark.parametrize("cuts", [(), (2.0, 1.0), (1.0, 1.0)])
def test_cuts_that_do_not_increase(cuts):
    with pytest.raises(SimulationError, match="do not increase"):
        Stratification("WT", cuts)


def test_a_label_too_few():
    with pytest.raises(SimulationError, match="make 3 groups, not 2"):
        Stratification("WT", (1.0, 2.0), labels=("light", "heavy"))
