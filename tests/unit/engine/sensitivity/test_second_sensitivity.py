import numpy as np

from understudy.engine.parameters import parameter_rows
from understudy.engine.schedule import from_doses
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.sensitivity.second_sensitivity import second_sensitivities
from understudy.engine.simulate import _doses, _patient_table
from understudy.model.model import Model

IV = Model(
    "iv",
    "h",
    {"CL": (2, "L/h"), "V": (20, "L")},
    {"A": "mg"},
    {"A": "-CL / V * A"},
    outputs={"C": ("A / V", "mg/L")},
)
T = np.array([1.0, 5.0, 20.0])


def question():
    table = _patient_table(None, IV)
    doses = _doses("100 mg", table, T, IV, "WT", "BSA")
    schedule = from_doses(doses, list(table.index), T, np.array(False), IV)
    return schedule, parameter_rows(IV, schedule, {})


def exact():
    """Second derivatives of 100 / V exp(-CL / V t) at CL = 2, V = 20."""
    c, k, v = 5 * np.exp(-0.1 * T), 0.1, 20.0
    twice_cl = c * T**2 / v**2
    mixed = c * T / v**2 * (2 - k * T)
    twice_v = c / v**2 * (2 - 4 * k * T + (k * T) ** 2)
    return np.stack([np.stack([twice_cl, mixed], axis=1), np.stack([mixed, twice_v], axis=1)], axis=1)


def test_second_derivatives_agree_with_those_written_out():
    found = second_sensitivities(*question(), ["C"], Directions(("CL", "V")))["C"]
    # Steps of half a percent, extrapolated, leave 1e-8 of the largest.
    assert np.abs(found - exact()).max() < 1e-8 * np.abs(exact()).max()
    assert np.abs(found - 1.0001 * exact()).max() > 1e-8 * np.abs(exact()).max()


def test_seeds_are_the_speeds_of_the_parameters():
    seeds = np.array([[2.0, 20.0]])
    found = second_sensitivities(*question(), ["C"], Directions(("all",), (("CL", "V"),), (seeds,)))["C"]
    wanted = np.einsum("oij,i,j->o", exact(), seeds[0], seeds[0])
    assert np.abs(found[:, 0, 0] - wanted).max() < 1e-8 * np.abs(wanted).max()


def test_properties_of_doses_have_second_derivatives_too():
    found = second_sensitivities(*question(), ["C"], Directions(("dose(A)", "CL")))["C"]
    assert np.abs(found[:, 0, 0]).max() < 1e-8
    wanted = -5 * np.exp(-0.1 * T) * T / 20
    assert np.abs(found[:, 0, 1] - wanted).max() < 1e-8 * np.abs(wanted).max()
