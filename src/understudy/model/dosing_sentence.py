"""Dosing sentences: the clinician's words as doses, and doses as words.

The grammar::

    regimen   = group { "then" group } | "no dose"
    group     = line { ("and" | "+") line }
    line      = (amount | ["at"] speed) { words }
    amount    = NUMBER unit ["/kg" | "/m2"]
    speed     = NUMBER unit ["/kg" | "/m2"] "/" time-unit
    words     = "over" SPAN | "every" SPAN | "q8h" | "bid" … | "for" SPAN | "for" N "doses" | "x" N
              | "at steady state" | "ss" | "after" SPAN | "at" SPAN | "at" speed | route | "via" NAME
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from understudy.core.errors import RegimenError
from understudy.core.units import factor
from understudy.model.dose import Dose, in_time_unit, repeats, start_after
from understudy.model.dosing_vocabulary import (
    AND,
    FILLERS,
    FREQUENCIES,
    OPENERS,
    ROUTES,
    TIME_UNITS,
    TIMES,
    Token,
)
from understudy.model.dosing_words import Words

_NAME = re.compile(r"\s*([^\W\d]\w*)")


class _Line(dict):
    """What has been said of one line: what → (the word that said it, its value)."""

    def value(self, what: str, otherwise: Any = 0.0) -> Any:
        return self[what][1] if what in self else otherwise


def read_sentence(sentence: str, time_unit: str) -> tuple[Dose, ...]:
    """The doses that a sentence describes, with times in `time_unit`.

    Raises
    ------
    RegimenError
        With a caret under the word that is not understood.

    Examples
    --------
    >>> read_sentence("20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 10 days", "h")[1]
    Dose('2.5 mg/kg every 12 for 20 doses at 12')
    """
    return _Reader(sentence, time_unit).regimen()


class _Reader(Words):
    """A method for each rule of the grammar."""

    # regimen, groups, lines

    def regimen(self) -> tuple[Dose, ...]:
        if self.now is self.end:
            self.fail(self.end, "the dosing sentence is empty")
        if self.skip("no") and self.skip("dose", "doses", "drug", "treatment") and self.now is self.end:
            return ()
        doses = group = self.group([], self.end)
        while self.now is not self.end:
            then = self.take()
            group = self.group(group, then)
            doses = doses + group
        return tuple(doses)

    def group(self, previous: list[Dose], then: Token) -> list[Dose]:
        """Lines in parallel: one that names no start of its own starts with the first."""
        line = self.line()
        dose = self.dose(line)
        start = self.start(line, previous)
        if start is None:
            start = self.checked(then, start_after, previous, dose) if previous else 0.0
        doses = [dose.shifted(start)]
        while self.skip(*AND):
            line = self.line()
            own = self.start(line, previous)
            doses.append(self.dose(line).shifted(start if own is None else own))
        return doses

    def start(self, line: _Line, previous: list[Dose]) -> float | None:
        """The start a line names: ``at`` from the regimen's start, ``after`` from the last dose before."""
        if "start" not in line:
            return None
        token, value = line["start"]
        if token.word == "at":
            return value
        last = max((dose.last for dose in previous), default=0.0)
        if math.isinf(last):
            self.fail(token, "what comes before has no end", "say for how long: 'for 7 doses'")
        return last + value

    def line(self) -> _Line:
        line = _Line()
        while self.skip(*OPENERS):
            pass
        self.head(line)
        while self.now is not self.end and self.now.word not in (*AND, "then"):
            self.phrase(line)
        return line

    def dose(self, line: _Line) -> Dose:
        token = line["dose"][0]
        interval, count = line.value("interval"), line.value("count", None)
        if interval == 0 and ("span" in line or count not in (None, 1)):
            self.fail(line["end"][0], "nothing says how often the dose is given", "say 'every 12 h' or q12h")
        if "span" in line:
            count = self.checked(line["end"][0], repeats, line.value("span"), interval)
        unit, per = line.value("dose")
        numbers = {name: line.value(name) for name in ("amount", "duration", "rate", "interval")}
        said = {"route": line.value("route", ""), "steady_state": line.value("steady state", False)}
        return self.checked(
            token, Dose, unit=unit, per=per, count=count if interval else 1, **numbers, **said
        )

    # the words of a line

    def head(self, line: _Line) -> None:
        by_speed, token = self.skip("at"), self.now
        value, unit, per, speed = self.quantity()
        if speed > in_time_unit(1, "h", self.time_unit) and not by_speed:
            self.fail(
                token,
                "an amount a day or a week: is it a dose or an infusion?",
                "write '5 mg every 24 h' for a dose, 'at 5 mg/d' for an infusion",
            )
        if by_speed and not speed:
            self.fail(token, "a speed is an amount per time", "write 'at 10 mg/h', or leave out 'at'")
        line["dose"] = token, (unit, per)
        line["rate" if speed else "amount"] = token, value / (speed or 1.0)

    def phrase(self, line: _Line) -> None:
        token = self.take()
        word = token.word
        if word in _RULES:
            _RULES[word](self, line, token)
        elif word in FREQUENCIES:
            self.say(line, "interval", token, in_time_unit(FREQUENCIES[word], "h", self.time_unit))
        elif word in TIMES or (token.kind == "number" and self.now.word == "times"):
            self.times_a(line, token)
        elif word in ROUTES:
            self.say(line, "route", token, ROUTES[word])
        elif token.kind == "number":
            self.fail(
                token,
                "a number on its own",
                "write 'every' before an interval, 'then' or 'and' before a dose",
            )
        elif word not in FILLERS:
            self.unknown(token)

    def say(self, line: _Line, what: str, token: Token, value: Any) -> None:
        if what in line:
            name = {"end": "end of the dosing"}.get(what, what)
            self.fail(
                token, f"the {name} of one dose is given twice", "say it once, or write 'then' between doses"
            )
        line[what] = token, value

    def over(self, line: _Line, token: Token) -> None:
        self.say(line, "duration", token, self.span("a duration"))

    def every(self, line: _Line, token: Token) -> None:
        interval = self.in_time(2.0) if self.skip("other") else self.span("an interval", 1.0)
        self.say(line, "interval", token, interval)

    def times_a(self, line: _Line, token: Token) -> None:
        """``once`` alone, or so many times ``a day``, ``per week``, ``daily``."""
        times = TIMES.get(token.word) or token.number
        repeated = self.skip("times")
        if self.now.word in ("daily", "weekly") and times > 0:
            hours = FREQUENCIES[self.take().word]
            self.say(line, "interval", token, in_time_unit(hours, "h", self.time_unit) / times)
        elif self.skip("a", "per", "every") and times > 0:
            self.say(line, "interval", token, self.in_time(1.0) / times)
        elif token.word == "once" and not repeated:
            self.end_after(line, token, 1)
        else:
            self.fail(
                token, "how many times a day or a week?", "write 'twice daily', '3 times a day' or 'x 3'"
            )

    def for_(self, line: _Line, token: Token) -> None:
        """So many doses, or a span of time: of an infusion given by its speed, otherwise of the dosing."""
        value = self.number("a number of doses or a time")
        if self.skip("dose", "doses", "times") or (token.word != "for" and self.now.word not in TIME_UNITS):
            self.end_after(line, token, value)
        elif self.now.word not in TIME_UNITS:
            self.fail(token, f"for {value:g} what?", "say 'for 7 doses' or 'for 10 days'")
        elif "rate" in line and not {"amount", "interval", "duration"} & line.keys():
            self.say(line, "duration", token, self.in_time(value))
        else:
            self.say(line, "end", token, None)
            self.say(line, "span", token, self.in_time(value))

    def end_after(self, line: _Line, token: Token, count: float) -> None:
        if count != int(count):
            self.fail(token, f"a dose cannot be given {count:g} times", "give a whole number of doses")
        self.say(line, "end", token, None)
        self.say(line, "count", token, int(count))

    def at(self, line: _Line, token: Token) -> None:
        if self.now.word in ("steady", "ss"):
            self.steady(line, self.take())
        elif self.peek(1).word in TIME_UNITS:
            self.say(line, "start", token, self.in_time(self.number("a time", least=0.0)))
        else:
            self.speed(line, token)

    def speed(self, line: _Line, token: Token) -> None:
        value, unit, per, speed = self.quantity()
        if not speed:
            self.fail(token, "neither a time nor a speed", "write 'at 24 h', or 'at 10 mg/h'")
        wanted, size = line.value("dose")
        if per != size:
            self.fail(token, "of the amount and its speed only one is per kg or m2", "write both alike")
        self.say(line, "rate", token, value / speed * self.checked(token, factor, unit, wanted))

    def after(self, line: _Line, token: Token) -> None:
        self.say(line, "start", token, self.in_time(self.number("a time", least=0.0)))

    def steady(self, line: _Line, token: Token) -> None:
        if token.word == "steady" and not self.skip("state"):
            self.fail(self.now, "after 'steady' comes 'state'", "write 'at steady state'")
        self.say(line, "steady state", token, True)

    def via(self, line: _Line, token: Token) -> None:
        found = _NAME.match(self.sentence, token.end)
        if not found:
            self.fail(
                self.now, "the route has no name", "write the name of an input of the model: 'via depot'"
            )
        while self.now is not self.end and self.now.start < found.end():
            self.take()
        name = ROUTES.get(found[1].lower(), found[1]) if token.word == "by" else found[1]
        self.say(line, "route", token, name)


