"""Forecasts that go on from the records, or put other doses in the place of theirs."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, normal_population

from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.engine.simulate import simulate
from understudy.inference.forecast import forecast
from understudy.inference.individualise import individualise
from understudy.library.catalogue import model
from understudy.model.population_model import RandomEffects

UNITS = {"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"}
DRAWS = 20


def newborn(**dose: object) -> Records:
    """A newborn's doses, 28 mg and then 3.5 mg every 12 h, and two levels."""
    first = {"TIME": 0.0, "AMT": 28.0, "EVID": 1, "II": 0.0, "ADDL": 0}
    more = {"TIME": 12.0, "AMT": 3.5, "EVID": 1, "II": 12.0, "ADDL": 4} | dose
    rows = [first, {"TIME": 2.0, "EVID": 0, "DV": 18.0}, more, {"TIME": 70.0, "EVID": 0, "DV": 26.0}]
    frame = pd.DataFrame(rows).assign(ID="n", WT=1.4, APGR=7.0).fillna({"AMT": 0.0, "II": 0.0, "ADDL": 0})
    return Records.from_frame(frame, units=UNITS)


@pytest.fixture(scope="module")
def twins():
    return individualise(model("phenobarbital_neonates"), newborn())


def simulated(twins, sentence: str, times) -> np.ndarray:
    """Levels of a regimen that begins in a patient without drug, for the same draws."""
    return forecast(twins, sentence, times, draws=DRAWS)["Cp"].values


HISTORY = "28 mg then 3.5 mg every 12 h for 5 doses"


def test_going_on_is_the_whole_course(twins):
    # The last record is at 70 h; the regimen then begins at once.
    found = forecast(twins, "5 mg every 12 h for 2 doses", [1.0, 13.0, 24.0], since="last", draws=DRAWS)
    whole = simulated(twins, f"{HISTORY} and 5 mg every 12 h for 2 doses at 70 h", [71.0, 83.0, 94.0])
    # Closed forms, summed in another order.
    np.testing.assert_allclose(found["Cp"].values, whole, rtol=1e-9)
    assert found.times.tolist() == [1.0, 13.0, 24.0]


def test_no_further_dose(twins):
    found = forecast(twins, None, [-69.0, 10.0], since="last", draws=DRAWS)
    np.testing.assert_allclose(found["Cp"].values, simulated(twins, HISTORY, [1.0, 80.0]), rtol=1e-9)


def test_the_recorded_doses_again_change_nothing(twins):
    found = forecast(twins, HISTORY, [1.0, 30.0, 80.0], since=0.0, draws=DRAWS)
    np.testing.assert_allclose(found["Cp"].values, simulated(twins, HISTORY, [1.0, 30.0, 80.0]), rtol=1e-9)


def test_what_would_have_been_under_other_doses(twins):
    """Doses from 30 h on, in the middle of the additional ones, are replaced."""
    found = forecast(twins, "10 mg every 24 h for 2 doses", [0.5, 40.0], since=30.0, draws=DRAWS)
    whole = simulated(
        twins,
        "28 mg and 3.5 mg every 12 h for 2 doses at 12 h and 10 mg every 24 h for 2 doses at 30 h",
        [30.5, 70.0],
    )
    np.testing.assert_allclose(found["Cp"].values, whole, rtol=1e-9)


def test_a_dose_of_the_very_time_is_replaced_but_one_of_the_last_record_stays(twins):
    without = forecast(twins, None, [1.0], since=24.0, draws=DRAWS)["Cp"].values
    np.testing.assert_allclose(without, simulated(twins, "28 mg and 3.5 mg at 12 h", [25.0]), rtol=1e-9)
    ended = individualise(model("phenobarbital_neonates"), newborn(ADDL=0, II=0.0, TIME=70.0))
    found = forecast(ended, None, [1.0], since="last", draws=DRAWS)["Cp"].values
    np.testing.assert_allclose(found, simulated(ended, "28 mg and 3.5 mg at 70 h", [71.0]), rtol=1e-9)


