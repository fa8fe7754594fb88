"""Functions written out for devices against mpmath, run on this processor as plain numbers."""

import ctypes

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
from llvmlite import ir

from understudy.engine.code import device_math
from understudy.engine.code.codegen import LIBRARY
from understudy.engine.code.compiler import _machine
from understudy.engine.code.device_math import FUNCTIONS, device_function

# What the functions promise.
MOST_ULPS, LGAMMA_ABSOLUTE = 4.0, 1e-14
NUMPY = {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan}
_held = []


def compiled(name: str):
    """A function on arrays, computed number by number."""
    module = ir.Module()
    called = device_function(module, name, ir.DoubleType())
    function = ir.Function(module, called.function_type, "apply")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.call(called, function.args))
    parsed, machine = llvm.parse_assembly(str(module)), _machine()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(parsed, passes)
    engine = llvm.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    _held.append(engine)
    call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(engine.get_function_address("apply"))
    return lambda x: np.array([call(number) for number in np.asarray(x, float)])


@pytest.fixture(scope="module")
def functions():
    return {name: compiled(name) for name in FUNCTIONS}


def spread(low: float, high: float, count: int = 400) -> np.ndarray:
    """Numbers of all sizes and both signs."""
    size = np.exp2(np.random.default_rng(3).uniform(np.log2(low), np.log2(high), count))
    return np.concatenate([size, -size])


def between(low: float, high: float, count: int = 400) -> np.ndarray:
    return np.random.default_rng(5).uniform(low, high, count)


ANGLES = np.concatenate([spread(1e-300, 2.0**29), np.arange(-60, 60) * np.pi / 4, between(-10, 10)])
UNITS = np.concatenate([spread(1e-300, 1.0), between(-1, 1), [1.0, -1.0, 0.0, 1 - 2.0**-53]])
WHERE = {
    **dict.fromkeys(("sin", "cos", "tan"), ANGLES),
    **dict.fromkeys(("asin", "acos"), UNITS),
    "atan": np.concatenate([spread(1e-300, 1e300), between(-3, 3)]),
    **dict.fromkeys(("sinh", "cosh"), np.concatenate([spread(1e-300, 710), between(-45, 45)])),
    "lgamma": np.concatenate([np.abs(spread(1e-300, 1e300)), between(-30, 30), np.arange(1.0, 200)]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_good_to_four_units(functions, name):
    worst, x = 0.0, WHERE[name]
    with mpmath.workprec(1200):
        exactly = mpmath.loggamma if name == "lgamma" else getattr(mpmath, name)
        for number, value in zip(x, functions[name](x), strict=True):
            exact = mpmath.re(exactly(mpmath.mpf(float(number))))
            error = abs(mpmath.mpf(float(value)) - exact)
            if name == "lgamma":
                error = max(error - LGAMMA_ABSOLUTE, 0)
            unit = mpmath.mpf(2) ** (mpmath.floor(mpmath.log(abs(exact), 2)) - 52) if exact else mpmath.mpf(1)
            worst = max(worst, float(error / max(unit, mpmath.mpf(2) ** -1074)))
    assert worst <= MOST_ULPS


ENDS = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 711.0, -711.0, np.inf, np.nan])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ends(functions, name):
    ends = ENDS[np.isfinite(ENDS)] if name in ("sin", "cos", "tan") else ENDS
    wanted = [mpmath_lgamma(x) for x in ends] if name == "lgamma" else None
    with np.errstate(all="ignore"):
        wanted = NUMPY.get(name, getattr(np, name, None))(ends) if wanted is None else wanted
    np.testing.assert_allclose(functions[name](ends), wanted, rtol=1e-15, atol=LGAMMA_ABSOLUTE)


def mpmath_lgamma(x: float) -> float:
    if not np.isfinite(x):
        return x
    return np.inf if x <= 0 and x == int(x) else float(mpmath.loggamma(x).real)


def test_angles_too_large_are_refused_not_guessed(functions):
    for name in ("sin", "cos", "tan"):
        assert np.isnan(functions[name]([2.0**30, -1e300, np.inf, np.nan])).all()


def test_nothing_that_comes_from_a_library_is_missing():
    assert {*LIBRARY, "sin", "cos"} == set(FUNCTIONS)


def test_constants_are_what_they_are_called():
    with mpmath.workprec(300):
        left = mpmath.pi / 2
        for part in device_math.QUARTER_TURN:
            assert part == float(left)
            left -= part
        assert float(mpmath.log(2 * mpmath.pi) / 2) == device_math._HALF_LOG_TURN
