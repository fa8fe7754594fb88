"""Target attainment, heat tables, profiles and simulated courses: what the specifications show."""

import numpy as np
import pandas as pd
import pytest
from chart_parts import titles, values

from understudy.core.result import Outcome
from understudy.plot.attainment import attainment, attainment_by_stratum
from understudy.plot.profile import courses, profile
from understudy.plot.svg import svg

TARGET = {"target": (15, 40), "unit": "mg/L"}


def shares():
    rows = [
        (source, regimen, measure, below, 0.9 - below, 0.1)
        for source in ("twins", "virtual")
        for regimen, below in (("B", 0.05), ("A", 0.3))
        for measure in ("trough", "time")
    ]
    return pd.DataFrame(rows, columns=["source", "regimen", "measure", "below", "within", "above"])


def test_bars_are_stacked_without_gaps_up_to_one():
    pieces = pd.DataFrame(values(attainment(shares(), regimens=["A", "B"], **TARGET)))
    for _, bar in pieces.groupby(["regimen", "measure"]):
        bar = bar.drop_duplicates(["zone"]).sort_values("start")
        assert bar["start"].tolist() == pytest.approx([0.0, *bar["end"].tolist()[:-1]])
        assert bar["end"].iloc[-1] == pytest.approx(1.0)


def test_zones_are_named_with_the_limits_and_the_unit():
    zones = {row["zone"] for row in values(attainment(shares(), regimens=["A", "B"], **TARGET))}
    assert zones == {"Below 15 mg/L", "Within 15 to 40 mg/L", "Above 40 mg/L"}


def test_a_share_too_small_for_its_label_has_none():
    rows = values(attainment(shares(), regimens=["A", "B"], **TARGET))
    assert {row["label"] for row in rows if row["zone"] == "Above 40 mg/L"} == {""}
    assert {row["label"] for row in rows if row["zone"] == "Within 15 to 40 mg/L"} == {"60\xa0%", "85\xa0%"}


def test_sources_and_regimens_keep_the_order_that_was_asked_for():
    chart = attainment(
        shares(), regimens=["A", "B"], sources={"virtual": "Virtual", "twins": "Twins"}, **TARGET
    )
    parts = chart.to_dict()["vconcat"]
    assert [part["title"] for part in parts] == ["Virtual", "Twins"]
    assert parts[0]["spec"]["layer"][0]["encoding"]["y"]["sort"] == ["A", "B"]


def test_long_regimens_are_wrapped_not_cut():
    sentence = "20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 10 days"
    frame = shares().assign(regimen=sentence)
    page = svg(attainment(frame, regimens=[sentence], **TARGET), name="a", title="t", description="d")
    assert "…" not in page
    assert all(word in page for word in sentence.split())


def strata(within=0.7):
    rows = [
        ("A", by, label, 40, within, 0.02)
        for by, label in (("WT", "below 1 kg"), ("WT", "1 kg and more"), ("SEX", "f"))
    ]
    return pd.DataFrame(rows, columns=["regimen", "by", "stratum", "n", "within", "se"])


def test_each_covariate_has_a_table_and_each_stratum_its_number_of_patients():
    chart = attainment_by_stratum(strata(), regimens=["A"])
    tables = chart.to_dict()["hconcat"]
    assert [table["layer"][0]["encoding"]["x"]["title"] for table in tables] == ["WT", "SEX"]
    assert {row["column"] for row in values(chart)} == {
        "below 1 kg\nn = 40",
        "1 kg and more\nn = 40",
        "f\nn = 40",
    }
    assert {row["label"] for row in values(chart)} == {"70 ± 2"}


def test_a_small_error_is_not_shown_as_zero():
    labels = {
        row["label"] for row in values(attainment_by_stratum(strata().assign(se=0.003), regimens=["A"]))
    }
    assert labels == {"70.0 ± 0.3"}
    labels = {
        row["label"] for row in values(attainment_by_stratum(strata().assign(se=np.nan), regimens=["A"]))
    }
    assert labels == {"70"}


@pytest.mark.parametrize(("within", "light"), [(0.2, False), (0.8, False), (0.95, True)])
def test_numbers_on_dark_cells_are_white(within, light):
    inks = {row["ink"] == "white" for row in values(attainment_by_stratum(strata(within), regimens=["A"]))}
    assert inks == {light}


def bands():
    parts = [
        pd.DataFrame({"regimen": r, "time": [0.0, 12.0, 24.0], "low": 8.0, "median": 10.0, "high": 14.0})
        for r in "BA"
    ]
    return pd.concat(parts, ignore_index=True)


def test_profiles_shade_the_target_only_where_there_is_one():
    words = {"output": "concentration", "unit": "mg/L", "time_unit": "h"}
    plain, shaded = profile(bands(), **words), profile(bands(), target=(9.0, 12.0), **words)
    assert {row["target_low"] for row in values(shaded)} == {9.0}
    assert len(shaded.to_dict()["spec"]["layer"]) == len(plain.to_dict()["spec"]["layer"]) + 3
    assert "Concentration (mg/L) against time (h)" in titles(plain)


def outcome(patients):
    times = np.linspace(0, 24, 4)
    level = np.arange(1.0, patients + 1)[:, None] * np.exp(-0.1 * times)
    outputs = {"C": (level, "mg/L"), "E": (level * 0 + 50, "percent")}
    return Outcome.build(range(patients), times, outputs, "h").to_frame()


def test_few_patients_are_lines_and_outputs_are_panels():
    chart = courses(outcome(3), time_unit="h")
    rows = values(chart)
    assert {row["panel"] for row in rows} == {"C (mg/L)", "E (%)"}
    assert {row["patient"] for row in rows} == {"0", "1", "2"}


def test_many_patients_are_a_median_and_an_interval():
    rows = pd.DataFrame(values(courses(outcome(101), time_unit="h", interval=0.9)))
    start = rows[(rows["panel"] == "C (mg/L)") & (rows["time"] == 0)].iloc[0]
    # patients 1 to 101 times 1 mg/L: quantiles 5, 50 and 95 % are 6, 51 and 96
    assert start[["low", "middle", "high"]].tolist() == pytest.approx([6, 51, 96])


def test_failed_patients_leave_no_line():
    frame = outcome(3)
    frame.loc[frame["patient"] == 1, "value"] = np.nan
    assert {row["patient"] for row in values(courses(frame, time_unit="h"))} == {"0", "2"}
