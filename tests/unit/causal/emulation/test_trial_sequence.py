"""Trial sequences against an expansion written out row by row."""

import numpy as np
import pandas as pd
import pytest
from course_of_treatment import course_of_treatment

from understudy.causal.emulation import person_periods, trial_sequence
from understudy.core.errors import StudyError


def expanded_by_hand(frame: pd.DataFrame, per_protocol: bool, last: float = np.inf) -> pd.DataFrame:
    """Every row of every trial, by loops."""
    rows = []
    for _, own in frame.sort_values("period").groupby("id"):
        own = own.to_dict("records")
        for at, first in enumerate(own):
            if not first["eligible"]:
                continue
            for row in own[at:]:
                time = row["period"] - first["period"]
                if time > last or (per_protocol and row["treatment"] != first["treatment"]):
                    break
                rows.append(
                    (first["period"], time, first["treatment"], row["treatment"], row["outcome"], first["x"])
                )
    names = ["trial_period", "followup_time", "assigned_treatment", "treatment", "outcome", "x"]
    return pd.DataFrame(rows, columns=names).astype(float)


@pytest.fixture(scope="module")
def frame():
    made = course_of_treatment(60, 3)[0]
    draw = np.random.default_rng(1)
    made["eligible"] = (draw.random(len(made)) < 0.6).astype(int)
    return made.sample(frac=1, random_state=2)


@pytest.mark.parametrize("per_protocol", [False, True])
@pytest.mark.parametrize("last", [None, 0, 2])
@pytest.mark.parametrize("gaps", [False, True])
def test_the_rows_are_those_of_loops(frame, per_protocol, last, gaps):
    if gaps:
        frame = frame[np.random.default_rng(5).random(len(frame)) < 0.7]
    periods = person_periods(frame, eligible="eligible", covariates=["x"], gaps="keep")
    sequence = trial_sequence(
        periods, "per protocol" if per_protocol else "intention to treat", last_follow_up=last
    )
    found = pd.concat(sequence.expanded_rows())
    wanted = expanded_by_hand(frame, per_protocol, np.inf if last is None else last)
    names = list(wanted)
    assert len(found) == len(wanted) == sequence.expanded

    def order(one):
        return one[names].astype(float).sort_values(names).to_numpy()

    np.testing.assert_array_equal(order(found), order(wanted))


def test_blocks_are_the_whole_whatever_their_size(frame):
    sequence = trial_sequence(person_periods(frame, eligible="eligible"))
    whole = np.concatenate([row for _, row in sequence.blocks()])
    for size in (1, 7, 100):
        np.testing.assert_array_equal(np.concatenate([row for _, row in sequence.blocks(size)]), whole)


def test_trials_start_between_two_periods(frame):
    sequence = trial_sequence(person_periods(frame, eligible="eligible"), first_trial=1, last_trial=2)
    assert set(sequence.periods.period[sequence.start]) == {1, 2}


def test_a_lost_period_is_left_out_on_request(frame):
    lost = frame.assign(lost=0)
    last = lost.groupby("id")["period"].transform("max") == lost["period"]
    lost.loc[last & (lost["outcome"] == 0), "lost"] = 1
    periods = person_periods(lost, eligible="eligible", censored="lost")
    kept, left = (
        trial_sequence(periods, censored_period=how) for how in ("outcome known", "outcome unknown")
    )
    ended = periods.censored[kept.last]
    assert kept.expanded - left.expanded == ended.sum()
    assert not periods.censored[left.last].any()


def test_sampled_controls_weigh_as_much_as_all(frame):
    sequence = trial_sequence(person_periods(frame, eligible="eligible"))
    one = sequence.sample_controls(0.5, 3)
    assert one.events == sequence.events
    outcome = np.concatenate([one.periods.outcome[row] for _, row in one.blocks()])
    assert (one.weight[outcome == 1] == 1).all()
    assert set(one.weight[outcome == 0]) == {0.0, 2.0}
    # 0.5 of n rows, within four standard errors.
    count = int((outcome == 0).sum())
    assert abs((one.weight[outcome == 0] > 0).sum() - count / 2) < 4 * np.sqrt(count / 4)
    np.testing.assert_array_equal(sequence.sample_controls(0.5, 3).weight, one.weight)
    assert (sequence.sample_controls(0.5, 4).weight != one.weight).any()
    with pytest.raises(StudyError, match="cannot be sampled"):
        sequence.sample_controls(0.0, 1)


def test_unknown_estimands_and_empty_arms(frame):
    periods = person_periods(frame, eligible="eligible")
    with pytest.raises(StudyError, match="unknown estimand"):
        trial_sequence(periods, "ITT")
    with pytest.raises(StudyError, match="no trial is left"):
        trial_sequence(periods, first_trial=99)


def test_small_counts_are_not_told(frame):
    few = frame[frame["id"].isin(frame["id"].unique()[:3])].assign(eligible=1)
    assert "<5 persons" in repr(trial_sequence(person_periods(few, eligible="eligible")))
