"""Regimens: order, open ends, and the dose records they become."""

from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import RegimenError, UnderstudyError
from understudy.model.dose import Dose
from understudy.model.regimen import Regimen

NEWBORNS = pd.DataFrame({"WT": [1.4, 0.9, 3.6], "BSA": [0.12, 0.1, 0.22]}, index=["1", "4", "9"])
SENTENCE = "20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 10 days"


def test_weight_based_doses_are_exact():
    events = Regimen.parse(SENTENCE).events(NEWBORNS)
    expected = pd.DataFrame(
        {
            "id": ["1", "1", "4", "4", "9", "9"],
            "time": [0.0, 12.0] * 3,
            "amt": [20 * 1.4, 2.5 * 1.4, 20 * 0.9, 2.5 * 0.9, 20 * 3.6, 2.5 * 3.6],
            "unit": ["mg"] * 6,
            "rate": [40 * 1.4, 0.0, 40 * 0.9, 0.0, 40 * 3.6, 0.0],
            "ii": [0.0, 12.0] * 3,
            "addl": [0, 19] * 3,
            "ss": [0] * 6,
            "route": [""] * 6,
        }
    )
    pd.testing.assert_frame_equal(events, expected, check_exact=True)


def test_surface_and_flat_doses_side_by_side():
    events = Regimen.parse("100 mg/m2 iv over 2 h and 5 mg oral").events(NEWBORNS)
    by_surface = events[events.route == "iv"]
    np.testing.assert_array_equal(by_surface.amt, 100 * NEWBORNS.BSA.to_numpy())
    np.testing.assert_array_equal(by_surface.rate, 50 * NEWBORNS.BSA.to_numpy())
    assert set(events[events.route == "oral"].amt) == {5.0}


def test_flat_doses_need_no_covariates():
    events = Regimen.parse("5 mg q8h x 3").events(pd.DataFrame(index=[7, 8]))
    assert events.id.tolist() == ["7", "8"]
    assert events.addl.tolist() == [2, 2]


def test_records_of_a_patient_are_in_order_of_time():
    events = Regimen.parse("5 mg at 24 h and 7 mg at 0 h").events(NEWBORNS)
    assert events.groupby("id").time.apply(lambda t: t.is_monotonic_increasing).all()


def test_steady_state_records():
    events = Regimen.parse("100 mg every 24 h for 5 doses ss").events(NEWBORNS.iloc[:1])
    assert events[["ii", "addl", "ss"]].to_numpy().tolist() == [[24, 4, 1]]


def test_a_running_infusion_at_steady_state_goes_on():
    events = Regimen.parse("at 10 mg/kg/h at steady state").events(NEWBORNS.iloc[:1], until=48)
    assert events[["time", "amt", "rate", "ii", "addl", "ss"]].to_numpy().tolist() == [
        [0, 0, 14, 0, 0, 1],
        [0, 10 * 48 * 1.4, 14, 0, 0, 0],
    ]


def test_open_ends_need_until():
    regimen = Regimen.parse("100 mg every 24 h for 7 doses then 50 mg every 12 h")
    assert regimen.end == math.inf
    with pytest.raises(RegimenError, match="open-ended") as caught:
        regimen.events(NEWBORNS)
    assert "until" in caught.value.repair
    with pytest.raises(RegimenError, match="open-ended"):
        regimen.dose_times()
    events = regimen.events(NEWBORNS, until=192)
    assert events.addl.tolist() == [6, 1] * 3
    np.testing.assert_array_equal(regimen.dose_times(192), [*range(0, 168, 24), 168, 180])


def test_expand_leaves_closed_lines_and_drops_later_open_ones():
    regimen = Regimen.parse("100 mg every 24 h for 7 doses then 50 mg every 12 h")
    assert regimen.expand(168) == Regimen.parse("100 mg every 24 h for 7 doses")
    assert not regimen.expand(200).is_open


def test_then_joins_regimens_like_the_word():
    first, second = "100 mg every 24 h for 7 doses", "50 mg every 12 h"
    joined = Regimen.parse(first).then(Regimen.parse(second))
    assert joined == Regimen.parse(f"{first} then {second}")
    in_days = Regimen.parse(first).then(Regimen.parse(second, "d"))
    assert in_days == joined
    nothing = Regimen(())
    assert nothing.then(joined) == joined.then(nothing) == joined


def test_no_treatment_is_a_regimen():
    placebo = Regimen.parse("no dose")
    assert placebo == Regimen()
    assert (str(placebo), placebo.end) == ("no dose", 0)
    assert placebo.dose_times().shape == (0,)
    events = placebo.events(NEWBORNS)
    assert len(events) == 0
    assert list(events.columns) == ["id", "time", "amt", "unit", "rate", "ii", "addl", "ss", "route"]


def test_time_units_change_nothing_but_the_numbers():
    regimen = Regimen.parse(SENTENCE)
    in_days = regimen.in_time_unit("d")
    assert in_days.end == regimen.end / 24
    np.testing.assert_allclose(in_days.dose_times() * 24, regimen.dose_times(), rtol=1e-14)
    back = in_days.in_time_unit("h")
    assert [dose.amount for dose in back.doses] == [20, 2.5]


def test_equal_regimens_have_equal_hashes():
    assert Regimen.parse("1 g q12h x 3").hash == Regimen.parse("1 g bid for 36 h").hash
    assert Regimen.parse("1 g q12h x 3").hash != Regimen.parse("1 g q12h x 4").hash
    assert len({Regimen.parse("1 g"), Regimen((Dose(amount=1, unit="g"),))}) == 1


def test_json_with_an_unknown_field_is_refused():
    with pytest.raises(UnderstudyError, match="no field"):
        Regimen.from_json({"doses": [], "hours": 1})


def test_patients_without_weight_are_named():
    weights = pd.DataFrame({"WT": [1.4, np.nan, 0.0, -2.0, np.inf]}, index=list("abcde"))
    with pytest.raises(RegimenError, match="WT is missing or not above 0") as caught:
        Regimen.parse("5 mg/kg").events(weights)
    assert caught.value.place == "patients b, c, d, e"


def test_many_patients_without_weight_are_counted():
    weights = pd.DataFrame({"WT": np.full(25, np.nan)})
    with pytest.raises(RegimenError) as caught:
        Regimen.parse("5 mg/kg").events(weights)
    assert caught.value.place.endswith("9 and 15 more")


def test_a_missing_size_column_is_named():
    with pytest.raises(RegimenError, match="no column 'BSA'") as caught:
        Regimen.parse("5 mg/m2").events(NEWBORNS[["WT"]])
    assert "surface=" in caught.value.repair
    named = Regimen.parse("5 mg/kg").events(NEWBORNS.rename(columns={"WT": "weight"}), weight="weight")
    np.testing.assert_array_equal(named.amt, 5 * NEWBORNS.WT)


def test_a_patient_twice_is_refused():
    with pytest.raises(RegimenError, match="occur twice: 1"):
        Regimen.parse("5 mg").events(NEWBORNS.rename(index={"4": "1"}))


def test_a_hundred_thousand_patients_are_dosed_quickly():
    weights = pd.DataFrame({"WT": np.linspace(0.5, 120, 100_000)})
    regimen = Regimen.parse("20 mg/kg then 5 mg/kg q12h x 4 and 10 mg q24h x 2 then 1 mg/kg/h")
    start = time.process_time()
    events = regimen.events(weights, until=96)
    assert time.process_time() - start < 1  # CPU seconds, measured 0.06
    assert len(events) == 400_000
