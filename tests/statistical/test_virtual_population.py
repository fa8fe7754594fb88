"""Virtual patients have the distribution that their model states."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from understudy.core.random import normals, uniforms
from understudy.engine.parameters import individual_values
from understudy.library.catalogue import model
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel, RandomEffects
from understudy.population.virtual import virtual_patients

COUNT = 20_000
# Two-sided bounds that a right sample leaves once in ten thousand times; the seeds are fixed, so that never happens.
Z = stats.norm.ppf(1 - 0.5e-4)


@pytest.fixture(scope="module")
def newborns():
    return virtual_patients(model("phenobarbital_neonates"), count=COUNT, seed=11)


def test_random_effects_have_mean_zero_and_the_stated_variance(newborns):
    omega = model("phenobarbital_neonates").omega
    for k, name in enumerate(("eta_CL", "eta_V")):
        values, variance = newborns[name].to_numpy(), omega[k, k]
        assert abs(values.mean()) < Z * np.sqrt(variance / COUNT)
        assert abs(values.var() / variance - 1) < Z * np.sqrt(2 / COUNT)
        assert stats.kstest(values / np.sqrt(variance), "norm").pvalue > 1e-4


def test_lognormal_parameters_have_the_stated_mean_and_variation(newborns):
    pop = model("phenobarbital_neonates")
    columns = {name: newborns[name].to_numpy() for name in newborns}
    clearance = individual_values(pop, columns, COUNT)["CL"] / newborns["WT"].to_numpy()
    theta, variance = pop.fixed_values["theta_CL"], pop.omega[0, 0]
    mean, variation = theta * np.exp(variance / 2), np.sqrt(np.exp(variance) - 1)
    assert abs(clearance.mean() / mean - 1) < Z * variation / np.sqrt(COUNT)
    assert abs(clearance.std() / clearance.mean() / variation - 1) < 0.03
    assert abs(np.median(clearance) / theta - 1) < Z * 1.2533 * np.sqrt(variance / COUNT)


def test_blocks_are_correlated_as_stated():
    covariance = ((0.09, 0.045), (0.045, 0.04))
    iv = Model("iv", "h", {"CL": (1, "L/h"), "V": (1, "L")}, {"A": "mg"}, {"A": "-CL / V * A"})
    pop = PopulationModel(
        "block",
        iv,
        {"CL": "2[L/h] * exp(eta_CL)", "V": "20[L] * exp(eta_V)"},
        random=(RandomEffects(("eta_CL", "eta_V"), covariance),),
    )
    drawn = virtual_patients(pop, count=COUNT, seed=3)[["eta_CL", "eta_V"]].to_numpy()
    spread = Z * np.sqrt(2 * 0.09 * 0.09 / COUNT)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=spread)


def test_covariates_are_resampled_whole_rows_at_even_odds():
    real = pd.DataFrame({"WT": np.arange(1.0, 60.0), "APGR": np.arange(1.0, 60.0) * 2})
    drawn = virtual_patients(model("phenobarbital_neonates"), real, COUNT, seed=5)
    assert (drawn["APGR"] == 2 * drawn["WT"]).all()
    counts = drawn["WT"].value_counts().reindex(real["WT"], fill_value=0)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_numbers_are_uniform_and_independent_of_each_other():
    drawn = uniforms(1, "test", np.arange(COUNT), 3)
    for column in drawn.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    z = normals(1, "test", np.arange(COUNT), 3)
    correlations = np.corrcoef(np.hstack([z, normals(1, "other", np.arange(COUNT), 3)]).T)
    assert np.abs(correlations - np.eye(6)).max() < Z * 1.3 / np.sqrt(COUNT)


def test_more_patients_leave_the_first_ones_as_they_were(newborns):
    few = virtual_patients(model("phenobarbital_neonates"), count=10, seed=11)
    later = virtual_patients(model("phenobarbital_neonates"), count=5, seed=11, first=100)
    pd.testing.assert_frame_equal(few, newborns.iloc[:10])
    pd.testing.assert_frame_equal(later, newborns.iloc[100:105])
