"""Sensitivities of every library model against differences of the reference engine.

Differences are central ones of two widths, extrapolated, of solutions good to 1e-11: with steps of a thousandth of a
parameter they are good to some 1e-8 of the output. Only the typical patient is looked at: patients do not see each
other.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from understudy.engine.linear.linear import is_linear
from understudy.engine.parameters import ParameterRows, parameter_rows, structural
from understudy.engine.problem import Tolerances
from understudy.engine.schedule import Schedule, from_doses
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.sensitivity.second_sensitivity import second_sensitivities
from understudy.engine.simulate import _doses, simulate
from understudy.engine.solve import solve
from understudy.library.catalogue import model, models
from understudy.model.population_model import PopulationModel

# A sensitivity is to be right to 1e-6. Where one is small beside the output it can be known from differences no better
# than to what rounding leaves of the output.
RELATIVE, OF_PEAK, OF_OUTPUT = 1e-6, 1e-7, 1e-7
STEP = 1e-3
EXACT = Tolerances(relative=1e-10, absolute=1e-12)
ENTRIES = {entry.name: entry for entry in models()}
FAST = ("one_compartment_lag_michaelis_menten", "indirect_response_2")


def typical(name: str) -> tuple[Schedule, ParameterRows]:
    """The library's example of a model, seen at times that no dose falls on."""
    entry, found = ENTRIES[name], model(name)
    base, end = structural(found), max(entry.times)
    times = np.linspace(0.0, end, 24)[1:] * (1 + 1e-3 / np.pi)
    table = pd.DataFrame(entry.covariates, index=["typical"])
    doses = _doses(entry.regimen, table, times, base, "WT", "BSA")
    schedule = from_doses(doses, list(table.index), times, np.array(False), base)
    columns = {covariate: table[covariate].to_numpy(float) for covariate in table}
    return schedule, parameter_rows(found, schedule, columns)


def differences(schedule: Schedule, rows: ParameterRows, name: str) -> dict[str, np.ndarray]:
    """Derivatives of all outputs by one parameter, from the reference engine."""
    base, place = rows.model, rows.model.parameter_names.index(name)
    step = STEP * max(np.abs(rows.table[:, place]).max(), 1e-3)

    def at(shift: float) -> dict[str, np.ndarray]:
        table = rows.table.copy()
        table[:, place] += shift * step
        answer = solve(schedule, replace(rows, table=table), base.output_names, "reference")
        assert not answer.solution.status.any(), answer.solution.messages
        return answer.outputs

    up, down, far_up, far_down = (at(shift) for shift in (1, -1, 2, -2))
    return {n: (8 * (up[n] - down[n]) - (far_up[n] - far_down[n])) / (12 * step) for n in up}


def errors(schedule: Schedule, rows: ParameterRows, engine: str, names: tuple[str, ...]) -> dict[str, float]:
    """Largest error of the outputs' sensitivities to each parameter, in units of what is allowed."""
    answer = solve(schedule, rows, rows.model.output_names, engine, EXACT, 1, Directions(names))
    assert not answer.solution.status.any(), answer.solution.messages
    worst = {}
    for k, name in enumerate(names):
        size = max(np.abs(rows.table[:, rows.model.parameter_names.index(name)]).max(), 1e-3)
        for output, wanted in differences(schedule, rows, name).items():
            peak, level = np.abs(wanted).max(), np.abs(answer.outputs[output]).max() / size
            allowed = RELATIVE * np.abs(wanted) + OF_PEAK * peak + OF_OUTPUT * level + 1e-300
            found = answer.sensitivities[output][:, k]
            worst[f"d{output}/d{name}"] = float((np.abs(found - wanted) / allowed).max())
    return worst


def check(name: str, engine: str) -> None:
    schedule, rows = typical(name)
    found = errors(schedule, rows, engine, rows.model.parameter_names)
    assert max(found.values()) < 1, {k: v for k, v in found.items() if v >= 1}


@pytest.mark.parametrize("name", FAST)
def test_sensitivities_agree_with_differences_of_the_reference(name):
    check(name, "kernel")


