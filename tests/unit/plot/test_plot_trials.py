"""Charts of trials: axes that hold what can be drawn, and sides and shares as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from understudy.plot.forest import forest
from understudy.plot.rising_curves import rising_curves
from understudy.plot.wins import wins


def domain(chart) -> list[float]:
    return chart.to_dict()["layer"][1]["encoding"]["x"]["scale"]["domain"]


def effects(**columns) -> pd.DataFrame:
    return pd.DataFrame({"label": ["a", "b"], **columns})


def values(chart, layer: int) -> list[dict]:
    plain = chart.to_dict()
    inner = plain["layer"][layer]
    return inner["data"]["values"] if "values" in inner["data"] else plain["datasets"][inner["data"]["name"]]


def test_infinite_ratios_run_out_of_an_axis_of_those_that_are_known():
    chart = forest(
        effects(value=[np.inf, 2.0], low=[1.5, 0.5], high=[np.inf, 8.0]), measure="ratio", ratio=True
    )
    low, high = domain(chart)
    assert 0.3 < low < 0.5
    assert 8 < high < 12
    first, second = values(chart, 1)
    assert first["high"] == pytest.approx(high)
    assert first["value"] is None
    assert (second["low"], second["value"], second["high"]) == (0.5, 2.0, 8.0)


def test_ratio_of_zero_has_no_dot():
    chart = forest(effects(value=[0.0, 0.0], low=[0.0, 0.0], high=[0.2, 0.4]), measure="ratio", ratio=True)
    low, _ = domain(chart)
    assert low > 0
    assert [(row["low"], row["value"]) for row in values(chart, 1)] == [(low, None), (low, None)]


def test_effects_without_any_number_still_have_an_axis():
    chart = forest(
        effects(value=[np.inf] * 2, low=[np.nan] * 2, high=[np.nan] * 2), measure="ratio", ratio=True
    )
    assert domain(chart) == [0.5, 2.0]


def test_wins_go_to_the_right_and_losses_to_the_left():
    decided = pd.DataFrame(
        {"endpoint": ["death", "walk"], "win_share": [0.3, 0.1], "loss_share": [0.2, 0.05]}
    )
    rows = pd.DataFrame(values(wins(decided, treated="drug", control="placebo"), 0))
    assert rows.set_index(["side", "endpoint"])["at"].to_dict() == {
        ("drug better", "death"): 0.3, ("drug better", "walk"): 0.1,
        ("placebo better", "death"): -0.2, ("placebo better", "walk"): -0.05,
    }  # fmt: skip


@pytest.mark.parametrize("share", [True, False])
def test_rising_curves_have_a_percent_axis_where_they_are_shares(share):
    curves = pd.DataFrame({"arm": ["a", "a"], "time": [0.0, 3.0], "value": [0.0, 0.5], "low": [0.0, 0.2],
                           "high": [0.0, 0.8], "at_risk": [4, 4]})  # fmt: skip
    plain = rising_curves(curves, title="Events", unit="month", share=share).to_dict()
    axis = plain["vconcat"][0]["layer"][1]["encoding"]["y"]["axis"]
    assert axis.get("format") == ("%" if share else None)
