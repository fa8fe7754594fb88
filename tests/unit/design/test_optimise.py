"""Optimal designs: against designs that are known to be best, and against all that there are."""

from __future__ import annotations

import contextlib
from itertools import combinations

import numpy as np
import pytest
from warfarin_study import STUDY, linear, warfarin

from understudy import Model, PopulationModel, SimulationError
from understudy.design import expected_information, optimise_design
from understudy.design.allocation import optimal_weights, whole_numbers
from understudy.design.candidates import Candidates
from understudy.design.criterion import Criterion

FEW = [0.5, 1, 2, 6, 12, 36, 72, 120]
FOUR = [{**STUDY[0], "times": [1, 2, 6, 36]}]


def decay(error: str = "sigma2") -> PopulationModel:
    """A bolus that decays, without random effects: nonlinear regression."""
    mechanism = Model(
        "decay",
        "h",
        {"k": (0.1, "1/h"), "V": (10, "L")},
        {"A": "mg"},
        {"A": "-k * A"},
        outputs={"C": ("A / V", "mg/L")},
    )
    fixed = {"theta_k": 0.1, "theta_V": 10.0, "sigma2": 0.01}
    return PopulationModel("decay", mechanism, {"k": "theta_k", "V": "theta_V"}, fixed, {}, {"C": error})


def test_the_best_two_samples_of_a_decay_are_at_its_start_and_one_time_constant_later():
    # Box GEP, Lucas HL. Design of experiments in non-linear situations. Biometrika 1959;46:77-90,
    # doi:10.1093/biomet/46.1-2.77: with an additive error, at the earliest time allowed and 1/k after it.
    start = [{"patients": 6, "regimen": "100 mg", "times": [3, 20]}]
    found = optimise_design(decay(), start, windows=(0.5, 48), starts=1)
    # The last steps are about 0.02 h wide.
    assert found.design.groups[0].times[""] == pytest.approx((0.5, 10.5), abs=0.05)
    assert found.efficiency > 1.2


@pytest.fixture(scope="module")
def matrices() -> dict:
    """Information of every set of four times that informs all parameters."""
    found = {}
    for times in combinations(FEW, 4):
        with contextlib.suppress(SimulationError):
            found[times] = expected_information(warfarin(), [{**STUDY[0], "times": times}])
    return found


@pytest.mark.parametrize(("kind", "interest"), [("D", ()), ("A", ()), ("Ds", ("theta_CL", "theta_V"))])
def test_exchange_finds_the_best_of_all_sets(matrices, kind, interest):
    start = matrices[1, 2, 6, 36]
    goal = Criterion(kind, start.names, start.values, interest)
    values = {times: float(goal.value(each.matrix)) for times, each in matrices.items()}
    best = max(values, key=values.get)
    found = optimise_design(warfarin(), FOUR, candidates=FEW, criterion=kind, interest=interest)
    assert found.design.groups[0].times[""] == best
    assert found.efficiency == pytest.approx(np.exp(values[best] - values[1, 2, 6, 36]), rel=1e-9)


def test_weights_of_all_sets_are_at_least_as_good_and_say_how_good():
    exchanged = optimise_design(warfarin(), FOUR, candidates=FEW)
    found = optimise_design(warfarin(), FOUR, candidates=FEW, algorithm="multiplicative")
    assert found.at_least > 0.998  # it stops where a thousandth could be gained
    assert found.efficiency >= exchanged.efficiency * 0.999  # whole patients lose a little
    assert found.design.patients == 32


def test_weights_of_a_straight_line_are_half_at_either_end():
    # D-optimal for an intercept and a slope: Kiefer J, Wolfowitz J. Can J Math 1960;12:363-366.
    points = np.linspace(-1, 1, 21)
    each = np.array([np.outer([1, x], [1, x]) for x in points])

    def slopes(weights, places):
        inverse = np.linalg.inv(np.einsum("w,wij->ij", weights, each))
        return np.einsum("ij,wji->w", inverse, each[places]) / 2

    weights, at_least = optimal_weights(slopes, np.zeros(21, dtype=int), np.ones(1), 1.0)
    assert weights[[0, -1]] == pytest.approx([0.5, 0.5], abs=0.01)
    assert at_least > 0.999


def test_patients_go_where_they_tell_most():
    # The error of a difference is least with as many of either kind.
    start = [
        {"patients": 30, "regimen": "", "times": [1, 2], "covariates": {"SEX": 0}},
        {"patients": 10, "regimen": "", "times": [1, 2], "covariates": {"SEX": 1}},
    ]
    found = optimise_design(
        linear(), start, candidates=[1, 2], allocation=True, criterion="Ds", interest=["beta"], starts=1
    )
    assert [group.patients for group in found.design.groups] == [20, 20]
    assert found.efficiency == pytest.approx((1 / 30 + 1 / 10) / (1 / 20 + 1 / 20), rel=1e-6)