@pytest.mark.slow
@pytest.mark.parametrize("name", ENTRIES)
def test_sensitivities_of_every_model_agree_with_differences_of_the_reference(name):
    check(name, "kernel")


LINEAR = [name for name in ENTRIES if is_linear(structural(model(name)))]


@pytest.mark.slow
@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_have_exact_sensitivities(name):
    check(name, "auto")


def differences_of_sensitivities(schedule: Schedule, rows: ParameterRows, along: Directions, step: float):
    """Second derivatives of the outputs by one parameter after another, differences of first ones by all."""
    outputs, found = rows.model.output_names, []
    for name in along.names:
        place = rows.model.parameter_names.index(name)
        size = step * max(np.abs(rows.table[:, place]).max(), 1e-3)
        total = 0.0
        for shift, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
            table = rows.table.copy()
            table[:, place] += shift * size
            answer = solve(schedule, replace(rows, table=table), outputs, directions=along)
            total = total + weight * np.stack([answer.sensitivities[output] for output in outputs])
        found.append(total / (12 * size))
    return dict(zip(outputs, np.stack(found, axis=2), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_have_exact_second_sensitivities(name):
    schedule, rows = typical(name)
    along = Directions(rows.model.parameter_names)
    found = second_sensitivities(schedule, rows, rows.model.output_names, along)
    wanted = differences_of_sensitivities(schedule, rows, along, STEP)
    size = np.maximum(np.abs(rows.table).max(axis=0), 1e-3)
    for output, values in found.items():
        exact, rough = (each * size[:, None] * size for each in (values, wanted[output]))
        # Steps of a thousandth, extrapolated, of what is exact to rounding.
        assert np.abs(exact - rough).max() < 1e-9 * np.abs(rough).max(), output


def test_a_planted_error_is_seen():
    schedule, rows = typical("one_compartment_iv")
    wrong = replace(rows, table=rows.table * (1 + 1e-5))
    right = differences(schedule, rows, "CL")
    found = solve(schedule, wrong, ("Cp",), "auto", None, 1, Directions(("CL",))).sensitivities["Cp"][:, 0]
    assert (np.abs(found - right["Cp"]) > RELATIVE * np.abs(right["Cp"])).any()


POPULATIONS = [name for name in ENTRIES if isinstance(model(name), PopulationModel)]


@pytest.mark.slow
@pytest.mark.parametrize("name", POPULATIONS)
def test_effects_of_a_population_move_its_parameters(name):
    """Random effects and fixed ones, against extrapolated differences of the same engine at tight tolerances."""
    found, entry = model(name), ENTRIES[name]
    effects = {eta: 0.1 for eta in found.eta_names} | {p.name: p.value for p in found.fixed if p.value}
    table = pd.DataFrame({**entry.covariates, **{eta: 0.1 for eta in found.eta_names}}, index=["typical"])
    times = np.asarray(entry.times, float)[1:] * (1 + 1e-3 / np.pi)
    question = {"regimen": entry.regimen, "times": times, "tolerances": EXACT}
    outcome = simulate(found, table, sensitivities=effects, **question).raise_failures()

    def at(effect: str, shift: float):
        if effect in found.eta_names:
            return simulate(found, table.assign(**{effect: effects[effect] + shift}), **question)
        return simulate(found.with_values(**{effect: effects[effect] + shift}), table, **question)

    for effect, value in effects.items():
        step = STEP * (1.0 if effect in found.eta_names else abs(value))
        up, down, far_up, far_down = (at(effect, shift * step) for shift in (1, -1, 2, -2))
        for output in found.structural.output_names:
            by = lambda a, b: a[output].values - b[output].values  # noqa: B023, E731
            wanted = (8 * by(up, down) - by(far_up, far_down)) / (12 * step)
            level = np.abs(outcome[output].values).max() * STEP / step
            allowed = RELATIVE * (np.abs(wanted).max() + 0.1 * level)
            assert np.abs(outcome[f"d{output}_d{effect}"].values - wanted).max() < allowed, (output, effect)
