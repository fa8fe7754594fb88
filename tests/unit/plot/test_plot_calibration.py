"""Charts of calibration: what is drawn is what was computed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from chart_parts import rows_of

from understudy.plot.calibration_effect import calibration_effect
from understudy.plot.p_value_calibration import p_value_calibration

POINTS = pd.DataFrame(
    {
        "kind": ["negative control"] * 2 + ["of interest"],
        "log_rr": [0.1, 0.6, 1.2],
        "standard_error": [0.1, 0.4, 0.2],
    }
)


def _values(chart, k):
    return pd.DataFrame(rows_of(chart, "layer", k))


def test_the_areas_begin_where_p_is_a_twentieth():
    chart = calibration_effect(POINTS, mean=0.3, sd=0.2)
    rows = _values(chart, 0)
    row = rows.iloc[(rows["standard_error"] - 0.2).abs().argmin()]
    reach = 1.959964 * np.hypot(0.2, row["standard_error"])
    assert np.log([row["low"], row["high"]]) == pytest.approx([0.3 - reach, 0.3 + reach], abs=1e-6)


def test_the_dashed_lines_are_those_of_no_calibration():
    chart = calibration_effect(POINTS, mean=0.3, sd=0.2)
    for k, side in ((2, -1), (3, 1)):
        rows = _values(chart, k)
        assert np.allclose(np.log(rows["rr"]), side * 1.959964 * rows["standard_error"], atol=1e-6)


def test_every_estimate_is_a_point_within_the_axes():
    far = pd.concat(
        [POINTS, pd.DataFrame({"kind": ["negative control"], "log_rr": [2.8], "standard_error": [2.0]})]
    )
    chart = calibration_effect(far, mean=0.3, sd=0.2)
    rows = _values(chart, 5)
    assert np.allclose(np.log(rows["rr"]), far["log_rr"])
    domain = chart.to_dict()["layer"][5]["encoding"]["x"]["scale"]["domain"]
    assert domain[0] < rows["rr"].min() < rows["rr"].max() < domain[1]


def test_the_curve_is_drawn_in_steps_beside_the_diagonal():
    curve = pd.DataFrame(
        {"kind": ["raw"] * 3 + ["calibrated"] * 3, "alpha": [0, 0.01, 1] * 2, "share": [0, 1, 1] * 2}
    )
    chart = p_value_calibration(curve)
    assert chart.to_dict()["layer"][2]["mark"]["interpolate"] == "step-after"
    assert rows_of(chart, "layer", 0) == [{"alpha": 0.0, "share": 0.0}, {"alpha": 1.0, "share": 1.0}]
