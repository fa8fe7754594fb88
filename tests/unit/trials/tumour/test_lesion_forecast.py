"""Forecasts of lesions from first visits: patients simulated by the model that is fitted."""

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import DataError
from understudy.core.random import normals
from understudy.trials.tumour import forecast_lesions, read_lesions


def simulated(patients: int = 60):
    """Courses with a strong trend, so that a level carried forward is a bad forecast."""
    weeks = np.arange(0, 40, 6.0)
    drawn = normals(1, "lesions", np.arange(patients), 3 + len(weeks))
    start = 30 * np.exp(0.5 * drawn[:, :1])
    growth, kill = 0.03 + 0.01 * drawn[:, 1:2], 0.02 + 0.01 * drawn[:, 2:3]
    size = start * np.exp(growth * weeks - kill / 0.07 * (1 - np.exp(-0.07 * weeks)) + 0.05 * drawn[:, 3:])
    rows = [
        (f"p{k:02d}", 7 * week, mm) for k in range(patients) for week, mm in zip(weeks, size[k], strict=True)
    ]
    return read_lesions(pd.DataFrame(rows, columns=["patient", "day", "size"]))


def test_a_trend_is_forecast_better_than_by_the_last_size():
    found = forecast_lesions(simulated(), folds=2, draws=200)
    scores = found.scores.set_index("method")
    assert scores.loc["twin", "high"] < 0
    assert found.sentence("twin").startswith("The twin was better")
    # 240 sizes, dependent within patients: three standard errors of about 0.03.
    assert found.coverage == pytest.approx(0.9, abs=0.1)
    assert len(found.table) == 60 * 4
    assert set(found.table["fold"]) == {0, 1}
    assert all(0 <= weight <= 1 for weight in found.weights)


def test_too_few_patients_are_refused():
    with pytest.raises(DataError, match="60 patients with 5 visits"):
        forecast_lesions(simulated(), folds=40)
    with pytest.raises(DataError, match="5 seen"):
        forecast_lesions(simulated(), seen=5)
