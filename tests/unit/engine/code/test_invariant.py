"""Invariants: what parameters alone decide is worked out once, and nothing else changes."""

import numpy as np
import pandas as pd
import pytest

from understudy.core.expression import Expression
from understudy.data.records import Records
from understudy.engine.code.invariant import invariants, with_invariants
from understudy.engine.kernel import kernel
from understudy.engine.parameters import structural
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model as library_model
from understudy.library.catalogue import models
from understudy.model.model import Model

HILL = Model(
    "hill",
    "h",
    {"k": 0.3, "V": 8.0, "EC50": 2.0, "hill": 1.7, "SEX": 1.0},
    {"A": "mg", "R": ("1", 1)},
    {
        "A": "-where(SEX > 0.5, k * exp(0.2 * SEX), k) * A",
        "R": "(1 - C ** hill / (EC50 ** hill + C ** hill)) / V - R / (2 * V) - unused * 0",
    },
    assignments={"C": "A / V", "unused": "k ** 2"},
    outputs={"C": "C", "R": "R", "squared": "unused"},
)


def test_what_is_found():
    model, equations = invariants(HILL)
    assert equations == (
        Expression("1 / V"),
        Expression("-where(SEX > 0.5, k * exp(0.2 * SEX), k)"),
        Expression("EC50 ** hill"),
        Expression("1 / (2 * V)"),
        Expression("unused * 0"),
    )
    assert model.parameter_names == (*HILL.parameter_names, *(f"invariant_{i}" for i in range(5)))
    assert model.rates[0] == Expression("invariant_1 * A")
    assert {item.name: item.expression.text for item in model.assignments}["C"] == "A * invariant_0"


def test_a_model_without_invariants_is_left_as_it_is():
    plain = Model("plain", "h", {"k": 0.1, "n": 2.0}, {"A": "mg"}, {"A": "-k * n * A ** n / 3"})
    assert invariants(plain) == (plain, ())


def test_names_that_are_taken_are_not_taken_again():
    model = Model("m", "h", {"invariant_0": 2.0}, {"A": "mg"}, {"A": "-A / invariant_0"})
    assert invariants(model)[0].parameter_names == ("invariant_0", "invariant_0_")


@pytest.mark.parametrize("name", [entry.name for entry in models()])
def test_rates_are_the_same_for_every_library_model(name):
    model = structural(library_model(name))
    simpler, equations = invariants(model)
    values = {p.name: p.value for p in model.parameters}
    for item in model.constant_assignments:
        values[item.name] = item.expression.evaluate(values)
    values |= {state: 1.5 + k for k, state in enumerate(model.state_names)} | {"t": 2.5}
    for item in model.ordered_assignments:
        values[item.name] = item.expression.evaluate(values)
    more = dict(values)
    for parameter, equation in zip(simpler.parameter_names[len(model.parameters) :], equations, strict=True):
        more[parameter] = equation.evaluate(values)
    for item in simpler.ordered_assignments:
        more[item.name] = item.expression.evaluate(more)
    for before, after in zip(model.rates, simpler.rates, strict=True):
        assert after.evaluate(more) == pytest.approx(before.evaluate(values), rel=1e-13)


def test_parameters_that_change_bring_their_invariants(monkeypatch):
    """Covariates that change between records, and doses, on the kernel against the reference engine."""
    table = pd.DataFrame(
        {
            "ID": 1,
            "TIME": [0.0, 2, 6, 12, 12, 20],
            "AMT": [50.0, 0, 0, 0, 30, 0],
            "EVID": [1, 0, 0, 0, 1, 0],
            "DV": 0.0,
            "V": [8.0, 8, 11, 11, 5, 5],
            "SEX": [0.0, 0, 0, 1, 1, 1],
        }
    )
    records = Records.from_frame(table)
    wanted, found = (simulate(HILL, records, engine=engine) for engine in ("reference", "kernel"))
    np.testing.assert_allclose(found["C"].values, wanted["C"].values, rtol=1e-7)
    # Invariants of the first row for all rows would be seen.
    monkeypatch.setattr(kernel, "with_invariants", _frozen)
    assert not np.allclose(
        simulate(HILL, records, engine="kernel")["C"].values, wanted["C"].values, rtol=1e-3
    )


def _frozen(problem):
    found = with_invariants(problem)
    table = found.table.copy()
    known = problem.table.shape[1]
    table[:, known:] = table[0, known:]
    return found.replace(table=table)