_RULES: dict[str, Callable[[_Reader, _Line, Token], None]] = {
    "over": _Reader.over,
    "at": _Reader.at,
    "after": _Reader.after,
    **dict.fromkeys(("every", "q", "each"), _Reader.every),
    **dict.fromkeys(("for", "x", "×"), _Reader.for_),
    **dict.fromkeys(("ss", "steady"), _Reader.steady),
    **dict.fromkeys(("via", "by"), _Reader.via),
}


def write_sentence(doses: Sequence[Dose], time_unit: str) -> str:
    """The sentence that `read_sentence` reads back as the same doses.

    Examples
    --------
    >>> write_sentence([Dose(amount=1, unit="g", duration=1, interval=12, count=None, route="iv")], "h")
    '1 g over 1 h every 12 h iv'
    """
    text, group, previous_start = "no dose", [], 0.0
    for k, dose in enumerate(doses):
        words = write_dose(dose, time_unit)
        at = f" at {_span(dose.time, time_unit)}"
        if k == 0:
            text, group, previous_start = words + (at if dose.time else ""), [dose], dose.time
        elif dose.time == previous_start:
            text, group = f"{text} and {words}", [*group, dose]
        elif dose.time == _then(group, dose):
            text, group, previous_start = f"{text} then {words}", [dose], dose.time
        else:
            text, group = f"{text} and {words}{at}", [*group, dose]
    return text


