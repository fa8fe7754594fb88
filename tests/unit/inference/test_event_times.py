"""Times of events have the distribution that their hazard gives, and the likelihood finds it again."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import kstest

from understudy.core.errors import ModelError, SimulationError
from understudy.data.records import Records
from understudy.inference.event_times import simulate_events
from understudy.inference.likelihood import Likelihood
from understudy.inference.predictor import Predictor
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

# Weibull's hazard, with shape 2.
BASE = Model(
    "weibull", "d", {"scale": (10.0, "d")}, {"H": "1"}, {"H": "2 * t / scale ** 2"},
    outputs={"event": ("H", "1"), "falling": ("-H", "1")},
)  # fmt: skip
HAZARD = {"hazard": "2 * where(TIME > 0, TIME, 1) / scale ** 2"}


def population(**changes) -> PopulationModel:
    parts = {
        "name": "weibull", "structural": BASE, "individual": {"scale": "theta"}, "fixed": {"theta": (10.0, "d")},
        "distributions": {"event": ("time_to_event", HAZARD)}, "covariates": {"TIME": "d"},
    }  # fmt: skip
    return PopulationModel(**parts | changes)


def patients(count: int) -> pd.DataFrame:
    return pd.DataFrame({"TIME": np.ones(count)}, index=range(1, count + 1))


def test_first_events_follow_weibulls_distribution():
    found = simulate_events(population(), patients(1500), until=200.0, points=2001, seed=3)
    times = found["TIME"][found["DV"] == 1]
    assert len(times) == 1500
    assert len(found) == 3000
    # p is uniform under the hypothesis: one in a thousand.
    assert kstest(times, lambda t: 1 - np.exp(-((t / 10.0) ** 2))).pvalue > 1e-3


def test_repeated_events_come_as_often_as_the_cumulative_hazard_says():
    found = simulate_events(population(), patients(400), until=30.0, repeated=True, seed=5)
    counts = found[found["DV"] == 1].groupby("ID").size()
    # Nine a patient; the standard error of the mean is 0.15.
    assert counts.sum() / 400 == pytest.approx(9.0, abs=0.6)
    assert (found.groupby("ID")["TIME"].max() == 30.0).all()


def test_the_likelihood_finds_the_scale_again():
    model = population()
    frame = simulate_events(model, patients(500), until=12.0, seed=7)
    frame["TIME_"] = frame["TIME"]
    data = Records.from_frame(frame.rename(columns={"TIME_": "time_of"}), covariates=["time_of"])
    renamed = population(
        covariates={"time_of": "d"},
        distributions={"event": ("time_to_event", {"hazard": "2 * time_of / scale ** 2"})},
    )
    predictor = Predictor(renamed, data)
    zero = np.zeros((1, 500, 0))
    found = minimize_scalar(
        lambda theta: float(Likelihood(predictor, np.array([theta])).value(zero).sum()),
        bounds=(5, 20),
        method="bounded",
    )
    # Closed form of the maximum: scale ** 2 is the sum of squared times over the number of events.
    wanted = np.sqrt((frame["TIME"] ** 2).sum() / frame["DV"].sum())
    assert found.x == pytest.approx(wanted, rel=1e-4)
    # Its standard error is 10 / (2 sqrt(events)).
    assert wanted == pytest.approx(10.0, abs=4 * 10 / 2 / np.sqrt(frame["DV"].sum()))


def test_an_event_without_a_time_at_risk_is_refused():
    frame = simulate_events(population(), patients(5), until=12.0, seed=7)
    alone = Records.from_frame(frame[frame["EVID"] == 0].assign(TIME_=1.0), covariates=["TIME_"])
    model = population(
        covariates={}, distributions={"event": ("time_to_event", {"hazard": "2 / scale ** 2"})}
    )
    with pytest.raises(SimulationError, match="without a time at risk"):
        Predictor(model, alone)


def test_what_is_no_cumulative_hazard_is_refused():
    falling = population(distributions={"falling": ("time_to_event", {"hazard": "1"})})
    with pytest.raises(SimulationError, match="no cumulative hazard"):
        simulate_events(falling, patients(2), until=5.0)
    with pytest.raises(ModelError, match="which events"):
        simulate_events(PopulationModel("none", BASE), until=5.0)
