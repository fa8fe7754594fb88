"""Goodness of fit, visual predictive check, individual fits and forecast: what the specifications show."""

import numpy as np
import pandas as pd
import pytest
from chart_parts import rows_of, titles, values

from understudy.plot.forecast import forecast
from understudy.plot.goodness_of_fit import goodness_of_fit, trend
from understudy.plot.individual_fits import individual_fits
from understudy.plot.svg import svg
from understudy.plot.vpc import vpc

WORDS = {"output": "plasma concentration", "unit": "mg/L", "time_unit": "h"}


def observations(n=60, span=3.0, seed=4):
    rng = np.random.default_rng(seed)
    individual = np.exp(rng.uniform(0, np.log(span), n)) * 10
    iwres = rng.normal(size=n)
    return pd.DataFrame(
        {
            "id": np.arange(n) // 3,
            "time": rng.uniform(0, 100, n),
            "observed": individual * (1 + 0.1 * iwres),
            "population": individual * np.exp(rng.normal(0, 0.2, n)),
            "individual": individual,
            "iwres": iwres,
        }
    )


def scales(chart):
    """Types of the scales of the upper left panel."""
    encoding = chart.to_dict()["vconcat"][0]["hconcat"][0]["layer"][0]["encoding"]
    return {axis: encoding[axis]["scale"] for axis in "xy"}


def test_observed_and_predicted_share_one_scale_so_that_the_diagonal_is_identity():
    scale = scales(goodness_of_fit(observations(), **WORDS))
    assert scale["x"] == scale["y"]
    assert "type" not in scale["x"]
    assert scale["x"]["domain"][0] == 0


def test_values_over_decades_get_logarithmic_axes_unless_one_is_zero():
    wide = observations(span=500.0)
    assert scales(goodness_of_fit(wide, **WORDS))["x"]["type"] == "log"
    wide.loc[0, "observed"] = 0.0
    assert "type" not in scales(goodness_of_fit(wide, **WORDS))["x"]


def test_negative_values_stay_on_the_chart():
    frame = observations().assign(observed=lambda f: f["observed"] - 25)
    assert scales(goodness_of_fit(frame, **WORDS))["y"]["domain"][0] < frame["observed"].min()


def test_axes_have_units():
    shown = titles(goodness_of_fit(observations(), **WORDS))
    assert {"Observed plasma concentration (mg/L)", "Individual prediction (mg/L)", "Time (h)"} <= shown


def test_missing_observations_leave_no_point():
    frame = observations(12)
    frame.loc[3, "observed"] = np.nan
    chart = goodness_of_fit(frame, **WORDS)
    assert len(rows_of(chart, "vconcat", 0, "hconcat", 0, "layer", 1)) == 11
    assert svg(chart, name="g", title="t", description="d").count("NaN") == 0


def test_many_observations_are_thinned():
    chart = goodness_of_fit(observations(9000), **WORDS)
    assert len(rows_of(chart, "vconcat", 0, "hconcat", 0, "layer", 1)) == 4000


def test_the_trend_is_the_median_of_equal_groups_in_order_of_x():
    x = np.array([5.0, 1, 3, 2, 4, 6, 7, 8, 9, 10, 11, 12])
    y = x * 2
    y[x == 12] = 1e9  # an outlier does not move a median
    middle, level = trend(x, y)
    assert middle.tolist() == [3.5, 9.5]
    assert level.tolist() == [7.0, 19.0]


@pytest.mark.parametrize("n", [0, 5, 11])
def test_too_few_points_make_no_trend(n):
    assert trend(np.arange(float(n)), np.arange(float(n)))[0].size == 0


def check_frame():
    rows = [
        (t, q, 20 * q + t, 18 * q + t, 20 * q + t, 22 * q + t)
        for t in (1.0, 9.0, 4.0)
        for q in (0.05, 0.5, 0.95)
    ]
    return pd.DataFrame(rows, columns=["time", "quantile", "observed", "low", "median", "high"])


def test_the_predictive_check_shows_each_quantile_in_order_of_time():
    rows = [row for row in values(vpc(check_frame(), **WORDS)) if row.get("quantile") == 0.5]
    assert [row["time"] for row in rows[:3]] == [1.0, 4.0, 9.0]
    assert {row["label"] for row in rows} == {"50 %"}


def test_the_predictive_check_shows_the_observations_where_given():
    frame = observations(7)
    with_points = vpc(check_frame(), observations=frame, **WORDS)
    shown = [row["observed"] for row in values(with_points) if "label" not in row]
    assert shown == pytest.approx(frame["observed"].tolist())


def curves(ids):
    time = np.linspace(0, 24, 5)
    parts = [
        pd.DataFrame({"id": k, "time": time, "median": 9.0, "lower": 8.0, "upper": 10.0, "population": 7.0})
        for k in ids
    ]
    return pd.concat(parts, ignore_index=True)


def test_only_the_chosen_patients_are_shown_in_their_order():
    seen = pd.DataFrame({"id": ["c", "a", "b"], "time": 3.0, "observed": 9.5})
    chart = individual_fits(curves(["a", "b", "c"]), seen, ids=["c", "a"], **WORDS)
    assert chart.to_dict()["facet"]["sort"] == ["Patient c", "Patient a"]
    assert {row["patient"] for row in values(chart)} == {"Patient a", "Patient c"}
    assert sum(row["kind"] == "observed" for row in values(chart)) == 2


def test_panels_too_small_for_axis_titles_have_one_heading_with_units():
    seen = pd.DataFrame({"id": ["a"], "time": 3.0, "observed": 9.5})
    assert "Plasma concentration (mg/L) against time (h)" in titles(
        individual_fits(curves(["a"]), seen, **WORDS)
    )


def test_a_patient_without_observations_still_has_a_panel():
    seen = pd.DataFrame({"id": ["a"], "time": [3.0], "observed": [9.5]})
    page = svg(individual_fits(curves(["a", "b"]), seen, **WORDS), name="f", title="t", description="d")
    assert "Patient b" in page


def held_back(n=20):
    rng = np.random.default_rng(1)
    observed = rng.uniform(10, 40, n)
    return pd.DataFrame(
        {
            "observed": observed,
            "individual": observed + 1,
            "individual_lower": observed - 4,
            "individual_upper": observed + 6,
            "population": observed - 3,
            "population_lower": observed - 14,
            "population_upper": observed + 60,
            "previous": np.nan,
        }
    )


def test_a_method_without_values_has_no_panel_and_axes_hold_every_interval():
    chart = forecast(held_back(), output="level", unit="mg/L")
    panels = chart.to_dict()["hconcat"]
    assert [panel["title"] for panel in panels] == [
        "From the patient's earlier levels",
        "From the population alone",
    ]
    domains = [panel["layer"][2]["encoding"]["y"]["scale"]["domain"] for panel in panels]
    assert domains[0] == domains[1]
    assert domains[0][1] > held_back()["population_upper"].max()


def test_a_method_without_intervals_has_points_only():
    chart = forecast(held_back().assign(previous=20.0), output="level", unit="mg/L")
    assert rows_of(chart, "hconcat", 2, "layer", 1) == []
    assert len(rows_of(chart, "hconcat", 2, "layer", 2)) == 20
