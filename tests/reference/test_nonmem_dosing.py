"""The 29 dosing scenarios that NONMEM solved, on every engine.

NONMEM's table has five significant figures: a value may be off by half of the last one, 5e-5 relative.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy.data.records import Records
from understudy.engine.parameters import parameter_rows
from understudy.engine.simulate import record_schedule
from understudy.engine.solve import solve
from understudy.model.model import Model
from understudy.model.parts import Input

FOLDER = Path(__file__).parents[3] / "shared" / "reference" / "pharmacometrics" / "nonmem_dosing"
TOLERANCE = 5e-5
ROWS = 3837

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason=f"no reference data at ../shared/reference ({FOLDER.name})"
)

MODEL = Model(
    "one compartment with a depot",
    "h",
    parameters={
        "CL": (1.1, "L/h"),
        "V": (20, "L"),
        "KA": (1.5, "1/h"),
        "LAGT": (0, "h"),
        "BIOAV": (1, "1"),
        "DUR2": (2, "h"),
        "RAT2": (10, "mg/h"),
    },
    states={"depot": "mg", "central": "mg"},
    rates={"depot": "-KA * depot", "central": "KA * depot - CL / V * central"},
    inputs=(
        Input("oral", "depot"),
        Input("iv", "central", lag="LAGT", bioavailability="BIOAV", rate="RAT2", duration="DUR2"),
    ),
    outputs={"CP": ("central / V * 1000[ug/mg]", "ug/L")},
)


@pytest.fixture(scope="module")
def records():
    return Records.read_csv(FOLDER / "records.csv", covariates=["LAGT", "BIOAV", "DUR2", "RAT2"])


@pytest.fixture(scope="module")
def nonmem():
    return pd.read_csv(FOLDER / "nonmem.csv")


def predicted(records, engine, jobs=1):
    schedule, columns = record_schedule(records, MODEL)
    return solve(schedule, parameter_rows(MODEL, schedule, columns), ["CP"], engine, jobs=jobs).outputs["CP"]


def wrong_rows(found, wanted):
    return np.flatnonzero(~(np.abs(found - wanted) <= TOLERANCE * np.abs(wanted) + 1e-9))


def test_units_of_the_model():
    MODEL.check_units()


@pytest.mark.parametrize("engine", ["closed_form", "kernel", "reference"])
def test_every_row_of_every_scenario(engine, records, nonmem):
    found = predicted(records, engine)
    wanted = nonmem["CP"].to_numpy()
    assert len(found) == len(wanted) == ROWS
    wrong = wrong_rows(found, wanted)
    assert not wrong.size, nonmem.iloc[wrong].assign(found=found[wrong]).head(20)


def test_a_planted_error_is_seen(records, nonmem):
    wanted = nonmem["CP"].to_numpy() * (1 + 3 * TOLERANCE)
    assert wrong_rows(predicted(records, "closed_form"), wanted).size > 0.9 * ROWS


def modelled(code):
    """Scenario 18 with its modelled duration, and the same dose with the modelled rate that lasts as long."""
    frame = pd.DataFrame(
        {"ID": 1, "TIME": np.arange(0.0, 60.0, 5.0), "AMT": 0.0, "CMT": 2, "RATE": 0, "DV": 1.0}
    )
    frame.loc[0, ["AMT", "RATE"]] = 100, code
    return Records.from_frame(frame.assign(LAGT=5, BIOAV=0.61, DUR2=9, RAT2=61 / 9))


@pytest.mark.parametrize("engine", ["closed_form", "kernel", "reference"])
def test_a_modelled_rate_is_a_modelled_duration_in_other_words(engine):
    by_duration, by_rate = predicted(modelled(-2), engine), predicted(modelled(-1), engine)
    assert by_duration[-1] > 0
    np.testing.assert_allclose(by_rate, by_duration, rtol=1e-7)
