"""Vector functions against mpmath to 2 units in the last place, and at their ends against NumPy."""

import ctypes
import itertools

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
from llvmlite import ir

from understudy.engine.code import vector_math
from understudy.engine.code.codegen import LIBRARY
from understudy.engine.code.compiler import _machine
from understudy.engine.code.vector_math import FUNCTIONS, vector_function
from understudy.engine.kernel.lanes import WIDTH

# What the functions promise.
MOST_ULPS = 2.0
LARGEST, SMALLEST, TINIEST = np.finfo(float).max, np.finfo(float).tiny, 2.0**-1074
NUMPY = {name: getattr(np, name, np.float_power) for name in FUNCTIONS}
MPMATH = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log10": mpmath.log10,
    "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x, 2),
    "pow": mpmath.power,
    "tanh": mpmath.tanh,
}
OF_ONE = [name for name in FUNCTIONS if name != "pow"]


def loop_over(name: str) -> str:
    """LLVM IR of ``apply(x, y, out, blocks)``."""
    module, pointer, word = ir.Module(), ir.PointerType(), ir.IntType(64)
    vector = ir.VectorType(ir.DoubleType(), WIDTH)
    called = vector_function(module, name)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, pointer, pointer, word]), "apply")
    *arrays, blocks = function.args
    start, body, end = (function.append_basic_block() for _ in range(3))
    ir.IRBuilder(start).branch(body)
    builder = ir.IRBuilder(body)
    k = builder.phi(word)
    k.add_incoming(word(0), start)
    places = [builder.gep(array, [k], source_etype=vector) for array in arrays]
    values = [builder.load(place, align=8, typ=vector) for place in places[: len(called.args)]]
    builder.store(builder.call(called, values), places[2], align=8)
    following = builder.add(k, word(1))
    k.add_incoming(following, body)
    builder.cbranch(builder.icmp_unsigned("<", following, blocks), body, end)
    ir.IRBuilder(end).ret_void()
    return str(module)


def target(processor: str) -> llvm.TargetMachine:
    host = _machine()
    if processor == "host":
        return host
    if processor == "avx2" and not {"avx2", "fma"} <= {
        k for k, on in llvm.get_host_cpu_features().items() if on
    }:
        pytest.skip("this processor has no AVX2 with fused multiplication")
    # Plain: without features that not every machine has: no fused multiplication, the narrowest vectors.
    features = {"avx2": "+avx2,+fma", "plain": ""}[processor]
    return llvm.Target.from_triple(host.triple).create_target_machine(
        cpu="", features=features, opt=2, jit=True
    )


