"""From parameters to an unbounded vector and back, with derivatives."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_data import between_occasions, oral

from understudy.core.errors import ModelError
from understudy.inference.effects import Effects
from understudy.inference.estimation.parameter_space import ParameterSpace, values_of
from understudy.model.population_model import PopulationModel, RandomEffects


def bounded(**bounds) -> PopulationModel:
    model = oral()
    fixed = tuple(replace(p, **bounds.get(p.name, {})) for p in model.fixed)
    return replace(model, fixed=fixed)


def space_of(model: PopulationModel, occasions: int = 1) -> ParameterSpace:
    return ParameterSpace(model, Effects(model, occasions))


BOUNDS = {
    "theta_ka": {"lower": 0.0},
    "theta_CL": {"lower": 1.0, "upper": 9.0},
    "theta_V": {"upper": 90.0},
    "prop": {"fixed": True},
}


def test_there_and_back():
    space = space_of(bounded(**BOUNDS))
    values = space.values(space.start)
    own = values_of(space.model)
    assert values.fixed == pytest.approx(own.fixed, rel=1e-14)
    for found, wanted in zip(values.blocks, own.blocks, strict=True):
        assert found == pytest.approx(wanted, rel=1e-14)


def test_what_is_held_is_not_in_it():
    space = space_of(bounded(**BOUNDS))
    assert space.names == (
        "theta_ka", "theta_CL", "theta_V", "omega(eta_ka)", "omega(eta_CL)", "omega(eta_V,eta_CL)", "omega(eta_V)"
    )  # fmt: skip
    assert space.values(space.start + 1.0).fixed[3] == 0.15


@pytest.mark.parametrize("far", [-30.0, -3.0, 0.0, 3.0, 30.0])
def test_every_vector_is_a_model(far):
    space = space_of(bounded(**BOUNDS))
    values = space.values(space.start + far * np.sin(np.arange(space.start.size) + 1.0))
    assert values.fixed[0] >= 0.0
    assert 1.0 <= values.fixed[1] <= 9.0
    assert values.fixed[2] <= 90.0
    for matrix in values.blocks:
        assert np.linalg.eigvalsh(matrix).min() >= 0.0


def test_the_gradient_against_differences():
    space = space_of(bounded(**BOUNDS))
    rng = np.random.default_rng(3)
    by_fixed, by_omega = rng.standard_normal(3), rng.standard_normal((3, 3))
    by_omega = by_omega + by_omega.T
    vector = space.start + 0.2

    def value(at: np.ndarray) -> float:
        values = space.values(at)
        return float(by_fixed @ values.fixed[:3] + (by_omega * space.omega(values)).sum())

    found = space.gradient(vector, by_fixed, by_omega)
    for k in range(vector.size):
        step = 1e-6 * np.eye(vector.size)[k]
        # Central differences over 1e-6 round at 1e-9.
        wanted = (value(vector + step) - value(vector - step)) / 2e-6
        assert found[k] == pytest.approx(wanted, rel=1e-6, abs=1e-7)


def test_a_block_between_occasions_stands_once_for_each():
    space = space_of(between_occasions(), occasions=3)
    omega = space.omega(space.values(space.start))
    assert np.diag(omega) == pytest.approx([0.09, 0.06, 0.03, 0.03, 0.03])
    by_omega = np.zeros((5, 5))
    by_omega[2, 2], by_omega[3, 3], by_omega[4, 4] = 1.0, 10.0, 100.0
    found = space.gradient(space.start, np.zeros(4), by_omega)
    # The variance is the square of a factor whose logarithm is the coordinate.
    assert found[-1] == pytest.approx(2 * 0.03 * 111.0)


def test_a_block_that_is_the_same_follows_the_one_before():
    random = (RandomEffects(("a",), ((0.2,),)), RandomEffects(("b",), ((0.2,),), same=True))
    model = oral(
        individual={"ka": "theta_ka * exp(a)", "CL": "theta_CL * exp(b)", "V": "theta_V"}, random=random
    )
    space = space_of(model)
    assert space.names[-1] == "omega(a)"
    moved = space.values(space.start + 0.1)
    assert moved.blocks[0] == moved.blocks[1]
    assert space.with_values(moved).omega[1, 1] == moved.blocks[0][0, 0]


def test_same_needs_the_same_covariance():
    random = (
        RandomEffects(("eta_ka",), ((0.2,),)),
        RandomEffects(("eta_CL", "eta_V"), ((0.2, 0.0), (0.0, 1.0)), same=True),
    )
    with pytest.raises(ModelError, match="not that of the block before"):
        oral(random=random)


def test_a_covariance_of_zero_stays_zero():
    random = (
        RandomEffects(("eta_ka",), ((0.2,),)),
        RandomEffects(("eta_CL", "eta_V"), ((0.2, 0.0), (0.0, 0.1))),
    )
    space = space_of(oral(random=random))
    assert space.names[-2:] == ("omega(eta_CL)", "omega(eta_V)")
    assert space.values(space.start + 0.5).blocks[1][0, 1] == 0.0


def test_an_estimate_that_begins_on_its_bound_is_refused():
    with pytest.raises(ModelError, match=r"theta_ka begins at 1\.2, not inside of its bounds"):
        _ = space_of(bounded(theta_ka={"lower": 1.2})).start


def test_a_singular_block_is_refused():
    random = (
        RandomEffects(("eta_ka",), ((0.2,),)),
        RandomEffects(("eta_CL", "eta_V"), ((0.2, 0.2), (0.2, 0.2))),
    )
    with pytest.raises(ModelError, match="singular where estimation begins"):
        _ = space_of(oral(random=random)).names


def test_a_parameter_that_begins_at_zero_has_a_scale():
    model = oral(
        fixed={
            "theta_ka": 1.2,
            "theta_CL": 4.0,
            "theta_V": 40.0,
            "prop": 0.1,
            "slope": 0.0,
        }
    )
    space = space_of(model)
    assert space.values(space.start + 0.5).fixed[4] == 0.5
