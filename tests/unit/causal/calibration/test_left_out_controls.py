"""The check of calibration: each control by a fit to the others."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.calibration import Controls, assess, coverage, fit_null, leave_one_out
from understudy.core.errors import DataError

RNG = np.random.default_rng(5)
ERRORS = RNG.uniform(0.05, 0.3, 40)
TABLE = Controls.of(
    [f"c{k}" for k in range(40)], RNG.normal(0.5, np.hypot(0.3, ERRORS)), ERRORS, np.zeros(40)
)


def test_each_p_is_of_a_null_without_the_control():
    found = leave_one_out(TABLE)
    for k in (0, 17):
        others = np.arange(40) != k
        null = fit_null(TABLE.log_rr[others], TABLE.standard_error[others])
        wanted = null.calibrated_p(TABLE.log_rr[k], TABLE.standard_error[k]).p
        assert found.calibrated[k] == pytest.approx(float(wanted))
    assert found.raw == pytest.approx(TABLE.p_values)


def test_a_far_control_does_not_hide_itself():
    names = [f"c{k}" for k in range(9)]
    y = np.array([0.0, 0.02, -0.02, 0.01, -0.01, 0.03, -0.03, 0.0, 2.0])
    table = Controls.of(names, y, [0.05] * 9, [0] * 9)
    with_itself = fit_null(table).calibrated_p(2.0, 0.05).p
    assert leave_one_out(table).calibrated[-1] < 1e-6 < with_itself


def test_rows_of_one_name_are_left_out_together():
    y = np.append(TABLE.log_rr, 3.0)
    table = Controls.of([*TABLE.names, "C0"], y, np.append(ERRORS, 0.1), np.zeros(41))
    others = np.array([name.lower() != "c0" for name in table.names])
    null = fit_null(table.log_rr[others], table.standard_error[others])
    assert leave_one_out(table).calibrated[-1] == pytest.approx(float(null.calibrated_p(3.0, 0.1).p))


def test_the_curve_runs_from_nothing_to_all():
    curve = leave_one_out(TABLE).curve()
    for _, rows in curve.groupby("kind"):
        assert rows["alpha"].is_monotonic_increasing
        assert rows["share"].is_monotonic_increasing
        assert rows["share"].iloc[[0, -1]].tolist() == [0, 1]


def test_coverage_counts_where_the_truth_lies():
    found = coverage(TABLE, levels=[0.95]).set_index("kind")
    z = np.abs(TABLE.log_rr / TABLE.standard_error)
    assert found.loc["raw", "within"] == pytest.approx((z <= 1.959964).mean())
    assert np.allclose(found[["below", "within", "above"]].sum(axis=1), 1.0)
    assert found.loc["calibrated", "within"] > 0.85 > found.loc["raw", "within"]


def test_coverage_of_positive_controls_is_by_true_effect():
    truth = np.tile(np.log([1.0, 2.0, 4.0]), 40)
    names = np.repeat([f"c{k}" for k in range(40)], 3)
    y = np.repeat(RNG.normal(0.3, 0.2, 40), 3) + truth + RNG.normal(0, 0.1, 120)
    found = coverage(Controls.of(names, y, np.full(120, 0.1), truth), levels=[0.95])
    assert found["true_rr"].unique().tolist() == [1.0, 2.0, 4.0]
    assert (found["controls"] == 40).all()
    assert found.query("kind == 'calibrated'")["within"].min() > 0.8


def test_one_control_cannot_be_checked():
    with pytest.raises(DataError, match="fewer than two negative controls"):
        leave_one_out(Controls.of(["a"], [0.1], [0.1], [0]))


def test_an_assessment_has_all_of_it():
    table = Controls.of(
        [*TABLE.names, "drug"], np.append(TABLE.log_rr, 1.6), np.append(ERRORS, 0.1), [*[0] * 40, np.nan]
    )
    found = assess(table)
    assert set(found.tables()) == {
        "null",
        "error_model",
        "controls",
        "leave_one_out",
        "coverage",
        "estimates",
    }
    row = found.estimates().iloc[0]
    assert row["calibrated_rr"] == pytest.approx(np.exp(1.6 - found.null.mean))
    assert row["p"] < row["calibrated_p"]
    assert "there are no positive controls" in found.notes[0]
    assert "drug: 4.95" in repr(found)


def test_one_negative_control_is_assessed_without_a_check():
    found = assess(Controls.of(["a", "drug"], [0.1, 0.5], [0.1, 0.1], [0, np.nan]))
    assert found.check is None
    assert "leave_one_out" not in found.tables()
    assert "only 1 negative control" in " ".join(found.notes)
