"""Priors: densities against SciPy's, slopes against differences, what is refused."""

import numpy as np
import pytest
from scipy import stats

from understudy.core.errors import ModelError
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel, RandomEffects
from understudy.model.prior import InverseWishart, NormalPrior

LEVEL = Model("level", "h", {"y": 1.0}, {"A": "1"}, {"A": "0"}, outputs={"Y": "y"})


def test_normal_penalties_differ_as_log_densities_do():
    prior = NormalPrior(("a", "b"), (1.0, 2.0), ((0.5, 0.2), (0.2, 0.3)))
    scipy = stats.multivariate_normal(prior.means, prior.covariance)
    here, there = {"a": 1.4, "b": 1.1}, {"a": 0.2, "b": 2.5}
    found = prior.penalty(here) - prior.penalty(there)
    assert found == pytest.approx(-2 * (scipy.logpdf([1.4, 1.1]) - scipy.logpdf([0.2, 2.5])), rel=1e-12)


@pytest.mark.parametrize("scale", ["identity", "log"])
def test_slopes_of_normal_penalties(scale):
    prior, at, step = (
        NormalPrior(("a", "b"), (0.4, 0.7), ((0.5, 0.2), (0.2, 0.3)), scale),
        {"a": 1.4, "b": 1.1},
        1e-6,
    )
    for name, slope in prior.slopes(at).items():
        ahead, behind = (prior.penalty(at | {name: at[name] + sign * step}) for sign in (1, -1))
        assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-8, abs=1e-8)


def test_inverse_wishart_is_that_of_scipy_with_its_mode():
    mode = np.array([[0.09, 0.02], [0.02, 0.05]])
    prior = InverseWishart(tuple(map(tuple, mode)), 12)
    scipy = stats.invwishart(12, (12 + 3) * mode)
    here, there = np.array([[0.1, 0.0], [0.0, 0.08]]), np.array([[0.05, 0.01], [0.01, 0.2]])
    found = prior.penalty(here) - prior.penalty(there)
    assert found == pytest.approx(-2 * (scipy.logpdf(here) - scipy.logpdf(there)), rel=1e-10)
    np.testing.assert_allclose(prior.slopes(mode), 0, atol=1e-10)


def test_slopes_of_inverse_wishart():
    prior, at, step = (
        InverseWishart(((0.09, 0.02), (0.02, 0.05)), 12),
        np.array([[0.1, 0.03], [0.03, 0.08]]),
        1e-6,
    )
    for i, j in ((0, 0), (1, 0), (1, 1)):
        shift = np.zeros((2, 2))
        shift[i, j] = shift[j, i] = step
        wanted = (prior.penalty(at + shift) - prior.penalty(at - shift)) / (2 * step)
        slope = prior.slopes(at)
        # Both entries of a covariance move together.
        assert slope[i, j] * (1 if i == j else 2) == pytest.approx(wanted, rel=1e-6)


def test_a_model_with_priors_goes_through_json_and_tells_its_penalty():
    random = (RandomEffects(("eta",), ((0.09,),), prior=InverseWishart(((0.04,),), 20)),)
    priors = (NormalPrior("theta", 1.0, 0.25),)
    model = PopulationModel(
        "p", LEVEL, {"y": "theta + eta"}, {"theta": 2.0}, random, {"Y": "1"}, priors=priors
    )
    assert PopulationModel.from_json(model.to_json()) == model
    assert model.penalty == pytest.approx(4.0 + random[0].prior.penalty(np.array([[0.09]])))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: NormalPrior(("a", "b"), (1.0,), ((1.0,),)), "2 fixed effects, 1 means"),
        (lambda: NormalPrior("a", 1.0, -1.0), "no covariance matrix"),
        (lambda: NormalPrior("a", 1.0, 1.0, "logit"), "unknown scale"),
        (lambda: InverseWishart(((1.0, 0.0), (0.0, 1.0)), 1), "degrees of freedom for 2"),
        (
            lambda: RandomEffects(("e",), ((1.0,),), prior=InverseWishart(((1.0, 0.0), (0.0, 1.0)), 9)),
            "has 2 random",
        ),
        (lambda: PopulationModel("p", LEVEL, priors=(NormalPrior("other", 1.0, 1.0),)), "other"),
    ],
)
def test_what_is_no_prior_is_refused(make, match):
    with pytest.raises(ModelError, match=match):
        make()
