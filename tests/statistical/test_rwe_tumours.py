"""The benchmark of counterfactual tumours, with few patients."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.tumour_counterfactuals import (
    CORRECTED,
    PERSISTENCE,
    POPULATION,
    QUICK,
    RIGHT,
    TYPICAL,
    WRONG,
    compute,
)
from benchmarks.tumour_page import find

FEW = replace(
    QUICK, train=300, correction=60, validation=80, test=80, test_later=60, runs=1, draws=39, gammas=(0.0,)
)


@pytest.fixture(scope="module")
def found():
    return compute(FEW)


def test_methods_in_their_order(found):
    asked = {"question": "sliding", "ahead": 6, "patients": "own size"}
    right, wrong, corrected, typical, stays = (
        find(found, "errors", method=each, **asked)["rmse"]
        for each in (RIGHT, WRONG, CORRECTED, TYPICAL, PERSISTENCE)
    )
    # Some 0.65, 1.9, 0.9, 0.9 and 2.3 per cent with hundreds of patients; with so few only large gaps are sure.
    assert right < 0.7 * wrong
    assert right < 0.7 * stays
    assert right < typical
    assert corrected < wrong


def test_nobody_is_better_than_the_noise(found):
    asked = {"question": "one day", "ahead": 1, "patients": "own size"}
    for method in (RIGHT, WRONG, CORRECTED, TYPICAL, PERSISTENCE, POPULATION):
        # Whoever knows a patient's rates still errs by some 0.04 per cent.
        assert find(found, "errors", method=method, **asked)["rmse"] > 0.04


def test_intervals_of_the_right_twin_hold(found):
    rows = [each["coverage"] for each in found["coverage"] if each["method"] == RIGHT]
    # 95 per cent intended; 60 patients, whose days go together.
    assert min(rows) > 0.91
    assert max(rows) < 0.985
    wrong = find(found, "coverage", method=WRONG, question="sliding", ahead=6, patients="own size")
    assert wrong["coverage"] < 0.8


def test_calibration_mends_the_wrong_twin(found):
    row = find(found, "calibration", method=WRONG)
    assert row["coverage"] < 0.8
    # Three standard errors of 80 patients below 95 per cent.
    assert row["calibrated coverage"] > 0.87


def test_without_confounding_crossed_patients_are_the_same(found):
    own, crossed = (
        find(found, "errors", method=RIGHT, question="one day", patients=each)
        for each in ("own size", "crossed")
    )
    assert own["rmse"] == crossed["rmse"]


def test_published_rows_are_beside(found):
    rows = found["published"]["rows"]
    assert rows["one day"]["1"]["CRN"][0] == (0.755, 0.059)
    assert rows["sliding"]["6"]["Causal Transformer"][4] == (2.052, 0.608)
    assert all(len(values) == 5 for each in rows.values() for by in each.values() for values in by.values())
