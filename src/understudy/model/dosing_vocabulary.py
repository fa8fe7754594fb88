"""The words of dosing sentences: units, routes, frequencies, and how a sentence splits into words."""

from __future__ import annotations

import re
from dataclasses import dataclass


def _synonyms(table: dict[str, str]) -> dict[str, str]:
    """Each name, and each of its synonyms, to the name."""
    return {word: name for name, words in table.items() for word in (name, *words.split())}


AMOUNT_UNITS = _synonyms(
    dict.fromkeys(["pg", "pmol", "nmol", "mmol", "mol", "IU", "kBq", "MBq", "GBq", "mCi"], "")
    | {"ng": "", "ug": "mcg µg μg", "mg": "", "g": "gram grams", "umol": "µmol μmol", "U": "unit units"}
)
FOLDED_AMOUNT_UNITS = {word.lower(): unit for word, unit in AMOUNT_UNITS.items()}
SIZES = _synonyms({"kg": "", "m**2": "m2 m² m^2"})
TIME_UNITS = _synonyms(
    {
        "s": "sec secs second seconds",
        "min": "mins minute minutes",
        "h": "hr hrs hour hours",
        "d": "day days",
        "week": "w wk wks weeks",
    }
)
ROUTES = _synonyms(
    {
        "iv": "intravenous intravenously",
        "oral": "po orally mouth",
        "sc": "subcutaneous subcutaneously",
        "im": "intramuscular intramuscularly",
    }
    | dict.fromkeys(("ip", "inhaled", "nasal", "rectal", "topical", "transdermal", "sublingual"), "")
)
_EVERY_HOURS = {
    1: "hourly",
    6: "qid qds",
    8: "tid tds",
    12: "bid bd",
    24: "daily nightly qd od",
    48: "qod",
    168: "weekly qw",
}
FREQUENCIES = {word: hours for hours, words in _EVERY_HOURS.items() for word in words.split()}
TIMES = {"once": 1, "twice": 2, "thrice": 3, "two": 2, "three": 3, "four": 4, "six": 6}
OPENERS = ("a", "an", "the", "of", "give", "infuse", "load", "loading", "maintenance", "dose", "infusion")
FILLERS = ("bolus", "infusion", "given", "infused", "injected")
AND = ("and", "+", "plus")
VOCABULARY = (
    *("then", "and", "over", "every", "for", "at", "after", "steady", "via", "by", "once", "twice"),
    *(*FREQUENCIES, *ROUTES),
)
UNDERSTOOD = (
    "understood are: an amount (20 mg/kg, 1 g, 10 mg/h), 'over 30 min', 'every 12 h' or q12h, bid, daily, "
    "'for 10 days', 'for 7 doses' or 'x 7', 'at 24 h', 'after 12 h', 'at steady state', a route (iv, oral, "
    "sc, im, or 'via NAME'), 'then', 'and'"
)
_TOKEN = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[qQxX×](?=\s*\d)|[^\W\d](?:\.[^\W\d])+\.?|m\^2|m\*\*2|m²|[^\W\d]\w*)"
    r"|(?P<sign>[/+])|(?P<space>[\s,;]+|\.(?=\s|$))|(?P<other>.)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or sign of a sentence, and where it starts."""

    kind: str
    text: str
    start: int

    @property
    def word(self) -> str:
        """The text as the vocabulary has it: words in lower case, ``b.i.d.`` without dots."""
        return self.text.lower().replace(".", "") if self.kind == "word" else self.text

    @property
    def number(self) -> float:
        """The value of a number."""
        return float(self.text.replace(",", ""))

    @property
    def end(self) -> int:
        """Where the text behind it starts."""
        return self.start + len(self.text)

    @property
    def shown(self) -> str:
        """The text in quotes, cut where it is long."""
        return repr(self.text if len(self.text) <= 30 else self.text[:30] + "…")


def tokens(sentence: str) -> list[Token]:
    """The words, numbers and signs of a sentence.

    Examples
    --------
    >>> [token.text for token in tokens("1,000 mg q8h, then b.i.d.")]
    ['1,000', 'mg', 'q', '8', 'h', 'then', 'b.i.d.']
    """
    found = [Token(m.lastgroup or "other", m.group(), m.start()) for m in _TOKEN.finditer(sentence)]
    return [token for token in found if token.kind != "space"]