@pytest.fixture(scope="module", params=["host", "avx2", "plain"])
def apply(request):
    """Call a vector function on arrays."""
    engines = {}

    def call(name: str, x, y=None) -> np.ndarray:
        if name not in engines:
            machine, module = target(request.param), llvm.parse_assembly(loop_over(name))
            builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
            builder.getModulePassManager().run(module, builder)
            engines[name] = llvm.create_mcjit_compiler(module, machine)
            engines[name].finalize_object()
        x = np.asarray(x, float)
        padded = [np.zeros(-(-x.size // WIDTH) * WIDTH) for _ in range(3)]
        padded[0][: x.size] = x
        padded[1][: x.size] = 0.0 if y is None else y
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)
        function = kind(engines[name].get_function_address("apply"))
        function(*[array.ctypes.data for array in padded], padded[0].size // WIDTH)
        return padded[2][: x.size]

    return call


def worst(name: str, found: np.ndarray, *arguments: np.ndarray) -> float:
    """Largest error in units in the last place of the exact result; of the smallest number where it is subnormal."""
    largest = 0.0
    with mpmath.workprec(200):
        for value, *given in zip(found, *arguments, strict=True):
            exact = MPMATH[name](*[mpmath.mpf(float(number)) for number in given])
            if not mpmath.isfinite(value) or abs(exact) > LARGEST:
                assert np.isinf(value), given
                assert abs(exact) > LARGEST * (1 - 2.0**-52), given
                assert np.sign(value) == mpmath.sign(exact)
                continue
            place = mpmath.mpf(2) ** (mpmath.floor(mpmath.log(abs(exact), 2)) - 52) if exact else 0
            error = abs(mpmath.mpf(float(value)) - exact) / max(place, mpmath.mpf(TINIEST))
            largest = max(largest, float(error))
    return largest


def log_uniform(low: float, high: float, count: int = 1500) -> np.ndarray:
    return np.exp2(np.random.default_rng(3).uniform(np.log2(low), np.log2(high), count))


def near(middle: float, count: int = 500) -> np.ndarray:
    """Numbers from one rounding to a tenth away."""
    away = log_uniform(2.0**-52, 0.1, count)
    away[::2] *= -1
    return middle * (1 + away)


def both_signs(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, -x])


def uniform(low: float, high: float, count: int = 1500) -> np.ndarray:
    return np.random.default_rng(5).uniform(low, high, count)


LINES = {
    "exp": [both_signs(log_uniform(SMALLEST, 700)), uniform(-745.2, 709.78), near(709.78), near(-708.4)],
    "expm1": [
        both_signs(log_uniform(SMALLEST, 700)),
        uniform(-2, 2),
        uniform(-50, 709.78),
        near(np.log(2) / 2),
    ],
    "tanh": [both_signs(log_uniform(SMALLEST, 700)), uniform(-2, 2), uniform(-25, 25)],
    "log1p": [
        log_uniform(SMALLEST, LARGEST),
        -log_uniform(SMALLEST, 1 - 2.0**-53),
        uniform(-0.99, 2),
        near(-1),
    ],
}
LINES["log1p"][-1] = LINES["log1p"][-1][LINES["log1p"][-1] > -1]
LOGARITHM = [
    log_uniform(SMALLEST, LARGEST),
    uniform(0.5, 2),
    near(1),
    near(np.sqrt(0.5)),
    np.exp2(np.arange(-1074, 1024.0)),
    np.arange(1.0, 1001.0),
]


@pytest.mark.parametrize("name", OF_ONE)
def test_functions_of_one_number_are_good_to_two_units(apply, name):
    for x in LINES.get(name, LOGARITHM):
        assert worst(name, apply(name, x), x) <= MOST_ULPS


def powers() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Bases and exponents, by what is hard about them."""
    rng = np.random.default_rng(11)
    wide = log_uniform(SMALLEST, LARGEST)
    sign = rng.choice([-1.0, 1.0], wide.size)
    anywhere = rng.uniform(-745, 709.7, wide.size)
    close, between = near(1.0, 1500), uniform(np.sqrt(0.5), np.sqrt(2.0))
    whole = rng.integers(-40, 41, wide.size).astype(float)
    return {
        "allometric": (log_uniform(1e-3, 1e3), uniform(-4, 4)),
        "wide base": (wide, anywhere / np.log(wide)),
        "base near one": (close, anywhere / np.log(close)),
        "base near one, to the edges": (close, np.where(sign > 0, 709.7, -708.3) / np.log(close)),
        "base between roots, to the edges": (between, np.where(sign > 0, 709.7, -708.3) / np.log(between)),
        "exponent near zero": (wide, sign * log_uniform(SMALLEST, 0.1)),
        "exponent near one": (log_uniform(1e-300, 1e300), near(1.0, 1500)),
        "overflow": (wide, 709.78 * near(1.0, 1500) / np.log(wide)),
        "subnormal": (wide, uniform(-745.2, -708.4) / np.log(wide)),
        "whole exponent": (log_uniform(1e-7, 1e7), whole),
        "negative base": (-log_uniform(1e-7, 1e7), whole),
        "negative base near one": (-close, np.rint(uniform(-600, 600) / np.log(np.abs(close)))),
    }


@pytest.mark.parametrize("kind", powers())
def test_powers_are_good_to_two_units(apply, kind):
    x, y = powers()[kind]
    assert worst("pow", apply("pow", x, y), x, y) <= MOST_ULPS


ENDS = [
    0.0,
    1.0,
    0.5,
    2.0,
    3.0,
    2.5,
    TINIEST,
    SMALLEST,
    LARGEST,
    2.0**52,
    2.0**52 + 1,
    2.0**53,
    1e17,
    800.0,
    np.inf,
]
ENDS = np.array([*ENDS, 1 - 2.0**-53, 1 + 2.0**-52, *[-x for x in ENDS], np.nan])


def assert_like_numpy(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, rtol=5e-16, atol=2 * TINIEST)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[numbers], np.signbit(wanted)[numbers])


@pytest.mark.parametrize("name", OF_ONE)
def test_ends_are_those_of_numpy(apply, name):
    with np.errstate(all="ignore"):
        assert_like_numpy(apply(name, ENDS), NUMPY[name](ENDS))


def test_ends_of_powers_are_those_of_numpy(apply):
    x, y = np.array(list(itertools.product(ENDS, ENDS))).T
    with np.errstate(all="ignore"):
        assert_like_numpy(apply("pow", x, y), np.float_power(x, y))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_lane_does_not_depend_on_its_neighbours(apply, name):
    x = np.abs(uniform(0.1, 3.0, WIDTH))
    y = uniform(-2.0, 2.0, WIDTH)
    alone = np.array([apply(name, np.full(WIDTH, x[k]), np.full(WIDTH, y[k]))[k] for k in range(WIDTH)])
    np.testing.assert_array_equal(apply(name, x, y), alone)
    beside = x.copy()
    beside[1::2] = [np.nan, np.inf, 0.0, -5.0]
    np.testing.assert_array_equal(apply(name, beside, y)[::2], alone[::2])


def test_constants_are_what_they_are_called():
    with mpmath.workprec(300):
        log2, log10 = mpmath.log(2), mpmath.log(10)
        assert mpmath.floor(log2 * 2**32) / 2**32 == vector_math.LOG2_HIGH
        assert float(log2 - vector_math.LOG2_HIGH) == vector_math.LOG2_LOW
        pairs = {"INVERSE_LOG2": 1 / log2, "INVERSE_LOG10": 1 / log10, "TWO_THIRDS": mpmath.mpf(2) / 3}
        for name, exact in pairs.items():
            high, low = getattr(vector_math, name)
            assert (high, low) == (float(exact), float(exact - high)), name


def test_none_of_them_is_called_lane_by_lane():
    assert not set(FUNCTIONS) & set(LIBRARY)
    for name in FUNCTIONS:
        assert "extractelement" not in loop_over(name)
