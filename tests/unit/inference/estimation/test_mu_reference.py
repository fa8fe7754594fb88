"""What is found to be referenced, equation by equation."""

import numpy as np
import pandas as pd
import pytest

from understudy.data.records import Records
from understudy.inference.estimation.mu_reference import MuReferences
from understudy.inference.predictor import Predictor
from understudy.model.model import Model
from understudy.model.parts import Parameter
from understudy.model.population_model import PopulationModel, RandomEffects

FLAT = Model("flat", "h", {"p": 1.0, "q": 1.0}, {"A": "1"}, {"A": "0"}, outputs={"Y": "p + q * t"})


def references(individual: dict, fixed: dict, random=None, covariates=("WT", "SEX"), residual="0.1"):
    """Of a population measured in four patients whose weight changes and whose sex does not."""
    rows = [
        {"ID": k + 1, "TIME": t, "DV": 1.0, "WT": 50.0 + 9 * k + 2 * t, "SEX": k % 2, "OCC": 1 + (t > 1)}
        for k in range(4)
        for t in (0.0, 1.0, 2.0)
    ]
    model = PopulationModel(
        "m", FLAT, individual, fixed, random or {"e": 0.1}, {"Y": residual}, dict.fromkeys(covariates, "1")
    )
    return MuReferences(Predictor(model, Records.from_frame(pd.DataFrame(rows), covariates=list(covariates))))


TABLE = {
    "logarithm": ({"p": "a * exp(e)"}, "log", 1.0, ("a",)),
    "logarithm of a logarithm": ({"p": "exp(a + e)"}, "log", 1.0, ("a",)),
    "identity": ({"p": "a + e"}, "identity", 1.0, ("a",)),
    "expit": ({"p": "expit(a + e)"}, "logit", 1.0, ("a",)),
    "logit written out": ({"p": "1 / (1 + exp(-(a + e)))"}, "logit", 1.0, ("a",)),
    "logit of a fraction": ({"p": "expit(logit(a / (1 + a)) + e)"}, "logit", 1.0, ("a",)),
    "slope": ({"p": "a * exp(0.5 * e)"}, "log", 0.5, ("a",)),
    "other sign": ({"p": "a * exp(-e)"}, "log", -1.0, ("a",)),
    "covariate": ({"p": "a * exp(b * SEX + e)"}, "log", 1.0, ("a", "b")),
    "covariate, not linear": ({"p": "a * (1 + b * SEX) * exp(e)"}, "log", 1.0, ("a", "b")),
    "choice": ({"p": "where(SEX > 0, a, b) * exp(e)"}, "log", 1.0, ("a", "b")),
    "intermediate": ({"mu": "log(a) + b * SEX", "p": "exp(mu + e)"}, "log", 1.0, ("a", "b")),
    "intermediate with the effect": ({"phi": "a + e", "p": "exp(phi)"}, "identity", 1.0, ("a",)),
    "weight that changes, no effect": ({"p": "a * (WT / 70) ** 0.75 * exp(e)"}, "log", 1.0, ("a",)),
    "weight that changes": ({"p": "a * (WT / 70) ** b * exp(e)"}, "log", 1.0, ("a",)),
    "used elsewhere": ({"p": "a * b * exp(e)", "q": "b"}, "log", 1.0, ("a",)),
    "used in the error": ({"p": "a * b * exp(e)"}, "log", 1.0, ("a",)),
    "held": ({"p": "a * b * exp(e)"}, "log", 1.0, ("a",)),
}


@pytest.mark.parametrize("case", TABLE)
def test_referenced(case):
    individual, transform, slope, fixed = TABLE[case]
    residual = "0.1 * b ** 2" if case == "used in the error" else "0.1"
    b = Parameter("b", 0.3, "1", fixed=case == "held")
    (found,) = references(individual, (Parameter("a", 2.0, "1"), b), residual=residual).references
    assert (found.transform, found.slope, found.fixed) == (transform, slope, fixed)


@pytest.mark.parametrize(
    "individual",
    [
        {"p": "a * (1 + e)"},
        {"p": "a * exp(b * e)"},
        {"p": "a * exp(e)", "q": "b * exp(e)"},
        {"p": "a + b ** 2 * e"},
        {"p": "a * exp(e) + b"},
        {"p": "a * exp(e * WT / 70)"},
    ],
    ids=lambda value: str(list(value.values())),
)
def test_not_referenced(individual):
    assert references(individual, {"a": 2.0, "b": 0.3}).references == ()


def test_an_effect_without_variance_is_none():
    assert references({"p": "a * exp(e)"}, {"a": 2.0}, {"e": 0.0}).references == ()


def test_an_effect_between_occasions_may_stand_beside():
    random = (RandomEffects(("e",), ((0.1,),)), RandomEffects(("k",), ((0.1,),), level="occasion"))
    found = references({"p": "a * exp(e + k)", "q": "b * exp(k)"}, {"a": 2.0, "b": 1.0}, random)
    assert [(each.effect, each.fixed) for each in found.references] == [("e", ("a",))]


def test_one_parameter_used_by_another():
    # q follows p, whose own effect and mean are given once the individual's p is.
    random = {"e": 0.1, "f": 0.1}
    found = references({"p": "a * exp(e)", "q": "p * b * exp(f)"}, {"a": 2.0, "b": 0.3}, random)
    assert [(each.effect, each.fixed) for each in found.references] == [("e", ("a",)), ("f", ("b",))]


def test_a_fixed_effect_in_two_means():
    random = {"e": 0.1, "f": 0.1}
    individual = {"p": "a * exp(c * SEX + e)", "q": "b * exp(c * SEX + f)"}
    found = references(individual, {"a": 2.0, "b": 0.3, "c": 0.5}, random)
    assert [each.fixed for each in found.references] == [("a", "c"), ("b", "c")]
    # The same in a parameter of which the effect is none.
    individual["q"] = "b * exp(c * SEX) * (1 + f)"
    found = references(individual, {"a": 2.0, "b": 0.3, "c": 0.5}, random)
    assert [each.fixed for each in found.references] == [("a",)]


def test_means_move_as_random_effects_would():
    found = references(
        {"p": "a * (1 + b * SEX) * (WT / 70) ** c * exp(0.5 * e)"}, {"a": 2.0, "b": 0.3, "c": 0.8}
    )
    predictor = found.predictor
    before, after = np.array([2.0, 0.3, 0.8]), np.array([1.7, 0.5, 0.8])
    means = found.means(np.stack([before, after]))
    eta = np.linspace(-1.0, 1.0, 4).reshape(1, 4, 1)
    moved = eta + (means[0] - means[1])
    # Individuals whose effects make up for the means have the same predictions.
    wanted, same = predictor.natural(eta, before), predictor.natural(moved, after)
    np.testing.assert_allclose(same, wanted, rtol=1e-12)
    assert np.abs(predictor.natural(eta, after) / wanted - 1).min() > 0.005
