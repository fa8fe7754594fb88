"""Repeated events: intervals, mean numbers and the models of their hazards."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics import (
    andersen_gill,
    counting_process,
    cox,
    lin_wei_yang_ying,
    mean_cumulative_function,
    prentice_williams_peterson,
)
from understudy.core.errors import DataError, SimulationError

FOLLOW_UP = [10, 8, 9, 10, 7]
EVENTS = [[7, 3], [2], [5, 9], [], [1, 6.5]]
DRUG = {"drug": [0, 0, 1, 1, 0]}


@pytest.fixture(scope="module")
def process():
    return counting_process(FOLLOW_UP, EVENTS)


def test_intervals(process):
    third = process.table().query("patient == 2")
    # An event at the end of the follow-up leaves no row after it.
    assert third[["entry", "time", "event", "number"]].values.tolist() == [[0, 5, 1, 1], [5, 9, 1, 2]]
    assert process.time.sum() - process.entry.sum() == sum(FOLLOW_UP)
    assert process.event.sum() == 7


@pytest.mark.parametrize(
    ("follow_up", "events", "message"),
    [
        ([5], [[6]], "not all within its follow-up of 5"),
        ([5], [[0]], "not all within"),
        ([5], [[2, 2]], "two at one time"),
        ([0], [[]], "was not watched"),
        ([5, 6], [[2]], "1 lists of events for 2 patients"),
        ([5], [[np.nan]], "not all within"),
    ],
)
def test_impossible_events(follow_up, events, message):
    with pytest.raises(DataError, match=message):
        counting_process(follow_up, events)


def test_mean_and_its_variance_by_hand(process):
    found = mean_cumulative_function(process)
    assert found.at_risk.tolist() == [5, 5, 5, 5, 5, 5, 3]
    assert found.mean[-1] == pytest.approx(6 / 5 + 1 / 3)
    # Up to 2: parts of patients 2 and 5 are 1/5 - 2/25, of the other three -2/25.
    assert found.standard_error[1] ** 2 == pytest.approx(2 * (3 / 25) ** 2 + 3 * (2 / 25) ** 2)
    assert (found.low < found.mean).all()


def test_a_single_event_without_censoring_has_a_binomial_error():
    found = mean_cumulative_function(counting_process([9] * 4, [[1], [2], [], []]))
    assert found.mean[-1] == 0.5
    assert found.standard_error[-1] ** 2 == pytest.approx(0.5 * 0.5 / 4)
    with pytest.raises(SimulationError, match="no event"):
        mean_cumulative_function(counting_process([9], [[]]))


def test_andersen_gill_where_all_are_watched_is_a_ratio_of_numbers():
    process = counting_process([10] * 4, [[3, 7], [2], [5], []])
    assert andersen_gill(process, {"drug": [0, 0, 1, 1]}).hazard_ratios[0] == pytest.approx((1 / 2) / (3 / 2))


def test_the_models_are_coxs_with_these_rows(process):
    x = np.array(DRUG["drug"])[process.patient]
    rows = {"time": process.time, "event": process.event, "covariates": x}
    plain = cox(**rows, entry=process.entry)
    robust = cox(**rows, entry=process.entry, cluster=process.patient)
    assert andersen_gill(process, DRUG).covariance == pytest.approx(plain.covariance)
    assert lin_wei_yang_ying(process, DRUG).covariance == pytest.approx(robust.covariance)
    assert lin_wei_yang_ying(process, DRUG).clusters == 5
    first = process.number == 1
    only_first = prentice_williams_peterson(process, DRUG, at_most=1)
    assert only_first.coefficients == pytest.approx(
        cox(process.time[first], process.event[first], x[first]).coefficients
    )
    gap = prentice_williams_peterson(process, DRUG, clock="gap", ties="breslow", robust=False)
    again = cox(process.time - process.entry, process.event, x, strata=process.number, ties="breslow")
    assert gap.covariance == pytest.approx(again.covariance, nan_ok=True)
    assert gap.coefficients == pytest.approx(again.coefficients)
    with pytest.raises(SimulationError, match="total or gap"):
        prentice_williams_peterson(process, DRUG, clock="calendar")


def test_covariates_are_given_by_patient(process):
    with pytest.raises(DataError, match="has 2 elements"):
        andersen_gill(process, {"drug": [0, 1]})
    assert andersen_gill(process, np.array(DRUG["drug"]), names=["arm"]).names == ("arm",)
