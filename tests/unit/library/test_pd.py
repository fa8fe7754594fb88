"""Pharmacodynamic models against their known behaviour."""

import numpy as np
import pytest

from understudy.core.errors import ModelError
from understudy.engine.simulate import simulate
from understudy.library import pd, pk
from understudy.library.catalogue import model


def run(name_or_model, regimen, times, **values):
    found = model(name_or_model) if isinstance(name_or_model, str) else name_or_model
    return simulate(found.with_values(**values), regimen=regimen, times=times, engine="reference")


def series(outcome, name):
    return np.ravel(outcome[name].values)


@pytest.mark.parametrize("sigmoid", [False, True])
def test_direct_effect_is_half_of_emax_at_ec50(sigmoid):
    found = pd.direct_effect(pk.compartments(1, "iv"), sigmoid).with_values(EC50=2.0)
    first = run(found, "100 mg", [0.0])
    assert series(first, "Cp") == pytest.approx([2.0])
    assert series(first, "E") == pytest.approx([20 + 80 / 2])


def test_effect_site_meets_plasma_at_rest_and_follows_it_after():
    found = pd.effect_compartment(pk.compartments(1, "iv"))
    late = run(found, "1000 mg over 200 h", [199.0])
    at_rest = 20 + 80 * series(late, "Cp") / (0.8 + series(late, "Cp"))
    assert series(late, "E") == pytest.approx(at_rest, rel=1e-6)
    times = np.arange(0.1, 24, 0.1)
    assert times[series(run(found, "100 mg", times), "E").argmax()] == pytest.approx(
        np.log(0.3 / 0.1) / (0.3 - 0.1), abs=0.1
    )


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_indirect_response_stays_at_baseline_without_drug(number):
    still = run(f"indirect_response_{number}", "no dose", [1.0, 50.0, 500.0])
    assert series(still, "R") == pytest.approx([100.0] * 3, rel=1e-9)


@pytest.mark.parametrize(
    ("number", "at_rest"),
    [
        (1, lambda i, s: 1 - i),
        (2, lambda i, s: 1 / (1 - i)),
        (3, lambda i, s: 1 + s),
        (4, lambda i, s: 1 / (1 + s)),
    ],
)
def test_indirect_response_under_constant_drug(number, at_rest):
    """A long infusion of 4 mg/h holds 0.8 mg/L, the half-effect concentration."""
    held = run(f"indirect_response_{number}", "1600 mg over 400 h via iv", [399.0])
    assert series(held, "Cp") == pytest.approx([0.8], rel=1e-9)
    assert series(held, "R") == pytest.approx([100 * at_rest(0.45, 1.5)], rel=1e-6)


def test_turnover_is_indirect_response_one_by_other_names():
    times = np.arange(1.0, 72.0, 7.0)
    indirect = run("indirect_response_1", "100 mg", times)
    turned = run("turnover", "100 mg", times, gamma=1.0, R0=100.0, kout=0.1, Imax=0.9, IC50=0.8)
    assert series(turned, "R") == pytest.approx(series(indirect, "R"), rel=1e-8)


def test_endogenous_substance_returns_to_its_level():
    found = run("endogenous_turnover", "50 mg", [0.0, 6.0, 500.0])
    assert series(found, "C") == pytest.approx([3 + 50 / 12, 3 + 50 / 12 * np.exp(-1), 3], rel=1e-8)


def test_unknown_response_is_an_error():
    with pytest.raises(ModelError, match="unknown response 'inhibit'"):
        pd.indirect_response(pk.compartments(), "inhibit")


def test_effects_go_on_any_kinetics():
    for n, absorption in ((1, "iv"), (2, "transit"), (3, "mixed")):
        base = pk.compartments(n, absorption, "parallel", time_unit="day")
        for made in (
            pd.direct_effect(base, True),
            pd.effect_compartment(base),
            pd.turnover(base),
            pd.indirect_response(base, "stimulate_loss"),
        ):
            made.check_units()
