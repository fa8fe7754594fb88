"""The summary: what the numbers say, also where they say that nothing helps."""

import numpy as np
import pytest
from sample_content import LABELS, sample_content

from understudy.dossier.summary import overall, summarise, tied


def said(**changes):
    return " ".join(summarise(sample_content(**changes))).replace("\xa0", " ")


def attainment(**within):
    """Attainment in which each regimen has the same share everywhere, below what is left over."""
    frame = sample_content().attainment
    shares = dict(zip(LABELS, (0.2, 0.71, 0.5, 0.3, 0.1), strict=True)) | within
    kept = frame["regimen"].map(shares).astype(float)
    return frame.assign(within=kept, above=0.05, below=0.95 - kept, se=0.01)


def test_the_best_regimen_is_named_with_its_interval():
    assert (
        "Among 1,000 virtual patients, 2.5 mg/kg every 12 h keeps plasma concentration within 15 to 40 mg/L most "
        "often: 71 % (95 % interval 69 to 73 %) of the time, with 24 % below and 5 % above."
    ) in said(attainment=attainment())


def test_regimens_that_cannot_be_told_apart_are_named():
    close = attainment(**{LABELS[2]: 0.69})
    assert "3 mg/kg every 12 h does as well within simulation error." in said(attainment=close)
    apart = attainment(**{LABELS[2]: 0.68})
    assert "simulation error" not in said(attainment=apart)
    assert tied(overall(sample_content(attainment=close))) == [LABELS[2]]


def test_that_no_regimen_is_good_enough_is_said():
    poor = attainment(**{LABELS[1]: 0.41, LABELS[2]: 0.3})
    assert (
        "No regimen of the 5 compared keeps plasma concentration within 15 to 40 mg/L for half of the time: the best, "
        "2.5 mg/kg every 12 h, reaches 41 % (95 % interval 39 to 43 %)"
    ) in said(attainment=poor)


def test_without_virtual_patients_and_time_the_twins_and_the_trough_are_reported():
    frame = attainment()
    frame = frame[(frame["source"] == "twins") & (frame["measure"] == "trough")]
    text = said(attainment=frame)
    assert "Among 59 patients in the records, 2.5 mg/kg every 12 h" in text
    assert "at the last trough, with" in text


def test_near_the_end_of_the_scale_a_decimal_tells_the_interval():
    text = said(attainment=attainment(**{LABELS[1]: 0.9}).assign(se=0.0005))
    assert "90.0 % (95 % interval 89.9 to 90.1 %)" in text


def test_doses_are_counted():
    doses = sample_content().doses.assign(best=LABELS[1], within=0.8)
    doses.loc[:9, "best"] = LABELS[2]
    assert (
        "Judged by each patient's own levels, 49 of the 59 patients do best on 2.5 mg/kg every 12 h and 10 on 3 mg/kg "
        "every 12 h, and each is expected to be in range for at least half of the time."
    ) in said(doses=doses)


def test_patients_whom_no_regimen_suits_are_named():
    doses = sample_content().doses.assign(best=LABELS[1], within=0.8)
    doses.loc[[3, 7], "within"] = 0.3
    assert (
        "all 59 patients do best on 2.5 mg/kg every 12 h; no regimen keeps patients 4 and 8 in range for "
        "half of the time."
    ) in said(doses=doses)


def test_that_the_previous_level_was_as_good_is_said():
    scores = sample_content().forecast_scores
    scores.loc[scores["method"] == "last level carried forward", "mae"] = 1.5
    sentence = "Individualising made no difference that these data can show."
    text = said(forecast_scores=scores, forecast_sentence=sentence)
    assert f"{sentence} Carrying each patient's previous level forward was no worse (1.5 mg/L)." in text
    assert "Carrying" not in said()


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.77, 0.95, "as many as they should"),
        (0.5, 0.7, "too few: they are too narrow"),
        (0.93, 1.0, "more than they need to: they are too wide"),
    ],
)
def test_intervals_are_judged_by_what_they_held(low, high, verdict):
    scores = sample_content().forecast_scores.assign(coverage_low=low, coverage_high=high)
    assert f"(95 % interval {100 * low:.0f} to {100 * high:.0f} %), {verdict}." in said(
        forecast_scores=scores
    )


def test_strata_are_named_only_where_they_differ():
    assert "no stratum stands out: the share within range lies between 71 % and 71 %" in said(
        attainment=attainment()
    )
    frame = attainment()
    frame.loc[frame["stratum"] == "WT < 1 kg", "within"] = 0.5
    assert "hardest to keep in the stratum WT < 1 kg (50 %) and easiest in" in said(attainment=frame)


def test_failures_are_never_left_out():
    many = {str(k): "the integration failed" for k in range(30)}
    text = said(failures=many)
    assert "and 18 more could not be simulated and are left out of these numbers." in text
    assert "Patient 3 could not be simulated and is left out" in said(failures={"3": "failed"})
    assert len(summarise(sample_content(failures=many))) <= 5


def test_between_three_and_five_sentences_and_none_of_them_empty():
    sentences = summarise(sample_content())
    assert 3 <= len(sentences) <= 5
    assert all(sentence.endswith(".") and "nan" not in sentence for sentence in sentences)


def test_without_numbers_nothing_is_said():
    content = sample_content()
    empty = {name: getattr(content, name).iloc[:0] for name in ("attainment", "doses", "forecast_scores")}
    assert summarise(sample_content(**empty, forecast_sentence="")) == ()


def test_a_missing_simulation_error_is_no_interval():
    text = said(attainment=attainment().assign(se=np.nan))
    assert "most often: 71 % of the time, with" in text
