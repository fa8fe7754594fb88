"""FO, FOCE and FOCEI: gradients against differences, values against likelihoods that are known."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from simulated_data import between_occasions, combined, measured, oral, saturable, straight_lines

from understudy.inference.estimation.conditional import subject_objectives
from understudy.inference.estimation.conditional_search import ConditionalObjective
from understudy.inference.estimation.method import Task
from understudy.inference.likelihood import CONDITIONAL, FIRST_ORDER, INTERACTION
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel

# Central differences over 1e-3 of a value whose modes are exact to 1e-8 err by some 1e-6; differences of slopes over
# 1e-3, of which the gradient's log-determinant is made, by as much.
RELATIVE, STEP = 2e-5, 1e-3


def task_of(model: PopulationModel, patients: int = 8, occasions: int = 1) -> Task:
    return Task(Predictor(model, measured(model, patients, occasions)))


CASES = {
    "oral": (oral(), 1),
    "saturable": (saturable(), 1),
    "between occasions": (between_occasions(), 2),
    "combined": (combined(), 1),
    "straight lines": (straight_lines(), 1),
}


@pytest.mark.parametrize("linearisation", [INTERACTION, CONDITIONAL, FIRST_ORDER])
@pytest.mark.parametrize("name", CASES)
def test_gradients_against_differences(name, linearisation):
    model, occasions = CASES[name]
    task = task_of(model, occasions=occasions)
    objective = ConditionalObjective(task, linearisation)
    vector = task.start + 0.05 * np.sin(np.arange(task.start.size) + 1.0)
    at = objective.point(vector, None)
    for k in range(vector.size):
        moved = [objective.point(vector + sign * STEP * np.eye(vector.size)[k], at).value for sign in (1, -1)]
        wanted = (moved[0] - moved[1]) / (2 * STEP)
        # Differences of a smooth function of size one err by its third derivative times 1e-6 / 6.
        assert at.gradient[k] == pytest.approx(wanted, rel=RELATIVE, abs=2e-3), task.space.names[k]


def test_without_the_log_determinant_the_gradient_is_wrong():
    task = task_of(oral())
    at = ConditionalObjective(task, INTERACTION).point(task.start, None)
    likelihood = task.likelihood(task.start)
    scores = likelihood.scores(likelihood.slopes(at.state[0][None], with_fixed=True))[0]
    forgetful = 2.0 * scores[:, likelihood.active.size :].sum(axis=0) * task.start[0]
    assert abs(forgetful[0] - at.gradient[0]) > 100 * RELATIVE * abs(at.gradient[0])


@pytest.mark.parametrize("linearisation", [INTERACTION, CONDITIONAL, FIRST_ORDER])
def test_a_linear_model_has_its_marginal_likelihood(linearisation):
    task = task_of(straight_lines())
    point = ConditionalObjective(task, linearisation).point(task.start, None)
    values, omega = task.space.values(task.start), task.predictor.model.omega
    predictor, total = task.predictor, 0.0
    for k in range(len(predictor.patients)):
        here = predictor.patient == k
        design = np.column_stack([np.ones(here.sum()), predictor.time[here]])
        spread = design @ omega @ design.T + values.fixed[2] ** 2 * np.eye(here.sum())
        density = multivariate_normal(design @ values.fixed[:2], spread).logpdf(predictor.measured[here])
        total += -2 * density - here.sum() * np.log(2 * np.pi)
    # Exact but for rounding, and for the modes' error squared.
    assert point.value == pytest.approx(total, rel=1e-9)


def test_a_patient_without_observations_changes_nothing():
    model = oral()
    records = measured(model, 6)
    table = records.table
    bare = records.without_observations(table.loc[(table["id"] == "3") & (table["evid"] == 0), "row"])
    less = records.select([name for name in records.ids if name != "3"])
    found = [ConditionalObjective(Task(Predictor(model, each)), INTERACTION) for each in (bare, less)]
    points = [each.point(each.task.start, None) for each in found]
    assert points[0].value == pytest.approx(points[1].value, rel=1e-10)
    assert points[0].gradient == pytest.approx(points[1].gradient, rel=1e-8)


def test_each_subject_stands_for_itself():
    model = oral()
    records = measured(model, 5)
    both = [Task(Predictor(model, each)) for each in (records, records.select(["2"]))]
    found = []
    for task in both:
        objective = ConditionalObjective(task, INTERACTION)
        modes, failed = objective.searched(task.likelihood(task.start), None)
        assert not failed.any()
        found.append(subject_objectives(task.likelihood(task.start), modes).values)
    assert found[0][1] == pytest.approx(found[1][0], rel=1e-9)
