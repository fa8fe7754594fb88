"""Every library model that is not stiff on the CUDA engine against the reference engine, where there is a device."""

import importlib.util

import numpy as np
import pytest
from test_engines import ENTRIES, EXACT, errors, three_patients

from understudy.engine.parameters import structural
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model


def has_device() -> bool:
    if importlib.util.find_spec("numba_cuda") is None:
        return False
    from numba import cuda

    return cuda.is_available()


pytestmark = pytest.mark.skipif(not has_device(), reason="there is no NVIDIA device with numba-cuda here")
NAMES = [name for name in ENTRIES if not structural(model(name)).stiff]
# Steps are held to 1e-5 there, and observations between them are read one order lower.
FLOAT32 = 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_cuda_agrees_with_the_reference_engine(name):
    entry, patients = ENTRIES[name], three_patients(ENTRIES[name])
    reference = simulate(model(name), patients, entry.regimen, entry.times, engine="reference")
    found = simulate(model(name), patients, entry.regimen, entry.times, engine="cuda", tolerances=EXACT)
    assert max(errors(found.raise_failures(), reference).values()) < 1, errors(found, reference)


@pytest.mark.parametrize("name", NAMES[::5])
def test_32_bits_are_as_good_as_they_say(name):
    entry, patients = ENTRIES[name], three_patients(ENTRIES[name])
    reference = simulate(model(name), patients, entry.regimen, entry.times, engine="reference")
    found = simulate(
        model(name), patients, entry.regimen, entry.times, engine="cuda_float32"
    ).raise_failures()
    for output in reference.outputs:
        wanted = reference[output].values
        assert np.abs(found[output].values - wanted).max() <= FLOAT32 * np.abs(wanted).max()
