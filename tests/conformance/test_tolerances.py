"""The error that the kernel achieves is within ten times the tolerance it is asked for, for every library model.

An error is measured against what the tolerances allow: so much of a value, and so much of the largest value. The
reference is the reference engine at 1e-13, checked against itself at 1e-12. Sensitivities are measured against so much
of their own value, or of the output's largest value per parameter; their reference is the kernel at 1e-12, which other
tests compare with differences.
"""

from dataclasses import replace

import numpy as np
import pytest
from test_engines import ENTRIES, three_patients
from test_sensitivities import typical

from understudy.engine.linear.linear import is_linear
from understudy.engine.parameters import structural
from understudy.engine.problem import Tolerances
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.simulate import simulate
from understudy.engine.solve import solve
from understudy.library.catalogue import model
from understudy.model.parts import Output

ASKED = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
# An absolute tolerance of a hundredth of the relative one, as by default.
SHARE = 1e-2
QUICK = ("tmdd_full", "warfarin_pca", "two_compartment_transit_michaelis_menten")


def states(name: str, engine: str, relative: float) -> dict[str, np.ndarray]:
    """States, not outputs: an output that is a small difference of large states has a larger error than they."""
    entry, found = ENTRIES[name], model(name)
    base = structural(found)
    shown = [
        Output(state.name, state.name, state.unit)
        for state in base.states
        if state.name not in base.output_names
    ]
    base = replace(base, outputs=(*base.outputs, *shown))
    found = replace(found, structural=base) if found is not structural(found) else base
    how = Tolerances(relative, SHARE * relative)
    outcome = simulate(
        found, three_patients(entry), entry.regimen, entry.times, engine=engine, tolerances=how
    )
    return {name: outcome.raise_failures()[name].values for name in base.state_names}


def worst(found: dict, exact: dict, relative: float) -> float:
    """Largest error in units of the tolerance."""
    errors = []
    for name, wanted in exact.items():
        peak = np.abs(wanted).max(axis=1, keepdims=True)
        allowed = relative * (np.abs(wanted) + SHARE * peak) + 1e-300
        errors.append((np.abs(found[name] - wanted) / allowed).max())
    return max(errors)


def check(name: str, asked: tuple[float, ...]) -> None:
    exact = states(name, "reference", 1e-13)
    # The reference is good enough to judge by.
    assert worst(states(name, "reference", 1e-12), exact, min(asked)) < 1
    for relative in asked:
        assert worst(states(name, "kernel", relative), exact, relative) < 10, relative


@pytest.mark.parametrize("name", QUICK)
def test_the_error_is_within_ten_times_the_tolerance(name):
    check(name, (1e-4, 1e-6, 1e-8))


@pytest.mark.slow
@pytest.mark.parametrize("name", ENTRIES)
def test_the_error_is_within_ten_times_any_tolerance(name):
    check(name, ASKED)


def test_an_error_is_seen():
    exact = states("warfarin_pca", "reference", 1e-12)
    assert worst(states("warfarin_pca", "kernel", 1e-4), exact, 1e-8) > 10


def sensitivities(name: str, relative: float) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs, and their derivatives by parts of every parameter, of the typical patient."""
    schedule, rows = typical(name)
    names, outputs = rows.model.parameter_names, rows.model.output_names
    how = Tolerances(relative, SHARE * relative)
    answer = solve(schedule, rows, outputs, "kernel", how, directions=Directions(names))
    assert not answer.solution.status.any()
    size = np.abs(rows.table).max(axis=0)
    return answer.outputs, {output: answer.sensitivities[output] * size for output in outputs}


def worst_sensitivity(name: str, asked: float, judged: float) -> float:
    """Largest error of sensitivities solved at one tolerance, in units of another."""
    (outputs, exact), (_, found) = sensitivities(name, 1e-12), sensitivities(name, asked)
    errors = []
    for output, wanted in exact.items():
        allowed = judged * np.maximum(np.abs(wanted), np.abs(outputs[output]).max()) + 1e-300
        errors.append((np.abs(found[output] - wanted) / allowed).max())
    return max(errors)


def check_sensitivities(name: str) -> None:
    for relative in (1e-4, 1e-6, 1e-8):
        assert worst_sensitivity(name, relative, relative) < 10, relative


def test_an_error_of_sensitivities_is_seen():
    assert worst_sensitivity("warfarin_pca", 1e-4, 1e-8) > 10


@pytest.mark.parametrize("name", QUICK)
def test_sensitivities_are_as_exact(name):
    check_sensitivities(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in ENTRIES if not is_linear(structural(model(n)))])
def test_sensitivities_of_every_model_are_as_exact(name):
    check_sensitivities(name)
