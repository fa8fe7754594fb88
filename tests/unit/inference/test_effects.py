"""Which entry of a subject's vector is which random effect on which occasion."""

import numpy as np
import pytest
from normal_model import normal_population

from understudy.inference.effects import Effects
from understudy.model.population_model import RandomEffects

BETWEEN = RandomEffects(("a", "b"), ((1.0, 0.5), (0.5, 2.0)))
WITHIN = RandomEffects(("c",), ((3.0,),), level="occasion")


@pytest.fixture
def effects():
    model = normal_population(individual={"base": "theta + a + b + c"}, random=(BETWEEN, WITHIN))
    return Effects(model, 3)


def test_names_number_the_occasions(effects):
    assert effects.names == ("a", "b", "c_1", "c_2", "c_3")


def test_covariance_repeats_an_occasions_block(effects):
    wanted = np.diag([1.0, 2.0, 3.0, 3.0, 3.0])
    wanted[0, 1] = wanted[1, 0] = 0.5
    np.testing.assert_array_equal(effects.omega, wanted)
    assert effects.active.all()


def test_columns_put_each_occasions_effect_where_it_belongs(effects):
    vectors = np.arange(10.0).reshape(2, 5)
    patient, occasion = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 2])
    columns = effects.columns(vectors, patient, occasion)
    np.testing.assert_array_equal(columns["a"], [0, 5])
    np.testing.assert_array_equal(columns["b"], [1, 6])
    np.testing.assert_array_equal(columns["c"], [2, 3, 4, 7, 9])


def test_without_random_effects_there_is_nothing():
    nothing = Effects(normal_population(individual={"base": "theta"}, random={}))
    assert nothing.names == ()
    assert nothing.omega.shape == (0, 0)
    assert nothing.columns(np.zeros((2, 0)), np.arange(2), np.zeros(2, int)) == {}


def test_an_effect_of_variance_zero_is_not_active():
    model = normal_population(random={"eta": 1.0, "idle": 0.0})
    np.testing.assert_array_equal(Effects(model).active, [True, False])
