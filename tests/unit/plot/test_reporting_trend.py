"""The chart of a pair's course: its layers, what is hidden, and where it changes."""

import pandas as pd

from understudy.plot.reporting_trend import reporting_trend

ROWS = pd.DataFrame(
    {
        "period": ["2021Q1", "2021Q2", "2021Q3"],
        "n": [7, None, 9],
        "ror": [2.0, None, 3.0],
        "ror_low": [1.0, None, 1.5],
        "ror_high": [4.0, None, 6.0],
        "ror_so_far": [2.0, None, 2.6],
        "ror_so_far_low": [1.0, None, 1.6],
        "ror_so_far_high": [4.0, None, 4.2],
    }
)


def test_hidden_periods_are_marked():
    chart = reporting_trend(ROWS).to_dict()
    bars, words = (chart["datasets"][each["data"]["name"]] for each in chart["vconcat"][1]["layer"])
    assert [row["n"] for row in bars] == [7, None, 9]
    assert [(row["period"], row["text"]) for row in words] == [("2021Q2", "<5")]


def test_a_change_is_a_line_if_its_period_is_shown():
    assert len(reporting_trend(ROWS, change="2021Q2").vconcat[0].layer) == 6
    assert len(reporting_trend(ROWS, change="1999Q1").vconcat[0].layer) == 5


def test_nothing_hidden_has_bars_alone():
    assert "layer" not in reporting_trend(ROWS.dropna()).to_dict()["vconcat"][1]
