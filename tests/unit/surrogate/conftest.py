"""Surrogates that several tests look at, each made once."""

import pytest

from understudy import emulate, load_model

MODEL = load_model("one_compartment_iv_michaelis_menten")
# Vmax and Km of the library model, 40 mg/h and 4 mg/L, are inside.
BOX = {"Vmax": (20, 80), "Km": (1, 10)}
REGIMEN, TIMES = "100 mg", [0.0, 0.5, 1.0, 2.0, 3.0]


@pytest.fixture(scope="session")
def saturable():
    """Saturable elimination: two parameters, five times, of which nothing changes at the first."""
    return emulate(MODEL, BOX, REGIMEN, TIMES, size=32, held_out=48, seed=1)
