"""next_sample: exact where densities are normal; sensible where kinetics say what to expect."""

import numpy as np
import pytest
from normal_model import OMEGA, SIGMA2, measured, normal_population
from test_choose_dose import population, records

from understudy.core.errors import SimulationError
from understudy.inference.individualise import individualise
from understudy.inference.twins.next_sample import next_sample
from understudy.model.population_model import Residual

DRAWS = 2000


@pytest.fixture(scope="module")
def twins():
    return individualise(normal_population(), measured({"a": [5.5, 6.1], "b": [3.0]}))


@pytest.mark.parametrize(("patient", "count"), [("a", 2), ("b", 1)])
def test_the_reduction_is_exact(twins, patient, count):
    row = next_sample(twins, [1.0], "base", draws=DRAWS).set_index("patient").loc[patient]
    before = 1 / (1 / OMEGA + count / SIGMA2)
    after = 1 / (1 / before + 1 / SIGMA2)
    # A variance of 2,000 draws has an error of 3 %.
    assert row["sd"] ** 2 == pytest.approx(before, rel=4 * np.sqrt(2 / DRAWS))
    assert row["sd_expected"] ** 2 == pytest.approx(after, rel=4 * np.sqrt(2 / DRAWS))
    assert row["reduction"] == pytest.approx(1 - after / before, abs=0.02)
    assert row["information"] == pytest.approx(0.5 * np.log(1 + before / SIGMA2), abs=0.05)


def test_a_residual_on_the_logarithm():
    model = normal_population(
        individual={"base": "theta * exp(eta)"}, residual=(Residual("y", str(SIGMA2), scale="log"),)
    )
    found = next_sample(individualise(model, measured({"a": [5.0]})), [1.0], "eta", draws=DRAWS).iloc[0]
    before = 1 / (1 / OMEGA + 1 / SIGMA2)
    assert found["reduction"] == pytest.approx(1 - 1 / (1 + before / SIGMA2), abs=0.02)


def test_clearance_is_seen_after_a_while():
    """Of a known volume: just after the dose a level tells nothing of clearance, later ones ever more."""
    plan = next_sample(
        individualise(population(), records()), [0.0, 4.0, 20.0], "CL", since=0.0, regimen="100 mg"
    )
    for patient in ("a", "b"):
        own = plan[plan["patient"] == patient]
        assert own["time"].tolist() == [20.0, 4.0, 0.0]
        assert own["rank"].tolist() == [1, 2, 3]
        # Before the dose there is no drug, nor any scatter: nothing can be learnt.
        assert own["reduction"].iloc[-1] == 0.0
        assert own["information"].iloc[-1] == 0.0


def test_an_outputs_level_at_a_time():
    twins = individualise(population(), records())
    plan = next_sample(twins, [2.0, 23.0], "Cp", at=24.0, since=0.0, regimen="100 mg", draws=300).set_index(
        "time"
    )
    first = plan[plan["patient"] == "a"]
    assert first.loc[23.0, "reduction"] > 0.9
    assert first.loc[23.0, "reduction"] > first.loc[2.0, "reduction"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quantity": "V"}, "base, eta, y, twice"),
        ({"quantity": "y"}, "at=24"),
        ({"times": []}, "no list of numbers"),
    ],
)
def test_impossible_questions(twins, options, words):
    given = {"times": [1.0], "quantity": "base"} | options
    with pytest.raises(SimulationError, match=words):
        next_sample(twins, **given)


def test_the_mode_alone_has_nothing_to_narrow():
    with pytest.raises(SimulationError, match="no spread"):
        next_sample(individualise(normal_population(), measured({"a": [5.0]}), method="map"), [1.0], "base")
