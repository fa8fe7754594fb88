"""Triggers in terms of the signs of differences say the same as the triggers themselves."""

import itertools

import numpy as np
import pytest

from understudy.core.expression import Expression
from understudy.engine.events.trigger import sign_name, watch
from understudy.model.model import Model

TRIGGERS = [
    "x < 1",
    "x <= y or not y > 1",
    "0 < x < y <= 2",
    "x == 1 and y != 1",
    "level > 1",
    "high and x < 2",
    "x",
    "not (x - 1)",
    "1",
    "(x > 1) == (y > 1)",
    "where(x > 1, y > 1, y < 1)",
    "(x > 0) + (y > 0) + (x > 1) >= 2",
    "not (x > 1 and (y > 1 or t >= 2))",
]


def model(trigger: str) -> Model:
    return Model(
        "m", "h", {"y": (0,)}, {"x": "1"}, {}, assignments={"level": "x + y", "high": "level > 2"},
        events={"e": (trigger, {})},
    )  # fmt: skip


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_signs_tell_a_trigger_s_truth(trigger):
    found = watch(model(trigger))
    for x, y, t in itertools.product([-1.0, 0.0, 1.0, 1.5, 2.0], [0.0, 1.0, 2.0], [1.0, 2.0, 3.0]):
        values = {"x": x, "y": y, "t": t, "level": x + y, "high": float(x + y > 2)}
        signs = {sign_name(k): np.sign(d.evaluate(values)) for k, d in enumerate(found.differences)}
        assert bool(found.conditions[0].evaluate(signs)) == bool(Expression(trigger).evaluate(values)), values


def test_one_difference_serves_all_triggers_that_compare_the_same():
    both = Model(
        "m",
        "h",
        {"y": (0,)},
        {"x": "1"},
        {},
        events={"a": ("x < y", {}), "b": ("not x < y and x - y < 0", {})},
    )
    found = watch(both)
    assert found.differences == (Expression("x - y"),)
    assert found.conditions[1] == Expression("not sign_0 < 0 and sign_0 < 0")


def test_a_comparison_with_what_is_undefined_is_false():
    found = watch(model("x < 1 or x >= 1"))
    assert not found.conditions[0].evaluate({"sign_0": np.nan})
