"""Events are part of a model: checked, hashed, written as JSON; models without events are what they were."""

import pytest

from understudy.core.errors import ExpressionError, ModelError, UnitError
from understudy.model.event import Event
from understudy.model.model import Model
from understudy.model.parts import Assignment, Input


def tank(events=(), **changes) -> Model:
    parts = dict(
        name="tank",
        time_unit="h",
        parameters={"k": (0.1, "1/h"), "rest": (2, "h"), "low": (10, "mg")},
        states={"A": "mg", "B": "mg"},
        rates={"A": "-loss", "B": "loss"},
        assignments={"loss": "k * A", "half": "0.5 * k"},
        events=events,
    )
    return Model(**{**parts, **changes})


def test_short_and_full_forms_are_equal():
    short = tank({"refill": ("A < low", {"A": "A + low"}, "rest")})
    assert short == tank([Event("refill", "A < low", (Assignment("A", "A + low"),), delay="rest")])
    assert short.events[0].targets == ("A",)
    assert "refill: when A < low, rest later, A = A + low" in repr(short)


def test_a_model_without_events_has_the_hash_it_had_before_there_were_events():
    decay = Model("decay", "h", {"k": (0.1, "1/h")}, {"A": "mg"}, {"A": "-k * A"}, outputs={"C": ("A", "mg")})
    assert "events" not in decay.to_json()
    assert decay.hash == "d7eb00fb1f7ba40a4bda0843c9880bf07ad228acb955dca533b7eb8054f70e90"


def test_every_field_of_an_event_counts_and_survives_json():
    first = Event("refill", "A < low", {"A": "100[mg]"})
    others = [
        Event("refil", "A < low", {"A": "100[mg]"}),
        Event("refill", "A <= low", {"A": "100[mg]"}),
        Event("refill", "A < low", {"A": "101[mg]"}),
        Event("refill", "A < low", {"A": "100[mg]"}, delay="rest"),
        Event("refill", "A < low", {"A": "100[mg]"}, priority=1),
        Event("refill", "A < low", {"A": "100[mg]"}, persistent=False),
        Event("refill", "A < low", {"A": "100[mg]"}, initial_value=False),
        Event("refill", "A < low", {"A": "100[mg]"}, from_trigger_time=False),
        Event("refill", "A < low", {"A": "100[mg]"}, description="fill up"),
        Event("refill", "A < low", {"A": "100[mg]"}, ties="random"),
    ]
    models = [tank([event]) for event in (first, *others)]
    assert len({model.hash for model in models}) == len(models)
    for model in models:
        model.check_units()
        assert Model.from_json(model.to_json()) == model


def test_changed_parameters_are_listed_in_the_order_of_the_model():
    model = tank({"a": ("A < low", {"low": "2 * low"}), "b": ("t > 3[h]", {"k": 0, "B": "A"})})
    assert model.changed_parameters == ("k", "low")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (("A < high", {}), "undefined name 'high'"),
        (("A < low", {"C": 0}), "undefined name 'C'"),
        (("A < low", {"loss": 0}), "an event cannot change 'loss', which has an equation"),
        (("A < low", {"A": "tad"}), "undefined name 'tad'"),
        (("A < low", {"A": 0}, "wait"), "undefined name 'wait'"),
        (("A < low", {"A": 0}, 0, "rank"), "undefined name 'rank'"),
    ],
)
def test_events_that_contradict_the_model_are_refused(event, message):
    with pytest.raises(ModelError, match=message) as caught:
        tank({"change": event})
    assert "event change" in caught.value.place


def test_two_new_values_for_one_name_are_refused():
    with pytest.raises(ModelError, match="assigns twice to A"):
        Event("twice", "A < 1", (Assignment("A", 1), Assignment("A", 2)))


def test_names_of_events_are_names_and_given_once():
    with pytest.raises(ExpressionError, match="event name"):
        Event("re-fill", "A < 1")
    with pytest.raises(ModelError, match="events defined twice: a"):
        tank([Event("a", "A < low"), Event("a", "A > low")])


def test_unknown_ties_are_refused():
    with pytest.raises(ModelError, match="ties of event a are 'dice'"):
        Event("a", "A < 1", ties="dice")


@pytest.mark.parametrize("lag", ["rest", "1 / half"])
def test_what_an_input_needs_beforehand_cannot_be_changed(lag):
    event = {"change": ("A < low", {"rest": "1[h]", "k": "1[1/h]"})}
    with pytest.raises(ModelError, match="which input oral needs before anything happens"):
        tank(event, inputs=(Input("oral", "A", lag=lag),))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (("A < 10", {}), "10 is a plain number, should be in mg"),
        (("A", {}), "trigger of event change is in mg, should be in 1"),
        (("A < low", {"k": "2"}), "new value of k of event change .*should be in 1/h"),
        (("A < low", {}, "low"), "delay of event change is in mg, should be in h"),
        (("A < low", {}, 0, "low"), "priority of event change is in mg, should be in 1"),
    ],
)
def test_units_of_events_are_proved(event, message):
    with pytest.raises(UnitError, match=message):
        tank({"change": event}).check_units()


def test_events_are_shown_on_the_card_and_in_the_report():
    from rich.console import Console

    from understudy.app.model_card import show_card
    from understudy.dossier.model_section import _events
    from understudy.model.population_model import PopulationModel

    model = tank([Event("refill", "A < low", {"A": "A + low"}, delay="rest", description="a new dose")])
    to = Console(record=True, width=120)
    show_card(None, model, to)
    assert "refill: when A < low, rest later, A = A + low  a new dose" in to.export_text()
    table = _events(PopulationModel("p", model, {}, {}))
    assert table.rows == (("refill", "A new dose", "when A < low, rest later, A = A + low"),)
    assert _events(PopulationModel("p", tank(), {}, {})) is None
