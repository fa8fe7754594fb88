"""Pages of the documentation as their readers meet them: fences of code, headings and links."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_AT_ROOT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = (
    *(ROOT / name for name in _AT_ROOT),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "examples").rglob("README.md")),
)

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>```+)(?P<info>[^`\n]*)\n(?P<code>.*?)^ *(?P=ticks) *$", re.M | re.S
)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^()\s]*(?:\([^()\s]*\))?[^()\s]*)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.M)


@dataclass(frozen=True)
class Fence:
    """A block of code.

    Parameters
    ----------
    language, mark : str
        First and other words of the fence's opening line.
    code : str
    line : int
        Line of the page on which the code begins.
    output : str or None
        The ``text`` fence that follows at once: what the code prints, or the error it stops with.
    """

    language: str
    mark: str
    code: str
    line: int
    output: str | None = None


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Path from the repository's root."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """What the file holds."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def fences(self) -> tuple[Fence, ...]:
        """Blocks of code from top to bottom, each with the output that is shown of it."""
        return fences(self.text)

    @cached_property
    def prose(self) -> str:
        """The page without its blocks of code and code in lines."""
        return re.sub(r"`[^`\n]*`", "``", _FENCE.sub("", self.text))

    @property
    def links(self) -> list[str]:
        """Targets of links and images."""
        return [found["target"] for found in _LINK.finditer(self.prose)]

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Names by which the headings can be linked to."""
        return frozenset(slug(heading) for heading in _HEADING.findall(_FENCE.sub("", self.text)))


def fences(text: str) -> tuple[Fence, ...]:
    """Blocks of code of a Markdown text."""
    found: list[Fence] = []
    end = -1
    for match in _FENCE.finditer(text):
        language, _, mark = match["info"].strip().partition(" ")
        code = textwrap.dedent(match["code"])
        follows = found and not text[end : match.start()].strip()
        if language == "text" and follows and found[-1].output is None:
            last = found.pop()
            found.append(Fence(last.language, last.mark, last.code, last.line, code))
        else:
            found.append(Fence(language, mark.strip(), code, text.count("\n", 0, match.start("code")) + 1))
        end = match.end()
    return tuple(found)


def slug(heading: str) -> str:
    """The anchor that Python-Markdown gives a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())
