"""Stream record: one ``$RECORD`` of a control stream with its lines, and how a file is split into them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from understudy.core.errors import FormatError
from understudy.core.nearest_file import nearest_file

MOST_BYTES = 5_000_000
_LONGEST_LINE = 20_000
_SHORTEST_NAME = 3

# Full names of the records; any beginning of at least three letters means the same.
NAMES = (
    "ABBREVIATED", "AES", "AESINITIAL", "ANNEAL", "ANNOTATE", "BIND", "CHAIN", "CONTR", "COVARIANCE", "DATA",
    "DEFAULT", "DES", "DESIGN", "ERROR", "ESTIMATION", "ESTIMATE", "ESTM", "ETAS", "FORMAT", "INCLUDE", "INDEX",
    "INFN", "INPUT", "LEVEL", "MIX", "MODEL", "MSFI", "NONPARAMETRIC", "OLKJDF", "OMEGA", "OMEGAP", "OMEGAPD",
    "OMIT", "OVARF", "PHIS", "PK", "PRED", "PRIOR", "PROBLEM", "RCOV", "RCOVI", "SCATTERPLOT", "SIGMA", "SIGMAP",
    "SIGMAPD", "SIMULATION", "SIMULATE", "SIML", "SIZES", "SLKJDF", "STIELTJES", "SUBROUTINES", "SUPER", "SVARF",
    "SUBS", "COVR", "TABLE", "THETA", "THETAI", "THETAP", "THETAPV", "THETAR", "TOL", "TTDF", "WARNINGS", "INFILE",
)  # fmt: skip
_SAME = {
    "SUBS": "SUBROUTINES", "COVR": "COVARIANCE", "ESTIMATE": "ESTIMATION", "ESTM": "ESTIMATION",
    "SIMULATE": "SIMULATION", "SIML": "SIMULATION", "INFILE": "DATA",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line, or several joined by ``&``: what stands before the comment, and the comment.

    Parameters
    ----------
    number : int
        Of the (first) line in the file.
    text, comment : str
    """

    number: int
    text: str
    comment: str = ""


@dataclass(frozen=True)
class StreamRecord:
    """One record.

    Parameters
    ----------
    name : str
        In full and in capitals, without the ``$``.
    number : int
        Line on which it begins.
    lines : tuple of Line
        Without the record's name.
    file : str
    """

    name: str
    number: int
    lines: tuple[Line, ...]
    file: str

    @property
    def text(self) -> str:
        """All of it on one line, comments left out."""
        return " ".join(line.text for line in self.lines)

    def fail(self, cause: str, repair: str, line: int | None = None) -> NoReturn:
        """Raise, naming file, line and record."""
        raise FormatError(cause, place=self.place(line), repair=repair)

    def place(self, line: int | None = None) -> str:
        """File, line and record, with what is written there."""
        number = line if line is not None else self.number
        shown = next((each.text.strip() for each in self.lines if each.number == number), "")
        return f"{self.file}, line {number}, ${self.name}{': ' + shown[:80] if shown else ''}"


def read_text(path: Path) -> str:
    """A file as text, its ends of line ``\\n``: UTF-8 (with or without a mark), else Latin-1.

    Raises
    ------
    FormatError
        For a file that cannot be read, is too large or holds bytes that no text has.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise FormatError(
                f"the file has {size:,} bytes, more than {MOST_BYTES:,}",
                place=path.name,
                repair="name the control stream, not its data or its results",
            )
        content = path.read_bytes()
    except OSError as error:
        cause = f"cannot read the file: {error.strerror or error}"
        raise FormatError(cause, place=str(path), repair=nearest_file(path)) from None
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = content.decode("utf-16", errors="replace").encode()
    if b"\0" in content:
        number = content[: content.index(b"\0")].count(b"\n") + 1
        raise FormatError(
            "a NUL byte: this is no text", place=f"{path.name}, line {number}", repair="name a text file"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split(text: str, file: str) -> tuple[StreamRecord, ...]:
    """The records of a control stream.

    Raises
    ------
    FormatError
        For a record that NONMEM does not know, text before the first one, or none at all.

    Examples
    --------
    >>> [record.name for record in split("$PROB one\\n$THET (0, 3) ; CL\\n", "run.ctl")]
    ['PROBLEM', 'THETA']
    """
    found: list[tuple[str, int, list[Line]]] = []
    for line in _lines(text, file):
        body = line.text.lstrip()
        if body.startswith("$"):
            word = body[1:].split(None, 1)[0] if body[1:].split() else ""
            rest = body[1 + len(word) :]
            found.append((_full_name(word, line.number, file), line.number, []))
            found[-1][2].append(Line(line.number, rest, line.comment))
        elif found:
            found[-1][2].append(line)
        elif body:
            raise FormatError(
                f"text before the first record: {body[:40]!r}",
                place=f"{file}, line {line.number}",
                repair="begin with $PROBLEM, or put ; before what is a comment",
            )
    if not found:
        raise FormatError(
            "there is no record in the file", place=file, repair="a control stream has $PROBLEM, $INPUT, …"
        )
    return tuple(StreamRecord(name, number, tuple(lines), file) for name, number, lines in found)


def _lines(text: str, file: str) -> list[Line]:
    """Lines without comments; one that ends in ``&`` is joined with the next."""
    lines: list[Line] = []
    open_line: Line | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        if len(raw) > _LONGEST_LINE:
            raise FormatError(
                f"the line has {len(raw):,} characters",
                place=f"{file}, line {number}",
                repair="name the control stream, not another file",
            )
        body, _, comment = raw.expandtabs(1).partition(";")
        verbatim = body.lstrip().startswith('"')
        if open_line is not None:
            body, comment, start = (
                f"{open_line.text} {body}",
                f"{open_line.comment} {comment}".strip(),
                open_line.number,
            )
        else:
            start = number
        stripped = body.rstrip()
        if stripped.endswith("&") and not verbatim:
            open_line = Line(start, stripped[:-1], comment)
            continue
        open_line = None
        lines.append(Line(start, stripped, comment.strip()))
    if open_line is not None:
        lines.append(open_line)
    return lines


def _full_name(word: str, number: int, file: str) -> str:
    name = word.upper()
    place = f"{file}, line {number}"
    exact = [known for known in NAMES if known == name]
    begun = exact or [known for known in NAMES if known.startswith(name) and len(name) >= _SHORTEST_NAME]
    meant = {_SAME.get(known, known) for known in begun}
    if len(meant) > 1:
        # $EST and $SIM mean what everybody writes; $OMEGA is exact already.
        meant = {_SAME.get(begun[0], begun[0])}
    if not meant:
        import difflib

        near = difflib.get_close_matches(name, NAMES, 1, 0.6)
        repair = f"did you mean ${near[0]}?" if near else "check its spelling"
        raise FormatError(f"${word[:30]} is no record of a control stream", place=place, repair=repair)
    return meant.pop()
