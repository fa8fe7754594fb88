"""Short forms: found by exhaustive search, tried in subjects held out, and honest about noise."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from understudy.biostatistics.diagnostic_accuracy import accuracy, area_under_curve
from understudy.core.errors import DataError, StudyError
from understudy.core.random import uniforms
from understudy.trials.questionnaire import Questionnaire, read_questionnaire, shorten
from understudy.trials.questionnaire.short_form import areas, best_by_beam, best_cut, best_subset


def answers(subjects, items, seed=1, shared=0.6):
    drawn = uniforms(seed, "answers", range(subjects), items + 1)
    return np.floor(4 * (shared * drawn[:, :1] + (1 - shared) * drawn[:, 1:]))


def asked(subjects=300, items=6, cut=10):
    found = answers(subjects, items)
    sex = np.where(uniforms(1, "sex", range(subjects), 1)[:, 0] < 0.5, "f", "m").astype(object)
    names = tuple(f"q{k}" for k in range(items))
    return Questionnaire(names, found, found.sum(axis=1) >= cut, f"sum ≥ {cut}", {"sex": sex})


def test_areas_are_those_of_the_definition():
    made = asked()
    subsets = [(0,), (1, 4), (0, 2, 5)]
    for found, subset in zip(areas(made.answers, made.positive, subsets), subsets, strict=True):
        wanted = area_under_curve(made.answers[:, subset].sum(axis=1), made.positive).estimate
        assert found == pytest.approx(wanted, rel=1e-12)
    halves = (
        made.answers / 3 + 0.1
    )  # sums that are not whole, and of which equal ones differ in the last digit
    assert areas(halves, made.positive, subsets) == pytest.approx(areas(made.answers, made.positive, subsets))


def test_no_subset_is_better_than_the_one_found():
    made = asked()
    best = best_subset(made.answers, made.positive, 3)
    others = areas(made.answers, made.positive, list(combinations(range(6), 3)))
    assert areas(made.answers, made.positive, [best])[0] == others.max()
    # A beam of 20 sees all 15 pairs of 6 items, so that it must find the same.
    assert best_by_beam(made.answers, made.positive, 3) == best


def test_the_cut_off_has_the_largest_balanced_accuracy():
    made = asked()
    scores = made.answers[:, :3].sum(axis=1)
    found = {cut: accuracy(scores >= cut, made.positive).balanced_accuracy for cut in np.unique(scores)}
    assert found[best_cut(scores, made.positive)] == max(found.values())
    assert (
        best_cut(np.array([0.0, 1, 2, 3]), np.array([False, True, False, True])) == 1
    )  # of 1 and 3 the lower


def test_held_out_figures_are_of_subjects_who_chose_nothing():
    """Items without information: in sample the best of 12 looks good, held out it is a coin."""
    noise = np.floor(4 * uniforms(5, "noise", range(80), 12))
    positive = uniforms(5, "coin", range(80), 1)[:, 0] < 0.5
    made = Questionnaire(tuple("abcdefghijkl"), noise, positive, "coin = 1")
    found = shorten(made, sizes=(1, 3), parts=4)
    assert found.forms[2].area.estimate > 0.62
    # Its standard error is about 0.065: three of them.
    assert abs(found.nested.area - 0.5) < 0.2
    assert found.forms[2].held_out.area < found.forms[2].area.estimate - 0.1


def test_the_table_has_every_size_and_subgroups_their_rows():
    found = shorten(asked(), sizes=(1, 3), parts=3)
    table = found.table()
    assert list(table.index) == [1, 2, 3]
    assert table["auc"].is_monotonic_increasing
    groups = found.subgroups(2)
    assert groups["subjects"].sum() == 300
    assert set(groups.index.get_level_values("value")) == {"f", "m"}
    cuts = found.cuts(2)
    assert cuts["sensitivity"].is_monotonic_decreasing
    assert "nested" in repr(found)
    with pytest.raises(StudyError, match="no form of 5"):
        found.cuts(5)


def test_the_same_seed_gives_the_same():
    first, again = (shorten(asked(), sizes=(1, 2), parts=3, seed=4) for _ in range(2))
    assert first.table().equals(again.table())
    assert first.nested.area != shorten(asked(), sizes=(1, 2), parts=3, seed=5).nested.area


def test_a_tree_asks_in_turn():
    found = shorten(asked(), sizes=(1, 3), method="tree", parts=3)
    tree = found.of_size(3).form
    assert tree.tree.get_depth() <= 3
    assert "q" in tree.rules(found.questionnaire.items)
    assert found.of_size(3).area.estimate > found.of_size(1).area.estimate


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sizes": (0, 2)}, "0 to 2 of 6 items"),
        ({"sizes": (2, 6)}, "2 to 6 of 6 items"),
        ({"method": "guess"}, "no method 'guess'"),
        ({"parts": 200}, "too few for 200 folds"),
    ],
)
def test_impossible_questions(options, told):
    with pytest.raises(StudyError, match=told):
        shorten(asked(), **options)


def test_thirteen_items_are_too_many_for_all_subsets():
    made = asked(items=13, cut=20)
    with pytest.raises(StudyError, match="use method 'beam'"):
        shorten(made)
    assert shorten(made, sizes=(2, 2), method="beam", parts=3).forms[0].area.estimate > 0.8


FRAME = pd.DataFrame(
    {"q1": [0, 1, 2, 3, 9], "q2": [0, 0, 3, 3, 1], "ill": [0, 0, 1, 1, 1], "sex": list("fmfmf")}
)


def test_codes_that_are_no_answers_leave_rows_out():
    made = read_questionnaire(FRAME, ["q*"], cut=4, valid=(0, 3), missing=[9], by=["sex"])
    assert (made.left_out, made.positive.tolist()) == (1, [False, False, True, True])
    assert made.groups["sex"].tolist() == list("fmfm")
    assert read_questionnaire(FRAME, ["q1", "q2"], outcome="ill").positive.sum() == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"items": ["q*"], "cut": 4, "valid": (0, 3)}, "row 5, column q1: not between 0 and 3"),
        ({"items": ["q1", "q3"], "cut": 4}, "no column 'q3'"),
        ({"items": ["q1"], "cut": 4}, "fewer than two items"),
        ({"items": ["q1", "q*"], "cut": 4}, "q1 is named twice"),
        ({"items": ["q1", "sex"], "cut": 4}, "not a number"),
        ({"items": ["q*"]}, "neither cut-off nor outcome"),
        ({"items": ["q*"], "cut": 4, "outcome": "ill"}, "both given"),
        ({"items": ["q*"], "outcome": "q2"}, "neither 0 nor 1"),
        ({"items": ["q*"], "cut": 99}, "nobody is a case"),
        ({"items": ["q*"], "cut": 4, "missing": [0, 1, 2, 3, 9]}, "no row has an answer"),
    ],
)
def test_bad_tables(options, told):
    with pytest.raises((StudyError, DataError)) as error:
        read_questionnaire(FRAME, **options)
    assert told in str(error.value)
