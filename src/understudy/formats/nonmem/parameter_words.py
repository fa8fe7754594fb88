"""Parameter words: records of numbers, brackets and options, read word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass

from understudy.formats.nonmem.stream_record import Line, StreamRecord

MOST = 1000
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EDed][+-]?\d+)?")
_TOKEN = re.compile(r"\s*(?P<word>\(|\)|=|,|[^\s(),=]+)")
_REPEAT = re.compile(r"[Xx](\d+)")


@dataclass(frozen=True)
class Word:
    """A word or sign, and its line."""

    text: str
    line: Line


class Words:
    """A record's words with their lines."""

    def __init__(self, record: StreamRecord):
        self.record, self.at = record, 0
        self.words = [
            Word(found["word"], line) for line in record.lines for found in _TOKEN.finditer(line.text)
        ]

    @property
    def line(self) -> int:
        """Line of the next word."""
        at = min(self.at, len(self.words) - 1)
        return self.words[at].line.number if self.words else self.record.number

    def peek(self) -> str:
        """The next word, in capitals."""
        return self.words[self.at].text.upper() if self.at < len(self.words) else ""

    def next(self) -> str:
        """Take the next word."""
        self.at += 1
        return self.words[self.at - 1].text if self.at <= len(self.words) else ""

    def bracket(self) -> list[str]:
        """Words up to the closing bracket; the opening one is taken already. A missing value is an empty word."""
        found: list[str] = []
        start = self.line
        while self.at < len(self.words):
            word = self.next()
            if word == ")":
                return found
            if word == "(":
                break
            found.append(word)
        return self.record.fail("the bracket does not close", "write ) after the last value", start)

    def number(self, word: str) -> float:
        """A word that must be a number."""
        if not NUMBER.fullmatch(word):
            self.at -= 1
            self.record.fail(f"{word[:30]!r} is no number", "write a number", self.line)
        return float(word.upper().replace("D", "E"))

    def repeats(self) -> int:
        """How often what stands before counts: ``(0.1)x3``."""
        found = _REPEAT.fullmatch(self.peek())
        if not found:
            return 1
        count = int(found[1][:6])
        if not 1 <= count <= MOST:
            self.record.fail(f"{count} times the same", f"at most {MOST} are read", self.line)
        self.next()
        return count
