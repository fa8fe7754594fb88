"""Charts of the diagnostics: what the specifications show."""

import numpy as np
import pandas as pd
import pytest
from chart_parts import rows_of, titles, values

from understudy.plot.goodness_of_fit import residual_panels, residuals
from understudy.plot.individual_fits import individual_pages
from understudy.plot.normal_quantiles import density_histogram, normal_quantiles
from understudy.plot.predictive_check import categories, numerical_check, statistics, survival
from understudy.plot.random_effects import effect_histograms, effects_against_covariates
from understudy.plot.smooth import smooth
from understudy.plot.svg import svg
from understudy.plot.vpc import vpc

WORDS = {"output": "plasma concentration", "unit": "mg/L", "time_unit": "h"}


def drawn(chart):
    """The chart as text; nothing in it is not a number."""
    text = svg(chart, name="c", title="t", description="d")
    assert "NaN" not in text
    return text


def table(n=50):
    rng = np.random.default_rng(3)
    columns = {name: rng.normal(size=n) for name in ("CWRESI", "NPDE")}
    return pd.DataFrame(
        {
            "TIME": np.arange(n),
            "TAD": np.arange(n) % 12,
            "DV": 5 + rng.random(n),
            "PRED": 5.5,
            "IPRED": 5.4,
            **columns,
        }
    )


def test_a_smooth_line_follows_a_bend_and_not_an_outlier():
    x = np.linspace(0, 10, 200)
    y = np.abs(x - 5)
    spoiled = np.where(np.isclose(x, x[20]), 1e6, y)
    at, level = smooth(x, spoiled, span=0.3)
    # A line through a third of the points rounds the corner by about a twelfth of that width, 0.25.
    np.testing.assert_allclose(level, np.abs(at - 5), atol=0.8)
    far = np.abs(at - 5) > 2
    np.testing.assert_allclose(level[far], np.abs(at - 5)[far], atol=0.02)


@pytest.mark.parametrize("n", [0, 7])
def test_too_few_points_make_no_smooth_line(n):
    assert smooth(np.arange(float(n)), np.arange(float(n)))[0].size == 0


def test_points_on_few_distinct_places_are_smoothed_without_a_warning():
    x = np.repeat([0.0, 1.0, 2.0, 24.0], 30)
    at, level = smooth(x, x * 2 + 1)
    np.testing.assert_allclose(level, at * 2 + 1, atol=1e-8)


def test_four_panels_name_predictions_residual_and_units():
    chart = residual_panels(table(), **WORDS)
    shown = titles(chart)
    assert {"Population prediction (mg/L)", "Individual prediction (mg/L)", "Time (h)"} <= shown
    assert {"Observed plasma concentration (mg/L)", "Conditional weighted residual"} <= shown
    drawn(chart)


def test_a_missing_residual_leaves_no_point_and_no_time_after_dose_no_panel():
    frame = table(20)
    frame.loc[3, "NPDE"] = np.nan
    chart = residuals(frame, **WORDS)
    assert len(rows_of(chart, "hconcat", 0, "layer", 1)) == 19
    assert len(residuals(frame.assign(TAD=np.nan), **WORDS).to_dict()["hconcat"]) == 2


def test_quantiles_lie_on_the_identity_where_residuals_are_normal():
    chart = normal_quantiles(table(200), ["NPDE"])
    dots = pd.DataFrame(rows_of(chart, "concat", 0, "layer", 2))
    band = pd.DataFrame(rows_of(chart, "concat", 0, "layer", 0))
    assert dots["y"].between(band["low"], band["high"]).mean() > 0.9
    assert np.abs(dots["x"] - dots["y"])[50:150].max() < 0.35
    drawn(chart)


def test_a_histogram_is_a_density():
    chart = density_histogram(np.random.default_rng(1).normal(size=500), 1.0, "x", width=100, height=100)
    bars = pd.DataFrame(rows_of(chart, "layer", 0))
    assert ((bars["to"] - bars["from"]) * bars["density"]).sum() == pytest.approx(1.0)


def effects():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"effect": np.repeat(["eta_CL", "eta_V"], 30), "value": rng.normal(0, 0.3, 60), "sd": 0.3}
    )
    return frame.assign(WT=np.tile(np.linspace(50, 90, 30), 2), SEX=np.tile([0.0, 1.0], 30))


