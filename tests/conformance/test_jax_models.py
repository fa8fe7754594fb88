"""Library models on the JAX engine against the reference engine: a few, and all with the slow suite."""

import pytest
from jax_packages import import_jax
from test_engines import ENTRIES, EXACT, errors, three_patients

from understudy.engine.simulate import simulate
from understudy.library.catalogue import model

import_jax()

# Compiling takes JAX some seconds a model: one with absorption profiles stands for the others.
FEW = ("one_compartment_transit",)


def agree(name: str) -> None:
    entry = ENTRIES[name]
    patients = three_patients(entry)
    wanted = simulate(model(name), patients, entry.regimen, entry.times, engine="reference").raise_failures()
    found = simulate(model(name), patients, entry.regimen, entry.times, engine="jax", tolerances=EXACT)
    assert max(errors(found.raise_failures(), wanted).values()) < 1, errors(found, wanted)


@pytest.mark.parametrize("name", FEW)
def test_jax_agrees_with_the_reference_engine(name):
    agree(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in FEW])
def test_jax_agrees_with_the_reference_engine_on_the_others(name):
    agree(name)
