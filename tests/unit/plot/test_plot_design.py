"""The chart of a design holds its curves, samples and start."""

from __future__ import annotations

import pandas as pd
from warfarin_study import STUDY, warfarin

from understudy.design import Design
from understudy.design.typical_course import typical_course
from understudy.plot.design import design_chart


def test_samples_lie_on_the_typical_course():
    curves, samples = typical_course(warfarin(), Design(STUDY))
    assert samples["time"].tolist() == list(STUDY[0]["times"])
    joined = samples.merge(curves, on=["time", "output"], suffixes=("", "_curve"))
    assert (joined["value"] == joined["value_curve"]).all()


def test_a_chart_has_curves_samples_and_start():
    curves, samples = typical_course(warfarin(), Design(STUDY))
    start = pd.DataFrame({"group": "group 1", "output": "C", "time": [1.0, 3.0]})
    chart = design_chart(curves, samples, time_unit="h", start=start).to_dict()
    kinds = pd.DataFrame(next(iter(chart["datasets"].values())))["what"].value_counts()
    assert kinds["sample"] == 8
    assert kinds["start"] == 2
    assert "C (mg/L) against time (h)" in chart["title"]
    alone = design_chart(curves, samples, time_unit="h").to_dict()
    assert "start" not in alone["title"]
