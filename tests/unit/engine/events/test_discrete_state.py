"""Parameters that events change become states; everything else about a model stays."""

from understudy.core.expression import Expression
from understudy.engine.code.event_code import CHANGES, CONDITIONS, DIFFERENCES, changes, event_code
from understudy.engine.events.discrete_state import separated
from understudy.model.event import Event
from understudy.model.model import Model


def changing() -> Model:
    return Model(
        "m", "h", {"k": (0.5, "1/h"), "k_start": (1, "1/h"), "V": (2, "L")},
        {"A": ("mg", "level * V")}, {"A": "-k * A"}, outputs={"A": ("A", "mg")},
        assignments={"level": "k / k_start * 1[mg/L]"},
        events=[Event("e", "A < 1[mg]", {"k": "2 * k"}, delay="1 / k", priority="A / 1[mg]")],
    )  # fmt: skip


def test_a_changed_parameter_is_a_state_that_starts_at_a_parameter_of_another_name():
    model = separated(changing())
    assert model.parameter_names == ("k_start_", "k_start", "V")
    assert model.state_names == ("A", "k")
    assert model.states[0].initial == Expression("k_start_ / k_start * 1[mg/L] * V")
    assert model.rates[1] == Expression(0)
    assert model.changed_parameters == ()
    assert model.routes == ("A",)
    model.check_units()
    assert separated(model) == model


def test_the_order_of_what_is_printed():
    model = separated(changing())
    assert changes(model) == [Expression("1 / k"), Expression("A / 1[mg]"), Expression("2 * k")]
    code = event_code(model)
    for name in (DIFFERENCES, CONDITIONS, CHANGES):
        assert f'@"{name}"' in code
