"""Surrogates that several tests look at, each made once."""

import pytest
from saturable_question import BOX, MODEL, REGIMEN, TIMES

from understudy import emulate


@pytest.fixture(scope="session")
def saturable():
    """Saturable elimination: two parameters, five times, of which nothing changes at the first."""
    pytest.importorskip("sklearn", reason="scikit-learn, of the extra surrogate")
    return emulate(MODEL, BOX, REGIMEN, TIMES, size=32, held_out=48, seed=1)
