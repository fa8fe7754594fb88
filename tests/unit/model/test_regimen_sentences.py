"""Dosing sentences: what is understood, what is refused and how, and the round trip."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import RegimenError
from understudy.model.dose import Dose
from understudy.model.regimen import Regimen


def doses(sentence: str, time_unit: str = "h") -> tuple[Dose, ...]:
    return Regimen.parse(sentence, time_unit).doses


UNDERSTOOD = {
    "20 mg/kg over 30 min": [Dose(0, 20, "mg", "kg", duration=0.5)],
    "500 mg oral q8h x 10": [Dose(0, 500, interval=8, count=10, route="oral")],
    "500 mg po q 8 h x10 doses": [Dose(0, 500, interval=8, count=10, route="oral")],
    "500 mg by mouth three times a day for 10 days": [Dose(0, 500, interval=8, count=30, route="oral")],
    "1,000 mg bid": [Dose(0, 1000, interval=12, count=None)],
    "1 g b.i.d. for 3 days.": [Dose(0, 1, "g", interval=12, count=6)],
    "100 mcg tid for 1 week": [Dose(0, 100, "ug", interval=8, count=21)],
    "5 µg qid x 2 d": [Dose(0, 5, "ug", interval=6, count=8)],
    "0.5 mg once": [Dose(0, 0.5)],
    "40 mg daily for 5 doses": [Dose(0, 40, interval=24, count=5)],
    "40 mg once daily for 5 doses": [Dose(0, 40, interval=24, count=5)],
    "40 mg twice weekly for 4 doses": [Dose(0, 40, interval=84, count=4)],
    "40 mg 3 times a day for 4 doses": [Dose(0, 40, interval=8, count=4)],
    "40 mg every other day for 4 doses": [Dose(0, 40, interval=48, count=4)],
    "40 mg weekly": [Dose(0, 40, interval=168, count=None)],
    "375 mg/m2 iv over 4 h every 3 weeks for 6 doses": [
        Dose(0, 375, "mg", "m**2", duration=4, interval=504, count=6, route="iv")
    ],
    "75 mg/m^2 every day for 5 days": [Dose(0, 75, "mg", "m**2", interval=24, count=5)],
    "10 mg per kg every 12 h ss": [Dose(0, 10, "mg", "kg", interval=12, count=None, steady_state=True)],
    "100 mg every 24 h at steady state": [Dose(0, 100, interval=24, count=None, steady_state=True)],
    "at 10 mg/h for 24 h": [Dose(0, 240, duration=24)],
    "10 mg/h for 24 h": [Dose(0, 240, duration=24)],
    "at 10 mg/h for 2 h every 12 h for 5 days": [Dose(0, 20, duration=2, interval=12, count=10)],
    "at 24 mg/day": [Dose(rate=1)],
    "2 ug/kg/min at steady state": [Dose(rate=120, unit="ug", per="kg", steady_state=True)],
    "1 g at 50 mg/h": [Dose(0, 1, "g", duration=20)],
    "100 mg after 12 h": [Dose(12, 100)],
    "100 mg at 24 h": [Dose(24, 100)],
    "100 mg at 0 h": [Dose(0, 100)],
    "100 IU sc every 1.5 days for 36 h": [Dose(0, 100, "IU", interval=36, route="sc")],
    "5 U via Depot_2": [Dose(0, 5, "U", route="Depot_2")],
    "5 U via x1 every 8 h for 1 dose": [Dose(0, 5, "U", interval=8, route="x1")],
    "3 mmol IV bolus": [Dose(0, 3, "mmol", route="iv")],
    "1e3 nmol": [Dose(0, 1000, "nmol")],
    "no dose": [],
    "20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 10 days": [
        Dose(0, 20, per="kg", duration=0.5),
        Dose(12, 2.5, per="kg", interval=12, count=20),
    ],
    "a loading dose of 20 mg/kg, then maintenance 2.5 mg/kg every 12 h for 10 days.": [
        Dose(0, 20, per="kg"),
        Dose(12, 2.5, per="kg", interval=12, count=20),
    ],
    "100 mg every 24 h for 7 doses then 50 mg every 12 h": [
        Dose(0, 100, interval=24, count=7),
        Dose(168, 50, interval=12, count=None),
    ],
    "100 mg every 24 h for 7 doses then 50 mg every 12 h after 36 h": [
        Dose(0, 100, interval=24, count=7),
        Dose(180, 50, interval=12, count=None),
    ],
    "20 mg then 5 mg every 8 h after 24 h": [Dose(0, 20), Dose(24, 5, interval=8, count=None)],
    "20 mg then 5 mg at 30 h": [Dose(0, 20), Dose(30, 5)],
    "1 g over 24 h then 100 mg every 8 h x 2": [
        Dose(0, 1, "g", duration=24),
        Dose(24, 100, interval=8, count=2),
    ],
    "at 5 mg/h for 2 h then at 1 mg/h for 22 h": [Dose(0, 10, duration=2), Dose(2, 22, duration=22)],
    "10 mg then at 1 mg/h": [Dose(0, 10), Dose(0, rate=1)],
    "1 g iv over 1 h q12h for 5 days and 200 mg oral q24h for 5 days": [
        Dose(0, 1, "g", duration=1, interval=12, count=10, route="iv"),
        Dose(0, 200, interval=24, count=5, route="oral"),
    ],
    "1 mg q12h x 2 + 2 mg q24h x 2 then 3 mg q24h x 1": [
        Dose(0, 1, interval=12, count=2),
        Dose(0, 2, interval=24, count=2),
        Dose(48, 3, interval=24, count=1),
    ],
    "1 mg at 6 h and 2 mg and 3 mg after 8 h": [Dose(6, 1), Dose(6, 2), Dose(8, 3)],
}


@pytest.mark.parametrize("sentence", UNDERSTOOD)
def test_sentence_means_these_doses(sentence):
    assert doses(sentence) == tuple(UNDERSTOOD[sentence])


@pytest.mark.parametrize("sentence", UNDERSTOOD)
def test_canonical_sentence_reads_back_equal(sentence):
    regimen = Regimen.parse(sentence)
    assert Regimen.parse(str(regimen)) == regimen


def test_times_are_held_in_the_unit_asked_for():
    assert doses("5 mg/kg over 30 min every 12 h for 10 days", "d") == (
        Dose(0, 5, per="kg", duration=30 * 60 / 86400, interval=0.5, count=20),
    )
    assert Regimen.parse("1 mg", "days").time_unit == "d"


def test_canonical_sentence_uses_the_clinicians_units():
    assert str(Regimen.parse("375 mg/m2 over 240 min every 504 h for 6 doses")) == (
        "375 mg/m2 over 4 h every 3 weeks for 6 doses"
    )
    assert str(Regimen.parse("20 mg/kg over 0.5 h then 2.5 mg/kg every 12 h for 10 days")) == (
        "20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 20 doses"
    )


# sentence, the text under the caret, words of the cause, words of the repair
REFUSED = [
    ("", "", "empty", "20 mg/kg"),
    ("100 mg evry 24 h", "evry", "'evry' is not understood", "did you mean 'every'?"),
    ("100 mg every 24 h thn 50 mg", "thn", "not understood", "did you mean 'then'?"),
    ("100 mg orl every 8 h", "orl", "not understood", "did you mean 'oral'?"),
    ("hundred mg", "hundred", "is not an amount", "20 mg/kg"),
    ("100", "", "the amount has no unit", "use pg"),
    ("100 milligrams", "milligrams", "no unit of dose", "mg"),
    ("100 mL", "mL", "no unit of dose", "mg"),
    ("100 mg/lb", "lb", "not understood", "per kg or m2"),
    ("2,5 mg", "2,5", "comma", "2.5"),
    ("-5 mg", "-5", "negative", "above 0"),
    ("0 mg", "0 mg", "0 cannot be an amount", "above 0"),
    ("1e999 mg", "1e999", "cannot be an amount", "finite"),
    ("100 mg every", "", "an interval is missing", "every 12 h"),
    ("100 mg every 12", "", "the time has no unit", "min, h"),
    ("100 mg every 12 m", "m", "no unit of time", "min, h"),
    ("100 mg every 0 h", "0 h", "cannot be an interval", "above 0"),
    ("100 mg every 12 h for 7", "for", "for 7 what?", "for 7 doses"),
    ("100 mg every 12 h for 2.5 doses", "for", "2.5 times", "whole number"),
    ("100 mg for 7 days", "for", "how often", "every 12 h"),
    ("100 mg x 7", "x", "how often", "every 12 h"),
    ("100 mg q8h q12h", "q12h", "interval of one dose is given twice", "say it once"),
    ("100 mg q8h for 3 days x 4", "x", "end of the dosing of one dose is given twice", "say it once"),
    ("100 mg twice", "twice", "how many times a day", "twice daily"),
    ("100 mg 50 mg", "50", "number on its own", "'then' or 'and'"),
    ("100 mg q8h, 50 mg q6h", "50", "number on its own", "'then' or 'and'"),
    ("100 mg every 24 h then 50 mg every 8 h", "then", "has no end", "for 7 doses"),
    ("100 mg every 24 h then 50 mg after 8 h", "after", "has no end", "for 7 doses"),
    ("100 mg then 50 mg", "then", "how long to wait", "then 50 mg after 12 h"),
    ("100 mg every 24 h x 2 then", "", "an amount is missing", "20 mg/kg"),
    ("100 mg and", "", "an amount is missing", "20 mg/kg"),
    ("5 mg/kg/day", "5", "dose or an infusion", "at 5 mg/d"),
    ("at 5 mg", "5", "amount per time", "leave out 'at'"),
    ("at 10 mg/h every 12 h", "10", "cannot be repeated", "over 2 h"),
    ("100 mg at 5 mg", "at", "neither a time nor a speed", "at 24 h"),
    ("100 mg at 5 mg/kg/h", "at", "only one is per kg", "alike"),
    ("100 mg at 5 mmol/h", "at", "mmol", "mg/mmol"),
    ("100 mg over 2 h at 10 mg/h", "100", "not given at a rate of 10", "two of amount"),
    ("100 mg at steady state", "100", "no steady state", "how often"),
    ("100 mg q8h at steady", "", "'state'", "at steady state"),
    ("100 mg via 7", "7", "route has no name", "via depot"),
    ("100 mg every 1 s for 99 weeks", "for", "1,000,000 doses", "infusion"),
    ("100 mg @ 8 h", "@", "'@' is not understood", "at 24 h"),
    ("100 mg" + " q8h x 2 then 5 mg" * 20 + " !", "!", "'!' is not understood", "then"),
    ("100 mg\nevery 12 hourz", "hourz", "no unit of time", "min, h"),
]


@pytest.mark.parametrize(("sentence", "under", "cause", "repair"), REFUSED)
def test_refusal_points_at_the_word_and_says_the_repair(sentence, under, cause, repair):
    with pytest.raises(RegimenError) as caught:
        Regimen.parse(sentence)
    error = caught.value
    assert cause in error.cause
    assert repair in error.repair
    _, shown, caret = error.place.split("\n")
    column = caret.index("^")
    assert shown[column:].startswith(under)
    if not under:
        assert column == len(shown)


def test_only_text_is_a_sentence():
    with pytest.raises(RegimenError, match="no dosing sentence"):
        Regimen.parse(None)


def test_unknown_time_unit_is_named():
    with pytest.raises(RegimenError, match="'fortnight' is no unit of time"):
        Regimen.parse("100 mg", "fortnight")


def read_or_refused(text: str) -> None:
    """A sentence is read, and its canonical form reads back equal; or it is refused with caret and repair."""
    try:
        regimen = Regimen.parse(text)
    except RegimenError as error:
        refusal = error
    else:
        assert Regimen.parse(str(regimen)) == regimen
        return
    assert refusal.repair
    assert refusal.place.endswith("^")


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text):
    read_or_refused(text)


_WORDS = """5 0.5 1,000 -1 mg g mcg IU /kg /m2 /h /day per every q8h bid daily once twice other over for at
after then and + h 12h min days weeks doses x steady state ss iv oral via depot no dose , . ("""


@given(st.lists(st.sampled_from(_WORDS.split()), max_size=16).map(" ".join))
@settings(max_examples=500, deadline=None)
def test_any_order_of_known_words_is_read_or_refused(text):
    read_or_refused(f"100 mg {text}")


numbers = st.floats(1e-3, 1e5, allow_nan=False) | st.integers(1, 500).map(float)
routes = st.sampled_from(["", "iv", "oral", "depot", "x1", "q2", "po", "every", "then", "Central"])


@st.composite
def any_dose(draw):
    kind = draw(st.sampled_from(["single", "repeated", "open", "runs on", "running"]))
    fields = {
        "time": draw(st.just(0.0) | numbers),
        "unit": draw(st.sampled_from(["mg", "ug", "IU", "mmol"])),
        "per": draw(st.sampled_from(["", "kg", "m**2"])),
        "route": draw(routes),
    }
    if kind == "runs on":
        return Dose(rate=draw(numbers), steady_state=draw(st.booleans()), **fields)
    fields |= {"amount": draw(numbers), "duration": draw(st.just(0.0) | numbers)}
    if kind == "running":
        fields |= {"duration": draw(numbers), "steady_state": True}
    if kind in ("repeated", "open"):
        count = draw(st.integers(1, 1000)) if kind == "repeated" else None
        fields |= {"interval": draw(numbers), "count": count, "steady_state": draw(st.booleans())}
    return Dose(**fields)


@given(st.lists(any_dose(), max_size=5), st.sampled_from(["s", "min", "h", "d", "week"]))
@settings(max_examples=300, deadline=None)
def test_every_regimen_writes_a_sentence_that_reads_back_equal(lines, time_unit):
    regimen = Regimen(tuple(lines), time_unit)
    assert Regimen.parse(str(regimen), time_unit) == regimen


@given(st.lists(any_dose(), max_size=3))
@settings(max_examples=100, deadline=None)
def test_every_regimen_is_the_same_after_json(lines):
    regimen = Regimen(tuple(lines))
    again = Regimen.from_json(regimen.to_json())
    assert again == regimen
    assert again.hash == regimen.hash


def test_then_is_as_exact_as_written():
    load, maintenance = doses("7 mg every 0.1 h for 3 doses then 1 mg every 8 h")
    assert maintenance.time == load.end == 3 * 0.1
    assert math.isinf(maintenance.end)