def test_doses_are_chosen_too():
    start = [{"patients": 6, "regimen": "10 mg", "times": [0.5, 10]}]
    found = optimise_design(decay(), start, candidates=[0.5, 10, 20], regimens=["100 mg", "50 mg"], starts=1)
    assert str(found.design.groups[0].regimen) == "100 mg"


def test_samples_keep_their_distance_and_their_windows():
    found = optimise_design(warfarin(), FOUR, windows=[(0.5, 4), (24, 120)], spacing=2, starts=2)
    times = np.array(found.design.groups[0].times[""])
    assert (np.diff(times) >= 2 * (1 - 1e-9)).all()
    assert (((times >= 0.5) & (times <= 4)) | ((times >= 24) & (times <= 120))).all()


def test_a_start_that_is_not_allowed_is_moved_first():
    found = optimise_design(
        decay(), [{"patients": 6, "regimen": "100 mg", "times": [1, 11]}], candidates=[2, 30], starts=1
    )
    assert found.design.groups[0].times[""] == (2, 30)
    assert found.efficiency < 1


def test_the_same_seed_gives_the_same_design_and_uncertainty_another():
    how = {"candidates": FEW, "starts": 2, "draws": 5, "uncertainty": {"theta_ka": 0.8, "theta_CL": 0.5}}
    found = [optimise_design(warfarin(), FOUR, **how, seed=3) for _ in range(2)]
    assert repr(found[0]) == repr(found[1])
    assert found[0].criterion == "ED"


def test_a_start_that_does_not_inform_has_an_infinite_efficiency():
    alike = [{"patients": 6, "regimen": "100 mg", "times": [20]}] * 3
    with pytest.raises(SimulationError, match="singular"):
        expected_information(decay(), alike)
    found = optimise_design(decay(), alike, candidates=[1, 5, 10, 20, 40, 60], starts=3)
    assert found.efficiency == np.inf
    assert found.found.d_criterion > 0


def test_where_nothing_informs_it_is_said():
    one = [{"patients": 6, "regimen": "", "times": [1], "covariates": {"SEX": sex}} for sex in (0, 1)]
    with pytest.raises(SimulationError, match="no design that was tried informs every parameter"):
        optimise_design(linear(), one, candidates=[1, 2, 3])
    with pytest.raises(SimulationError, match="not even all candidate times"):
        optimise_design(linear(), one, candidates=[1, 2, 3], algorithm="multiplicative")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "either windows or candidate times"),
        ({"windows": (24, 1)}, "no pairs of a first and a last time"),
        ({"candidates": [-1, 2]}, "no list of times"),
        ({"candidates": [1, 2]}, "no room for 4 samples"),
        ({"windows": (1, 4), "spacing": 2}, "no room for 4 samples"),
        ({"candidates": FEW, "criterion": "E"}, "unknown criterion"),
        ({"candidates": FEW, "criterion": "Ds"}, "Ds needs parameters of interest"),
        ({"candidates": FEW, "interest": ["CL"]}, "no parameter 'CL'"),
        ({"candidates": FEW, "algorithm": "genetic"}, "unknown algorithm"),
        ({"candidates": FEW, "uncertainty": {"CL": 0.3}}, "no uncertainty"),
        ({"windows": (0, 120), "algorithm": "multiplicative"}, "more than 20,000"),
        ({"windows": {"Cp": (0, 120)}}, "not those of the outputs"),
    ],
    ids=str,
)
def test_bad_questions_are_refused(how, message):
    with pytest.raises(SimulationError, match=message):
        optimise_design(warfarin(), FOUR, **how)


def test_gradients_are_those_of_differences():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(3, 5))
    matrix, move = root @ root.T, np.diag([0.1, 0.3, 0.2])
    for kind, interest in (("D", ()), ("A", ()), ("A", ("a",)), ("Ds", ("a", "b"))):
        goal = Criterion(kind, ("a", "b", "c"), np.array([2.0, 0.5, 0.0]), interest)
        step = 1e-6
        difference = (goal.value(matrix + step * move) - goal.value(matrix - step * move)) / (2 * step)
        assert np.sum(goal.gradient(matrix) * move) == pytest.approx(float(difference), rel=1e-6)
        assert np.sum(goal.gradient(matrix) * matrix) == pytest.approx(1.0)


def test_whole_numbers_add_up():
    for total in (3, 17, 100):
        assert whole_numbers(np.array([0.61, 0.3, 0.09]), total).sum() == total


def test_windows_have_times_close_to_each_other_where_they_are_early():
    times = Candidates.of(("C",), (0, 100), None, 0).times["C"]
    assert times[0] == 0
    assert times[-1] == 100
    assert np.diff(times)[1] < 0.1
