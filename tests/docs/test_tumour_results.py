"""What docs/rwe-twins.md says of tumours, against what is stored."""

import pytest
from benchmarks.tumour_counterfactuals import CORRECTED, PERSISTENCE, RIGHT, WRONG
from benchmarks.tumour_page import GAMMAS, PAGE, find, load, page

STORED = load()


def test_the_page_has_the_stored_result():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, STORED) == text


@pytest.mark.parametrize("row", [each for each in STORED["coverage"] if each["method"] == RIGHT], ids=str)
def test_intervals_of_the_right_twin_hold(row):
    # 95 per cent intended; some hundred patients, whose days are far from independent.
    assert 0.92 <= row["coverage"] <= 0.98


@pytest.mark.parametrize("gamma", GAMMAS)
def test_calibration_mends_the_wrong_twin_and_hardly_touches_the_right_one(gamma):
    wrong = find(STORED, "calibration", method=WRONG, gamma=gamma)
    assert wrong["coverage"] < 0.88
    # 90 to 98 per cent wanted; the standard error of 1,000 patients is one point.
    assert 0.88 <= wrong["calibrated coverage"] <= 0.98
    right = find(STORED, "calibration", method=RIGHT, gamma=gamma)
    assert 0.92 <= right["calibrated coverage"] <= 0.985
    assert right["calibrated width"] < 1.2 * right["width"]


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("patients", ["own size", "crossed"])
def test_what_the_page_says_of_errors(gamma, patients):
    asked = {"question": "sliding", "ahead": 6, "gamma": gamma, "patients": patients}
    right, wrong, corrected, stays = (
        find(STORED, "errors", method=each, **asked)["rmse"]
        for each in (RIGHT, WRONG, CORRECTED, PERSISTENCE)
    )
    assert right < corrected < wrong < stays


def test_crossed_patients_make_errors_grow_and_own_ones_do_not():
    def stays(patients, gamma):
        asked = {"question": "one day", "ahead": 1, "gamma": gamma, "patients": patients}
        return find(STORED, "errors", method=PERSISTENCE, **asked)["rmse"]

    assert stays("crossed", 4) > 1.3 * stays("crossed", 0)
    assert stays("own size", 4) < stays("own size", 0)
    assert stays("own size", 0) == stays("crossed", 0)
