"""Words: a dosing sentence and how far it has been read, with numbers, units and complaints."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from understudy.core.errors import RegimenError, UnitError
from understudy.model.dose import in_time_unit
from understudy.model.dosing_vocabulary import (
    AMOUNT_UNITS,
    FOLDED_AMOUNT_UNITS,
    SIZES,
    TIME_UNITS,
    UNDERSTOOD,
    VOCABULARY,
    Token,
    tokens,
)


class Words:
    """The words of a sentence, taken one after another.

    Parameters
    ----------
    sentence : str
    time_unit : str
        Unit in which spans of time are wanted.
    """

    def __init__(self, sentence: str, time_unit: str):
        if not isinstance(sentence, str):
            raise RegimenError(f"{sentence!r} is no dosing sentence", repair=UNDERSTOOD)
        self.sentence, self.time_unit, self.position = sentence, time_unit, 0
        self.tokens = tokens(sentence)
        self.end = Token("end", "", len(sentence.rstrip()))

    def peek(self, ahead: int = 0) -> Token:
        place = self.position + ahead
        return self.tokens[place] if place < len(self.tokens) else self.end

    @property
    def now(self) -> Token:
        return self.peek()

    def take(self) -> Token:
        token = self.now
        self.position += 1
        return token

    def skip(self, *words: str) -> bool:
        found = self.now.word in words
        self.position += found
        return found

    def fail(self, token: Token, cause: str, repair: str = UNDERSTOOD) -> NoReturn:
        start = max(0, token.start - 60)
        shown = re.sub(r"\s", " ", self.sentence)[start : token.start + 60]
        raise RegimenError(cause, place=f"\n    {shown}\n    {' ' * (token.start - start)}^", repair=repair)

    def checked(self, token: Token, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """A call whose complaint, if any, is shown with a caret under `token`."""
        try:
            return call(*arguments, **named)
        except (RegimenError, UnitError) as error:
            self.fail(token, error.cause, error.repair)

    def quantity(self) -> tuple[float, str, str, float]:
        """Number, unit, size (kg, m**2 or none), and of a speed its time unit as a span (0 for an amount)."""
        value, unit, per, speed = self.number("an amount"), self.amount_unit(), "", 0.0
        while self.skip("/", "per"):
            token = self.take()
            if token.word in SIZES and not per:
                per = SIZES[token.word]
            elif token.word in TIME_UNITS and not speed:
                speed = in_time_unit(1.0, token.word, self.time_unit)
            else:
                self.fail(
                    token,
                    f"{token.shown} is not understood",
                    "doses are per kg or m2, speeds per min, h or d",
                )
        return value, unit, per, speed

    def number(self, what: str, least: float = math.ulp(0)) -> float:
        token = self.take()
        if token is self.end:
            self.fail(token, f"{what} is missing")
        if token.kind != "number":
            self.unknown(token, what)
        if re.match(r",\d", self.sentence[token.end : token.end + 2]):
            self.fail(token, "a comma in a number", "write decimals with a point: 2.5")
        value = token.number
        if not least <= value < math.inf:
            self.fail(token, f"{token.text} cannot be {what}", "give a finite number above 0")
        return value

    def amount_unit(self) -> str:
        token = self.take()
        name = AMOUNT_UNITS.get(token.text) or FOLDED_AMOUNT_UNITS.get(token.word)
        if not name:
            cause = f"{token.shown} is no unit of dose" if token.text else "the amount has no unit"
            self.fail(token, cause, f"use {', '.join(dict.fromkeys(AMOUNT_UNITS.values()))}")
        return name

    def span(self, what: str, otherwise: float | None = None) -> float:
        alone = otherwise is not None and self.now.word in TIME_UNITS
        return self.in_time(otherwise if alone else self.number(what))

    def in_time(self, value: float) -> float:
        token = self.take()
        if token.word not in TIME_UNITS:
            cause = f"{token.shown} is no unit of time" if token.text else "the time has no unit"
            self.fail(token, cause, "use s, min, h, d or week")
        return in_time_unit(value, token.word, self.time_unit)

    def unknown(self, token: Token, wanted: str = "") -> NoReturn:
        if token.text in ("-", "−"):
            self.fail(token, "a dose cannot be negative", "give amounts and times above 0")
        near = difflib.get_close_matches(token.word, VOCABULARY, 1, 0.7) if not wanted else []
        cause = f"{token.shown} is not {wanted}" if wanted else f"{token.shown} is not understood"
        self.fail(token, cause, f"did you mean {near[0]!r}? {UNDERSTOOD}" if near else UNDERSTOOD)
