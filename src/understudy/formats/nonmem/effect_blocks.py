"""Effect blocks: what $OMEGA and $SIGMA say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from understudy.formats.nonmem.parameter_words import MOST, NUMBER, Words
from understudy.formats.nonmem.stream_record import StreamRecord

_MATRIX_WORDS = {
    "FIX": "fix", "FIXED": "fix", "SD": "sd", "STANDARD": "sd", "VARIANCE": "variance", "CORRELATION": "correlation",
    "CORRELATON": "correlation", "COVARIANCE": "covariance", "CHOLESKY": "cholesky", "SAME": "same", "UNINT": "",
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A block of OMEGA or SIGMA.

    Parameters
    ----------
    first : int
        Number of its first effect, from 1.
    matrix : tuple of tuples of float
        Its covariance matrix.
    fixed : bool
    same : bool
        Whether it is, by SAME, the block before it again.
    labels, comments : tuple of str
        One for each effect, empty for none.
    line : int
    """

    first: int
    matrix: tuple[tuple[float, ...], ...]
    fixed: bool = False
    same: bool = False
    labels: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    line: int = 0

    @property
    def size(self) -> int:
        """Number of effects."""
        return len(self.matrix)


def read_blocks(records: Iterable[StreamRecord]) -> tuple[Block, ...]:
    """Every block of OMEGA, or of SIGMA; an effect outside of a BLOCK is a block of its own.

    Raises
    ------
    FormatError
        For a matrix that is no covariance matrix, a wrong number of values, or what is no matrix.

    Examples
    --------
    >>> from understudy.formats.nonmem.stream_record import Line
    >>> record = StreamRecord("OMEGA", 1, (Line(1, " BLOCK(2) CORRELATION SD 0.3 0.5 0.2"),), "run.ctl")
    >>> [tuple(round(value, 3) for value in row) for row in read_blocks([record])[0].matrix]
    [(0.09, 0.03), (0.03, 0.04)]
    """
    found: list[Block] = []
    for record in records:
        first = found[-1].first + found[-1].size if found else 1
        words = Words(record)
        blocks = _full(words, first, found) if words.peek() == "BLOCK" else _diagonal(words, first)
        found += [replace(block, line=block.line or record.number) for block in blocks]
    return tuple(found)


def _options(words: Words, inside: Sequence[str]) -> tuple[set[str], list[str]]:
    options, values = set(), []
    for word in inside:
        told = word.upper()
        full = [known for known in _MATRIX_WORDS if known.startswith(told) and len(told) >= 2]
        if word != "," and full and not NUMBER.fullmatch(word):
            options.add(_MATRIX_WORDS[full[0]])
        elif word != ",":
            values.append(word)
    return options, values


def _diagonal(words: Words, first: int) -> Iterator[Block]:
    """``0.1 0.2 FIX (0.3 SD)``: each effect for itself."""
    found: list[Block] = []
    names: list[str] = []
    while words.at < len(words.words):
        start, word = words.line, words.next()
        told = word.upper()
        if told == ",":
            continue
        if told.startswith("DIAG") and words.peek() == "(":
            words.next()
            words.bracket()
        elif told in ("NAMES", "NAME") and words.peek() == "(":
            words.next()
            names += [each.upper() for each in words.bracket() if each != ","]
        elif told in ("FIX", "FIXED") and found:
            found[-1] = replace(found[-1], fixed=True)
        elif told in ("SD", "STANDARD") and found:
            found[-1] = replace(found[-1], matrix=((found[-1].matrix[0][0] ** 2,),))
        elif told in ("VARIANCE", "UNINT"):
            continue
        else:
            block = _single(words, word, start)
            found += [block] * words.repeats()
    names += [""] * (len(found) - len(names))
    for k, block in enumerate(found):
        alone = sum(each.line == block.line for each in found) == 1
        said = [line.comment for line in words.record.lines if line.number == block.line and alone]
        yield replace(block, first=first + k, labels=(names[k],), comments=tuple(said[:1]) or ("",))


def _single(words: Words, word: str, line: int) -> Block:
    options, values = _options(words, words.bracket()) if word == "(" else (set(), [word])
    if len(values) != 1:
        words.record.fail("an effect has one variance", "write one value", line)
    value = words.number(values[0])
    if value < 0:
        words.record.fail(f"the variance {value:g} is negative", "write a variance", line)
    return Block(0, ((value**2 if "sd" in options else value,),), "fix" in options, line=line)


