"""Objective functions where the integral they approximate has an exact value."""

import numpy as np
import pytest
from normal_model import OMEGA, SIGMA2, THETA, marginal, measured, normal_population

from understudy.core.errors import SimulationError
from understudy.inference.objective import objective

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0], "c": [7.2, 7.0]}


@pytest.mark.parametrize("method", ["focei", "laplace"])
def test_both_are_exact_where_everything_is_normal(method):
    wanted = sum(marginal(own) for own in VALUES.values())
    assert objective(normal_population(), measured(VALUES), method) == pytest.approx(wanted, rel=1e-9)


def test_a_patient_without_a_measurement_adds_nothing():
    records = measured(VALUES | {"d": [1.0]})
    row = int(records.table["row"].iloc[-1])
    without = records.without_observations([row])
    assert objective(normal_population(), without) == pytest.approx(
        objective(normal_population(), measured(VALUES)), rel=1e-12
    )


def test_without_random_effects_it_is_the_likelihood_itself():
    model = normal_population(individual={"base": "theta"}, random={})
    wanted = sum((y - THETA) ** 2 / SIGMA2 + np.log(SIGMA2) for own in VALUES.values() for y in own)
    assert objective(model, measured(VALUES)) == pytest.approx(wanted, rel=1e-12)


def test_measurements_on_the_scale_of_logarithms():
    logs = {name: np.exp(np.array(own) - 4).tolist() for name, own in VALUES.items()}
    model = normal_population(
        individual={"base": "exp(theta - 4 + eta)"},
        residual=(type(normal_population().residual[0])("y", str(SIGMA2), scale="log"),),
    )
    wanted = sum(marginal(own) for own in VALUES.values())
    assert objective(model, measured(logs)) == pytest.approx(wanted, rel=1e-8)


def test_occasions_have_effects_of_their_own():
    from understudy.model.population_model import RandomEffects

    # Two occasions of a patient: y = theta + eta + kappa_occasion + epsilon.
    kappa = 0.5
    model = normal_population(
        individual={"base": "theta + eta + kappa"},
        random=(
            RandomEffects(("eta",), ((OMEGA,),)),
            RandomEffects(("kappa",), ((kappa,),), level="occasion"),
        ),
    )
    values = [5.5, 6.1, 4.0, 4.2]
    records = measured({"a": values}, OCC=[1, 1, 2, 2])
    same = np.kron(np.eye(2), np.ones((2, 2)))
    covariance = OMEGA * np.ones((4, 4)) + kappa * same + SIGMA2 * np.eye(4)
    residual = np.array(values) - THETA
    wanted = np.linalg.slogdet(covariance)[1] + residual @ np.linalg.solve(covariance, residual)
    assert objective(model, records) == pytest.approx(wanted, rel=1e-8)


def test_patients_whose_density_is_undefined_are_named():
    model = normal_population(individual={"base": "log(theta - 10)"}, random={})
    with pytest.raises(SimulationError, match="patients a, b, c"):
        objective(model, measured(VALUES))
