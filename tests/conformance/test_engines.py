"""Every library model on every engine against the reference engine."""

import numpy as np
import pandas as pd
import pytest

from understudy.core.random import normals
from understudy.engine.linear.closed_form import applies
from understudy.engine.linear.linear import is_linear
from understudy.engine.parameters import structural
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model, models

RELATIVE = 1e-6
# Levels that have fallen a billion times below their peak are rounding, not pharmacology.
FLOOR = 1e-9
EXACT = Tolerances(relative=1e-9, absolute=1e-12)
ENTRIES = {entry.name: entry for entry in models()}


def three_patients(entry) -> pd.DataFrame:
    """The typical patient and two whose positive parameters are off by some 30 %."""
    found = model(entry.name)
    names = [p.name for p in structural(found).parameters if p.value > 0]
    typical = {p.name: p.value for p in structural(found).parameters if p.value > 0}
    spread = np.exp(0.3 * normals(1, entry.name, [0, 1, 2], len(names)))
    spread[0] = 1.0
    table = pd.DataFrame({name: typical[name] * spread[:, k] for k, name in enumerate(names)})
    for name in ("fraction", "Fz", "F", "Imax", "Emax"):
        # Fractions stay fractions.
        if name in table and typical[name] <= 1:
            table[name] = np.minimum(table[name], 1.0)
    return table.assign(**entry.covariates).set_axis(["typical", "second", "third"])


def errors(found, reference) -> dict[str, float]:
    """Largest error of each output in units of what is allowed."""
    worst = {}
    for name in reference.outputs:
        wanted = reference[name].values
        allowed = RELATIVE * np.abs(wanted) + FLOOR * np.abs(wanted).max() + 1e-300
        worst[name] = float((np.abs(found[name].values - wanted) / allowed).max())
    return worst


@pytest.fixture(scope="module")
def references():
    """Reference solutions, each made once for all engines."""
    made = {}

    def of(name: str):
        if name not in made:
            entry = ENTRIES[name]
            patients = three_patients(entry)
            made[name] = (
                patients,
                simulate(model(name), patients, entry.regimen, entry.times, engine="reference"),
            )
        return made[name]

    return of


@pytest.mark.parametrize("name", ENTRIES)
def test_kernel_agrees_with_the_reference_engine(name, references):
    patients, reference = references(name)
    entry = ENTRIES[name]
    found = simulate(
        model(name), patients, entry.regimen, entry.times, engine="kernel", tolerances=EXACT
    ).raise_failures()
    assert reference.raise_failures()
    assert np.isfinite(found[found.outputs[0]].values).all()
    assert max(errors(found, reference).values()) < 1, errors(found, reference)


LINEAR = [name for name in ENTRIES if applies(structural(model(name)))]


@pytest.mark.parametrize("name", LINEAR)
def test_closed_form_agrees_with_the_reference_engine(name, references):
    patients, reference = references(name)
    entry = ENTRIES[name]
    found = simulate(model(name), patients, entry.regimen, entry.times, engine="closed_form").raise_failures()
    assert max(errors(found, reference).values()) < 1, errors(found, reference)


# Those beyond the closed form, and some that it knows: there both are exact.
OTHER_LINEAR = [
    *(name for name in ENTRIES if is_linear(structural(model(name))) and name not in LINEAR),
    *(
        "one_compartment_oral",
        "two_compartment_lag",
        "effect_compartment_emax",
        "three_compartment_mixed",
        "three_compartment_zero_order",
    ),
]


@pytest.mark.parametrize("name", OTHER_LINEAR)
def test_matrix_exponential_agrees_with_the_reference_engine(name, references):
    patients, reference = references(name)
    entry = ENTRIES[name]
    found = simulate(model(name), patients, entry.regimen, entry.times, engine="matrix_exponential")
    assert max(errors(found.raise_failures(), reference).values()) < 1, errors(found, reference)


def test_the_closed_form_serves_the_effect_compartments():
    assert {"effect_compartment_emax", "effect_compartment_sigmoid_emax"} <= set(LINEAR)


def test_the_closed_form_serves_the_linear_compartmental_models():
    wanted = {
        f"{count}_compartment_{route}"
        for count in ("one", "two", "three")
        for route in ("iv", "oral", "zero_order", "mixed", "lag")
    }
    assert wanted <= set(LINEAR)


def test_a_planted_error_is_seen(references):
    patients, reference = references("two_compartment_oral")
    entry = ENTRIES["two_compartment_oral"]
    wrong = patients.assign(CL=patients["CL"] * (1 + 1e-5))
    found = simulate(model(entry.name), wrong, entry.regimen, entry.times)
    assert max(errors(found, reference).values()) > 1