def _full(words: Words, first: int, before: Sequence[Block]) -> list[Block]:
    """``BLOCK(n) …``, or again the block before."""
    start = words.line
    words.next()
    size = None
    if words.peek() == "(":
        words.next()
        inside = words.bracket()
        size = int(words.number(inside[0])) if len(inside) == 1 else 0
    if size is not None and not 1 <= size <= 100:
        words.record.fail("BLOCK(n) has no size", "write the number of its effects, at most 100", start)
    options: set[str] = set()
    values: list[float] = []
    names: list[str] = []
    again = 1
    while words.at < len(words.words):
        word = words.next()
        told, opened = word.upper(), words.peek() == "("
        if told in ("NAMES", "NAME") and opened:
            words.next()
            names += [each.upper() for each in words.bracket() if each != ","]
        elif told == "SAME" and opened:
            words.next()
            again = int(words.number(words.bracket()[0]))
            options.add("same")
        elif told == "VALUES" and opened:
            words.next()
            pair = [words.number(each) for each in words.bracket() if each != ","]
            values += [pair[0] if i == j else pair[-1] for i in range(size or 1) for j in range(i + 1)]
        elif word == "(":
            found, inside = _options(words, words.bracket())
            options |= found
            values += [words.number(each) for each in inside] * words.repeats()
        else:
            found, inside = _options(words, [word])
            options |= found
            values += [words.number(each) for each in inside]
    if "same" in options and values:
        words.record.fail(
            "SAME repeats the block before it, and has no values",
            "write the block and its SAME as records of their own",
            start,
        )
    if "same" in options:
        return _same(words.record, size, first, before, again, start)
    size = size or 1
    matrix = _matrix(words.record, size, values, options, start)
    names += [""] * (size - len(names))
    comments = _block_comments(words.record, size)
    return [Block(first, matrix, "fix" in options, False, tuple(names), comments, start)]


def _block_comments(record: StreamRecord, size: int) -> tuple[str, ...]:
    """Comments of the lines of a triangle that is written one row a line."""
    rows = [line for line in record.lines if re.search(r"(?<![\w(])[+-]?[\d.]", line.text.split("BLOCK")[0])]
    return tuple(line.comment for line in rows) if len(rows) == size else ("",) * size


def _same(
    record: StreamRecord, size: int | None, first: int, before: Sequence[Block], again: int, line: int
) -> list[Block]:
    if not before:
        record.fail("SAME without a block before it", "write the block that it repeats", line)
    model = before[-1]
    if size is not None and size != model.size:
        record.fail(f"SAME of size {size} after a block of size {model.size}", "write the same size", line)
    if not 1 <= again <= MOST:
        record.fail(f"SAME({again})", f"at most {MOST} are read", line)
    blank = ("",) * model.size
    return [
        Block(first + k * model.size, model.matrix, model.fixed, True, blank, blank, line)
        for k in range(again)
    ]


def _matrix(
    record: StreamRecord, size: int, values: Sequence[float], options: set[str], line: int
) -> tuple[tuple[float, ...], ...]:
    wanted = size * (size + 1) // 2
    if len(values) != wanted:
        record.fail(
            f"BLOCK({size}) has {len(values)} values",
            f"write the {wanted} of its lower triangle, row by row",
            line,
        )
    lower = np.zeros((size, size))
    lower[np.tril_indices(size)] = values
    if "cholesky" in options:
        full = lower @ lower.T
    else:
        diagonal = np.diag(lower)
        deviations = diagonal if "sd" in options else np.sqrt(np.maximum(diagonal, 0.0))
        full = lower + np.tril(lower, -1).T
        if "correlation" in options:
            full = full * np.outer(deviations, deviations)
        np.fill_diagonal(full, diagonal**2 if "sd" in options else diagonal)
    if not np.isfinite(full).all() or np.linalg.eigvalsh(full).min() < -1e-12 * np.abs(full).max():
        record.fail("this is no covariance matrix", "write one that is positive semi-definite", line)
    return tuple(tuple(float(value) for value in row) for row in full)
