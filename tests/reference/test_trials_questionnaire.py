"""The PHQ-9 of NHANES 2005-2014 against figures computed elsewhere, and short forms in subjects held out."""

from pathlib import Path

import pytest

from understudy.trials.questionnaire import read_questionnaire, shorten

TABLE = Path(__file__).parents[3] / "shared" / "reference" / "trials" / "nhanes_phq9.csv.gz"
pytestmark = pytest.mark.skipif(
    not TABLE.exists(), reason="the reference folder has no trials/nhanes_phq9.csv.gz"
)


@pytest.fixture(scope="module")
def asked():
    return read_questionnaire(TABLE, ["dpq0*"], 10, valid=(0, 3), missing=[7, 9], by=["cycle"])


@pytest.fixture(scope="module")
def found(asked):
    return shorten(asked, sizes=(1, 4))


def items(*numbers):
    return tuple(f"dpq0{k}0" for k in numbers)


def test_who_answered(asked):
    assert len(asked.items) == 9
    assert len(asked.positive) == 26_057
    assert [int((asked.groups["cycle"] == c).sum()) for c in "DEFGH"] == [4799, 5415, 5546, 4925, 5372]
    assert int(asked.positive.sum()) == 2294
    # As printed: four decimals.
    assert asked.total.mean() == pytest.approx(3.1837, abs=5e-5)
    assert asked.alpha == pytest.approx(0.8403, abs=5e-5)


@pytest.mark.parametrize(
    ("size", "names", "area", "correlation"),
    [(2, (2, 4), 0.9630, 0.871), (3, (2, 4, 7), 0.9785, 0.916), (4, (2, 3, 5, 7), 0.9871, 0.944)],
)
def test_the_best_of_all_subsets(found, size, names, area, correlation):
    best = found.of_size(size)
    assert found.names(best.form.items) == items(*names)
    assert best.area.estimate == pytest.approx(area, abs=5e-5)
    assert best.correlation == pytest.approx(correlation, abs=5e-4)


def test_the_first_two_items(asked):
    from understudy.biostatistics.diagnostic_accuracy import area_under_curve

    found = area_under_curve(asked.answers[:, :2].sum(axis=1), asked.positive)
    assert found.estimate == pytest.approx(0.9489, abs=5e-5)


@pytest.mark.parametrize(("cut", "sensitivity", "specificity"), [(4, 0.874, 0.960), (3, 0.968, 0.881)])
def test_cut_offs_of_three_items(found, cut, sensitivity, specificity):
    row = found.cuts(3).loc[cut]
    assert row["sensitivity"] == pytest.approx(sensitivity, abs=5e-4)
    assert row["specificity"] == pytest.approx(specificity, abs=5e-4)


def test_three_items_in_subjects_held_out(found):
    """2,294 cases, and the same three items in every fold: nothing is lost beyond the fourth decimal."""
    held = found.of_size(3).held_out
    assert set(held.items) == {found.of_size(3).form.items}
    assert held.area == pytest.approx(0.9785, abs=0.0002)
    assert held.error == pytest.approx(0.0011, abs=1e-4)
    # The procedure with its choice of size takes three items in each fold.
    assert found.nested_sizes == (3,) * 5
    assert found.nested.area == pytest.approx(0.9785, abs=0.0002)