def test_effects_tell_their_shrinkage_and_their_covariates_with_units():
    shrinkage = pd.DataFrame({"name": ["eta_CL", "eta_V"], "shrinkage_sd": [0.472, -0.001]})
    assert {"eta_CL, shrinkage 47 %", "eta_V, shrinkage 0 %"} <= titles(
        effect_histograms(effects(), shrinkage)
    )
    chart = effects_against_covariates(effects(), ["WT", "SEX"], {"WT": "kg"})
    assert {"WT (kg)", "SEX"} <= titles(chart)
    assert "1 (n = 15)" in drawn(chart)


def check_frame(strata=("",)):
    rows = [
        (s, t, q, 20 * q + t, 18 * q + t, 20 * q + t, 22 * q + t)
        for s in strata
        for t in (1.0, 4.0, 9.0)
        for q in (0.05, 0.5, 0.95)
    ]
    return pd.DataFrame(rows, columns=["stratum", "time", "quantile", "observed", "low", "median", "high"])


def test_strata_have_panels_of_their_own_on_common_axes():
    chart = vpc(check_frame(("B", "A")), **WORDS).to_dict()
    assert [panel["title"] for panel in chart["concat"]] == ["B", "A"]
    domains = {
        str(panel["layer"][0]["encoding"][axis]["scale"]["domain"])
        for panel in chart["concat"]
        for axis in "xy"
    }
    assert len(domains) == 2


def test_shares_below_the_limit_have_a_panel_and_ribbons_end_at_the_limit():
    frame = check_frame()
    frame.loc[0, ["observed", "low", "median"]] = np.nan
    below = pd.DataFrame({"time": [1.0, 4.0, 9.0], "side": "below", "limit": 1.2, "observed": [0.2, 0.1, 0.0],
                          "low": 0.0, "median": 0.1, "high": 0.3})  # fmt: skip
    chart = vpc(frame, censored=below, logarithmic=True, **WORDS)
    assert "Share below limit" in titles(chart)
    filled = [row for row in values(chart) if row.get("quantile") == 0.05 and row["time"] == 1.0]
    assert {row["low"] for row in filled} == {1.2}
    assert {row["observed"] for row in filled} == {None}
    drawn(chart)


def test_a_long_title_beside_a_short_axis_takes_two_lines():
    words = {**WORDS, "output": "prediction-corrected plasma concentration"}
    title = vpc(check_frame(), **words).to_dict()["layer"][0]["encoding"]["y"]["title"]
    assert title == ["Prediction-corrected plasma", "concentration (mg/L)"]


def test_pages_hold_everyone_once():
    curves = pd.DataFrame(
        {"id": list("abcde"), "time": 0.0, "median": 9.0, "lower": 8.0, "upper": 10.0, "population": 8.0}
    )
    seen = pd.DataFrame({"id": ["a"], "time": [4.0], "observed": [7.0]})
    pages = individual_pages(curves, seen, per_page=2, **WORDS)
    shown = [{row["patient"] for row in values(page)} for page in pages]
    assert shown == [{"Patient a", "Patient b"}, {"Patient c", "Patient d"}, {"Patient e"}]


def test_checks_are_drawn():
    shares = pd.DataFrame({"prediction_interval": [0.5, 0.9] * 2, "side": ["below"] * 2 + ["above"] * 2,
                           "observed": 0.2, "expected": 0.25, "low": 0.2, "high": 0.3})  # fmt: skip
    assert "Measurements above their interval" in drawn(numerical_check(shares))
    told = pd.DataFrame({"statistic": ["maximum", "area"], "observed": [5.0, 50.0], "p": [0.4, 0.01]})
    copies = pd.DataFrame({"statistic": np.repeat(["maximum", "area"], 40), "value": np.linspace(4, 60, 80)})
    text = drawn(statistics(told, copies, **WORDS))
    assert "Area, p = 0.01" in text
    assert "h·mg/L" in text
    curves = pd.DataFrame({"stratum": np.repeat(["A", "B"], 2), "time": [0.0, 1.0] * 2, "low": [1.0, 0.4] * 2,
                           "median": [1.0, 0.5] * 2, "high": [1.0, 0.6] * 2})  # fmt: skip
    seen = pd.DataFrame(
        {
            "stratum": ["A", "A", "B"],
            "time": [0.0, 1.0, 0.0],
            "survival": [1.0, 0.5, 1.0],
            "censored": [0, 1, 0],
        }
    )
    assert "Share without relapse" in drawn(survival(curves, seen, time_unit="d", event="relapse"))
    grades = pd.DataFrame({"stratum": "", "time": [1.0, 2.0] * 2, "category": [0, 0, 1, 1], "observed": 0.5, "low": 0.4,
                           "median": 0.5, "high": 0.6})  # fmt: skip
    assert "Pain score 1" in drawn(categories(grades, output="pain score", time_unit="h"))
