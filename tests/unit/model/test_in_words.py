"""What a model says beside its equations, in phrases."""

from dataclasses import replace

import pytest

from understudy.library.catalogue import model as library_model
from understudy.library.catalogue import names
from understudy.model.effect_shape import box_cox_effect, t_effect
from understudy.model.in_words import correlation_phrases, limits_of, mixture_phrases, prior_phrases, shape_of
from understudy.model.mixture import Mixture
from understudy.model.parts import Assignment, Parameter
from understudy.model.population_model import Covariate, PopulationModel
from understudy.model.prior import InverseWishart, NormalPrior
from understudy.model.residual import Residual

NEWBORNS = library_model("phenobarbital_neonates")


def shaped(equation: str) -> PopulationModel:
    return replace(
        NEWBORNS,
        fixed=(*NEWBORNS.fixed, Parameter("shape", 0.3)),
        individual=(Assignment("CL", f"theta_CL * WT * exp({equation})"), NEWBORNS.individual[1]),
    )


@pytest.mark.parametrize(
    ("equation", "told"),
    [
        ("eta_CL", "normal"),
        ("eta_CL * shape", "normal"),
        (box_cox_effect("eta_CL", "shape").text, "Box-Cox transform of a normal effect, by shape"),
        (f"0.2 * {t_effect('eta_CL', 'shape').text}", "Student's t, shape degrees of freedom"),
        (t_effect("eta_CL", 5).text, "Student's t, 5 degrees of freedom"),
    ],
)
def test_a_transformed_effect_is_recognised_in_its_equation(equation, told):
    assert shape_of("eta_CL", shaped(equation)) == told
    assert shape_of("eta_V", shaped(equation)) == "normal"


@pytest.mark.parametrize("name", names())
def test_effects_of_every_library_model_are_described(name):
    model = library_model(name)
    for effect in getattr(model, "eta_names", ()):
        assert shape_of(effect, model)


def test_limits_say_what_lies_beyond_them():
    assert limits_of(Residual("C", "s")) == ""
    assert limits_of(Residual("C", "s", upper_limit=9.0)) == "to 9"
    assert (
        limits_of(Residual("C", "s", lower_limit=1.0, upper_limit=9.0, blq="M1"))
        == "from 1 to 9, left out below (M1)"
    )


def test_priors_mixtures_and_correlations():
    blocks = (replace(NEWBORNS.random[0], prior=InverseWishart(((0.09,),), 20)), *NEWBORNS.random[1:])
    model = replace(
        NEWBORNS,
        fixed=(*NEWBORNS.fixed, Parameter("share", 0.25)),
        covariates=(*NEWBORNS.covariates, Covariate("GROUP")),
        mixture=Mixture("GROUP", ("share", "1 - share")),
        priors=(NormalPrior(("theta_CL", "theta_V"), (0.1, 0.2), ((0.04, 0.01), (0.01, 0.09)), "log"),),
        random=blocks,
        residual=(replace(NEWBORNS.residual[0], autocorrelation="share"),),
    )
    assert list(prior_phrases(model)) == [
        ("theta_CL", "log-normal, of the logarithms: mean 0.1, SD 0.2 (correlated with theta_V)"),
        ("theta_V", "log-normal, of the logarithms: mean 0.2, SD 0.3 (correlated with theta_CL)"),
        ("omega(eta_CL)", "inverse Wishart, mode 0.09 (lower triangle), 20 degrees of freedom"),
    ]
    assert list(mixture_phrases(model)) == [("GROUP = 1", "share", 0.25), ("GROUP = 2", "1 - share", 0.75)]
    assert list(correlation_phrases(model)) == [("Cp, successive", "half-life of the correlation share h")]