def _then(group: Sequence[Dose], dose: Dose) -> float:
    try:
        return start_after(group, dose)
    except RegimenError:
        return math.nan


def write_dose(dose: Dose, time_unit: str) -> str:
    """One line in words, without its start."""
    unit = dose.unit + {"": "", "kg": "/kg", "m**2": "/m2"}[dose.per]
    per_time = f"at {_shortest(dose.rate)} {unit}/{time_unit or 'time'}"
    words = [per_time if dose.runs_on else f"{_shortest(dose.amount)} {unit}"]
    words += [f"over {_span(dose.duration, time_unit)}"] if dose.duration else []
    words += [f"every {_span(dose.interval, time_unit)}"] if dose.interval else []
    if dose.interval and dose.count is not None:
        words.append(f"for {dose.count} dose{'s' if dose.count > 1 else ''}")
    if dose.route:
        words.append(dose.route if ROUTES.get(dose.route) == dose.route else f"via {dose.route}")
    words += ["at steady state"] if dose.steady_state else []
    return " ".join(words)


def _span(value: float, time_unit: str) -> str:
    """A span of time in the unit in which a clinician would say it: 3 weeks, 12 h, 30 min."""
    for unit in ("week", time_unit, "h", "min", "s") if time_unit else ():
        number = in_time_unit(value, time_unit, unit)
        number = round(number) if number < 1e6 else 0
        if number and in_time_unit(number, unit, time_unit) == value:
            return f"{number} {unit}{'s' if unit == 'week' and number > 1 else ''}"
    return f"{_shortest(value)} {time_unit}".strip()


def _shortest(value: float) -> str:
    return repr(int(value)) if value.is_integer() and value < 1e15 else repr(value)
