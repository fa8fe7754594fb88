"""Curves with the line for lambda-z: what the specification shows."""

import pandas as pd
import pytest
from chart_parts import values

from understudy.plot.nca import terminal_slopes


def curves(outputs=("DV",)):
    rows = [
        {"id": name, "output": output, "interval": "dose 1", "time": t, "value": v, "in_slope": t > 1}
        for name in ("1", "2")
        for output in outputs
        for t, v in ((0.0, 0.0), (1.0, 8.0), (2.0, 4.0), (4.0, 1.0))
    ]
    points = pd.DataFrame(rows)
    lines = points[points["time"].isin([2.0, 4.0])].drop(columns="in_slope")
    return points, lines


def test_a_panel_a_patient_without_zeros():
    chart = terminal_slopes(*curves(), unit="mg/L", time_unit="h")
    rows = values(chart)
    assert {row["panel"] for row in rows} == {"Patient 1", "Patient 2"}
    assert min(row["value"] for row in rows) == 1.0
    assert sum(row["in_slope"] for row in rows) == 4
    assert sum(row["kind"] == "line" for row in rows) == 4
    encoding = chart.to_dict()["spec"]["layer"][0]["encoding"]
    assert encoding["y"]["scale"]["type"] == "log"


def test_panels_say_what_differs_and_only_those_chosen_are_drawn():
    chart = terminal_slopes(*curves(("cp", "met")), unit="mg/L", time_unit="h", ids=["2"])
    assert {row["panel"] for row in values(chart)} == {"Patient 2, cp", "Patient 2, met"}


@pytest.mark.parametrize("lines", [True, False])
def test_it_can_be_drawn_without_lines(lines, tmp_path):
    points, slopes = curves()
    terminal_slopes(points, slopes if lines else slopes.iloc[:0], unit="mg/L", time_unit="h").save(
        tmp_path / "nca.svg"
    )
    assert (tmp_path / "nca.svg").read_text(encoding="utf-8").startswith("<svg")
