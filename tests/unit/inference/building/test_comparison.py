"""Fits side by side."""

import numpy as np
import pytest
from scipy.stats import chi2

from understudy import Fit
from understudy.core.errors import SimulationError
from understudy.inference.building.comparison import compare


def made(objective, *names, **more):
    estimates = dict.fromkeys(names, 1.0)
    return Fit("FOCEI", objective, estimates, **({"observations": 100, "succeeded": True} | more))


SMALL, MIDDLE = made(120.0, "CL", "omega(eta_CL)"), made(114.0, "CL", "V", "omega(eta_CL)")
LARGE = made(110.0, "CL", "V", "ka", "omega(eta_CL)")
OTHER = made(113.0, "CL", "Vmax", "omega(eta_CL)")


def test_each_is_tested_against_the_largest_that_it_contains():
    found = compare({"small": SMALL, "middle": MIDDLE, "large": LARGE, "other": OTHER})
    assert dict(found.nested) == {"middle": "small", "large": "middle", "other": "small"}
    row = found.table().loc["large"]
    assert (row["change"], row["df"]) == (-4.0, 1)
    assert row["p"] == pytest.approx(chi2.sf(4.0, 1))
    assert np.isnan(found.table().loc["small", "p"])


def test_criteria_and_order():
    table = compare({"small": SMALL, "large": LARGE}).table()
    assert list(table.index) == ["large", "small"]
    assert table.loc["large", ["aic", "bic"]].tolist() == pytest.approx([118.0, 110.0 + 4 * np.log(100)])


def test_nesting_can_be_said():
    found = compare({"small": SMALL, "large": LARGE}, nested={"large": "small"})
    assert found.table().loc["large", ["df", "p"]].tolist() == [2, pytest.approx(chi2.sf(10.0, 2))]
    assert compare({"small": SMALL, "large": LARGE}, nested={}).nested == {}


def test_failed_fits_stay_with_their_reason():
    failed = Fit("FOCEI", np.nan, {}, status="omega is singular", succeeded=False)
    found = compare({"small": SMALL, "failed": failed})
    assert found.table().loc["failed", "warnings"] == "omega is singular"
    assert found.best() == "small"


def test_a_variance_more_makes_p_too_large():
    more = made(115.0, "CL", "omega(eta_CL)", "omega(eta_V)")
    assert "bound" in compare({"small": SMALL, "more": more}).table().loc["more", "warnings"]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (made(100.0, "CL", observations=90), "numbers of observations"),
        (Fit("FO", 100.0, {"CL": 1.0}, observations=100), "different methods"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, told):
    with pytest.raises(SimulationError, match=told):
        compare({"small": SMALL, "other": other})


def test_an_unknown_name_is_refused():
    with pytest.raises(SimulationError, match="no fit is called 'big'"):
        compare({"small": SMALL}, nested={"big": "small"})