def test_doses_per_kilogram_take_the_last_weight():
    table = newborn().table.drop(columns="row").rename(columns=str.upper)
    table["WT"] = [1.4, 1.4, 1.4, 2.0]
    grown = individualise(
        model("phenobarbital_neonates"), Records.from_frame(table, units=UNITS, covariates=["WT", "APGR"])
    )
    per_kg = forecast(grown, "2 mg/kg", [1.0], since="last", draws=DRAWS)["Cp"].values
    np.testing.assert_allclose(per_kg, forecast(grown, "4 mg", [1.0], since="last", draws=DRAWS)["Cp"].values)


def test_a_trough_comes_before_the_dose(twins):
    options = {"since": "last", "draws": DRAWS}
    before = forecast(twins, "50 mg", [0.0], before_dose=True, **options)["Cp"].values
    after = forecast(twins, "50 mg", [0.0], **options)["Cp"].values
    assert (after > before + 10).all()
    np.testing.assert_allclose(before, simulated(twins, HISTORY, [70.0]), rtol=1e-9)


def test_other_units_of_dose_and_open_ends(twins):
    milligrams = forecast(twins, "5 mg every 12 h", [30.0], since="last", draws=DRAWS)["Cp"].values
    grams = forecast(twins, "0.005 g every 0.5 d", [30.0], since="last", draws=DRAWS)["Cp"].values
    np.testing.assert_allclose(grams, milligrams, rtol=1e-12)


def test_measurements_scatter(twins):
    true = forecast(twins, None, [1.0, 9.0], since="last", draws=4000)["Cp"].values
    seen = forecast(twins, None, [1.0, 9.0], since="last", draws=4000, measured=True)["Cp"].values
    wanted = np.sqrt(twins.model.fixed_values["sigma2"])
    ratio = (seen / true - 1).std(axis=2)
    np.testing.assert_allclose(ratio, wanted, rtol=0.05)
    # Two times scatter independently.
    noise = (seen / true - 1)[0]
    assert abs(np.corrcoef(noise)[0, 1]) < 4 / np.sqrt(4000)


def test_default_times_are_those_of_the_regimen(twins):
    found = forecast(twins, "5 mg every 12 h for 2 doses", since="last", draws=2)
    wanted = simulate(twins.model, twins.draws(2, 0), "5 mg every 12 h for 2 doses")
    np.testing.assert_array_equal(found.times, wanted.times)


def test_an_occasion_to_come_is_drawn_from_the_population():
    kappa = RandomEffects(("kappa",), ((0.5,),), level="occasion")
    population = normal_population(
        individual={"base": "theta + eta + kappa"}, random=(RandomEffects(("eta",), ((OMEGA,),)), kappa)
    )
    rows = {"ID": ["a", "a", "b"], "TIME": [1.0, 2.0, 1.0], "DV": [5.5, 6.0, 4.0], "OCC": [1, 2, 1]}
    twins = individualise(population, Records.from_frame(pd.DataFrame(rows)))
    ahead = forecast(twins, None, [1.0], since="last", draws=20_000)["y"].values[:, 0]
    alone = forecast(twins, None, [1.0], draws=20_000)["y"].values[:, 0]
    np.testing.assert_allclose(ahead.var(axis=1), alone.var(axis=1), rtol=0.06)
    np.testing.assert_allclose(ahead.mean(axis=1), alone.mean(axis=1), atol=0.04)
    # A past occasion is known: less is open there.
    past = forecast(twins, None, [0.5], since=1.0, draws=20_000)["y"].values[:1, 0]
    assert past.var() < 0.8 * ahead[0].var()


def test_undefined_levels_are_a_failure_of_that_patient():
    population = normal_population(
        individual={"base": "where(BAD > 0, log(-1), theta + eta)"}, covariates={"BAD": "1"}
    )
    frame = pd.DataFrame({"ID": ["a", "b"], "TIME": 1.0, "DV": 5.0, "BAD": [0, 1]})
    found = forecast(individualise(population, Records.from_frame(frame)), None, [1.0], since="last", draws=3)
    assert list(found.failures) == ["b"]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"since": "now"}, '"last"'), ({"since": np.nan}, '"last"'), ({"times": None}, "when")],
)
def test_impossible_questions(twins, options, words):
    given = {"times": [1.0], "since": "last", "draws": 2} | options
    with pytest.raises(SimulationError, match=words):
        forecast(twins, None, given.pop("times"), **given)
