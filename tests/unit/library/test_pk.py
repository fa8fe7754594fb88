"""Compartmental models against what is known of them in closed form."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

from understudy.core.errors import ModelError
from understudy.engine.simulate import simulate
from understudy.library.pk import compartments
from understudy.model.model import TIME_AFTER_DOSE

ABSORPTIONS = ("iv", "first_order", "zero_order", "mixed", "lagged", "transit")
LONG = np.concatenate([np.arange(0, 24, 0.01), np.geomspace(24, 1500, 4000)])


def concentration(model, regimen, times):
    return np.ravel(simulate(model, regimen=regimen, times=times, engine="reference")["Cp"].values)


@pytest.mark.parametrize(("n", "absorption"), list(itertools.product((1, 2, 3), ABSORPTIONS)))
def test_area_under_the_curve_is_dose_over_clearance(n, absorption):
    model = compartments(n, absorption)
    fraction = 1.0 if absorption == "iv" else 0.7
    model = model if absorption == "iv" else model.with_values(F=fraction)
    area = np.trapezoid(concentration(model, "100 mg", LONG), LONG)
    # trapezoids of 0.01 h: errors of the order of 1e-4
    assert area == pytest.approx(fraction * 100 / 5.0, rel=5e-4)


def test_bolus_and_infusion_in_one_compartment():
    model, times = compartments(1, "iv"), np.array([0.5, 2.0, 9.0])
    assert concentration(model, "100 mg", times) == pytest.approx(2 * np.exp(-0.1 * times), rel=1e-8)
    after = np.minimum(times, 1.0)
    expected = 20 * (1 - np.exp(-0.1 * after)) * np.exp(-0.1 * (times - after))
    assert concentration(model, "100 mg over 1 h", times) == pytest.approx(expected, rel=1e-8)


def test_first_order_absorption_is_batemans_function():
    times = np.array([0.5, 2.0, 9.0])
    expected = 100 / 50 * 1.2 / (1.2 - 0.1) * (np.exp(-0.1 * times) - np.exp(-1.2 * times))
    assert concentration(compartments(1, "first_order"), "100 mg", times) == pytest.approx(expected, rel=1e-8)


def test_lag_shifts_the_curve():
    plain, lagged = compartments(2, "first_order"), compartments(2, "lagged")
    times = np.array([1.0, 3.0, 8.0])
    shifted = concentration(lagged, "100 mg", times + 0.5)
    assert shifted == pytest.approx(concentration(plain, "100 mg", times), rel=1e-8)


def test_zero_order_absorption_is_an_infusion_of_the_bioavailable_dose():
    oral, times = compartments(1, "zero_order").with_values(F=0.5), np.array([1.0, 4.0, 9.0])
    infused = concentration(compartments(1, "iv"), "50 mg over 3 h", times)
    assert concentration(oral, "100 mg", times) == pytest.approx(infused, rel=1e-8)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_mixed_absorption_is_the_sum_of_its_parts(n):
    times = np.array([1.0, 4.0, 9.0])
    parts = concentration(compartments(n, "first_order"), "60 mg", times) + concentration(
        compartments(n, "zero_order"), "40 mg", times
    )
    assert concentration(compartments(n, "mixed"), "100 mg", times) == pytest.approx(parts, rel=1e-8)


@pytest.mark.parametrize("n", [0.0, 0.7, 4.5, 20.1])
def test_transit_density_integrates_to_one_with_the_mean_transit_time(n):
    model = compartments(1, "transit").with_values(n=n, MTT=1.5)
    profile, values = model.inputs[0].profile, {p.name: p.value for p in model.parameters}
    density = lambda tad: float(profile.evaluate(values | {TIME_AFTER_DOSE: tad}))  # noqa: E731
    assert quad(density, 0, 60, limit=500)[0] == pytest.approx(1, rel=1e-6)
    assert quad(lambda tad: tad * density(tad), 0, 60, limit=500)[0] == pytest.approx(1.5, rel=1e-6)
    assert density(0.0) == density(-1.0) == 0.0


def test_whole_transit_compartments_are_a_chain():
    """With n = 0 the single transit compartment is a first-order step at 1 / MTT before the depot."""
    model, times = compartments(1, "transit").with_values(n=0.0, MTT=2.0), np.array([1.0, 4.0, 9.0])
    a, b, k = 0.5, 1.2, 0.1
    expected = (
        2.0
        * a
        * b
        * sum(np.exp(-x * times) / ((y - x) * (z - x)) for x, y, z in ((a, b, k), (b, a, k), (k, a, b)))
    )
    assert concentration(model, "100 mg", times) == pytest.approx(expected, rel=1e-6)


def test_michaelis_menten_area():
    """AUC of a bolus in one compartment is V / Vmax * C0 * (Km + C0 / 2)."""
    model = compartments(1, "iv", "michaelis_menten")
    area = np.trapezoid(concentration(model, "500 mg", LONG), LONG)
    assert area == pytest.approx(50 / 40 * 10 * (4 + 5), rel=5e-4)


def test_parallel_elimination_is_linear_when_far_above_or_below_saturation():
    times = np.array([1.0, 3.0, 6.0])
    low = concentration(compartments(1, "iv", "parallel"), "0.001 mg", times) / 0.001
    assert low == pytest.approx(np.exp(-(5 + 40 / 4) / 50 * times) / 50, rel=1e-4)
    high = concentration(compartments(1, "iv", "parallel"), "1000000000 mg", times) / 1e9
    assert high == pytest.approx(np.exp(-0.1 * times) / 50, rel=1e-4)


@pytest.mark.parametrize("n", [2, 3])
def test_steady_state_amounts_are_those_of_the_volumes(n):
    """At rest under an infusion every compartment holds the same concentration."""
    model = compartments(n, "iv")
    values = {p.name: p.value for p in model.parameters}
    volumes = {"central": "V1", "peripheral": "V2", "peripheral1": "V2", "peripheral2": "V3"}
    amounts = {state: 3.0 * values[volumes[state]] for state in model.state_names}
    rates = [float(rate.evaluate(values | amounts)) for rate in model.rates]
    assert rates[0] == pytest.approx(-3.0 * values["CL"])
    assert rates[1:] == pytest.approx([0.0] * (n - 1), abs=1e-12)


@pytest.mark.parametrize("unit", ["min", "day", "week"])
def test_time_unit_changes_nothing_but_the_scale(unit):
    hours = {"min": 1 / 60, "day": 24.0, "week": 168.0}[unit]
    times, model = np.array([1.0, 4.0, 9.0]), compartments(2, "mixed", time_unit=unit)
    model.check_units()
    expected = concentration(compartments(2, "mixed"), "100 mg", times)
    assert concentration(model, "100 mg", times / hours) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("absorption", ABSORPTIONS[1:])
def test_apparent_model_has_no_bioavailability_and_no_intravenous_dose(absorption):
    model = compartments(1, absorption, apparent=True)
    assert "F" not in model.parameter_names
    assert model.routes == ("oral",)
    times = np.array([1.0, 4.0])
    plain = concentration(compartments(1, absorption), "100 mg", times)
    assert concentration(model, "100 mg", times) == pytest.approx(plain, rel=1e-10)


@pytest.mark.parametrize(
    ("n", "absorption", "elimination", "unit", "what"),
    [
        (4, "iv", "linear", "h", "number of compartments 4"),
        (1, "rectal", "linear", "h", "absorption 'rectal'"),
        (1, "iv", "renal", "h", "elimination 'renal'"),
        (1, "iv", "linear", "fortnight", "time unit 'fortnight'"),
    ],
)
def test_unknown_part_is_an_error_that_lists_the_known(n, absorption, elimination, unit, what):
    with pytest.raises(ModelError, match=f"unknown {what}") as caught:
        compartments(n, absorption, elimination, unit)
    assert caught.value.repair.startswith("use one of")
