"""XML check: a file is looked over before libSBML reads it, which trusts what it is given.

libSBML reads elements by recursion in C, and stops the process where a root's level, version and namespace do not
agree; so what would end it is found here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.parsers import expat

from understudy.core.errors import FormatError
from understudy.formats.load import MOST_BYTES
from understudy.formats.sbml.place import Place

# Elements within elements; libSBML reads them by recursion in C, which more of them would end.
_DEEPEST = 400
# libSBML makes of one sum of many terms as many sums within sums.
_MOST_PARTS = 5_000
# A model of more quantities is beyond what can be compiled; and elements, the parts of equations among them.
_MOST_QUANTITIES, _MOST_ELEMENTS = 100_000, 3_000_000
_QUANTITIES = ("parameter", "localParameter", "species", "compartment", "reaction")
_SITE = "http://www.sbml.org/sbml"
_NAMESPACES = {
    ("1", "1"): f"{_SITE}/level1",
    ("1", "2"): f"{_SITE}/level1",
    ("2", "1"): f"{_SITE}/level2",
    **{("2", version): f"{_SITE}/level2/version{version}" for version in "2345"},
    **{("3", version): f"{_SITE}/level3/version{version}/core" for version in "12"},
}
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")


def read_bytes(path: Path) -> bytes:
    """The content of a file that may be one of SBML."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise FormatError(
            f"the file cannot be read: {error.strerror}", place=str(path), repair="check the path"
        ) from None
    if len(content) > MOST_BYTES:
        raise FormatError(
            f"the file has more than {MOST_BYTES:,} bytes",
            place=str(path),
            repair="check that it is a model",
        )
    if content[:2] == b"PK":
        raise FormatError(
            "the file is a zip archive", place=path.name, repair="unpack it, and name the model file in it"
        )
    if not content.strip():
        raise FormatError("the file is empty", place=path.name, repair="give a file with a model")
    return content


def in_unicode(content: bytes, encoding: str, path: Path) -> str:
    """XML as text that says it is UTF-8, which libSBML asks for; lines stay where they are."""
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise FormatError(
            f"the file is not in {encoding}", place=path.name, repair="save it as UTF-8"
        ) from None
    declared = _DECLARATION.match(text)
    lines = text[: declared.end()].count("\n") if declared else 0
    return '<?xml version="1.0" encoding="UTF-8"?>' + "\n" * lines + text[declared.end() if declared else 0 :]


def check_xml(content: bytes, path: Path) -> str:
    """Refuse XML that is not well formed, declares entities, or nests without end.

    Returns
    -------
    str
        Its encoding.

    Raises
    ------
    FormatError
        Naming line and column.
    """
    parser = expat.ParserCreate()
    encoding = _byte_order(content)
    # For each open element how many it holds so far; and the open <math> elements.
    parts: list[int] = []
    within_math: list[str] = []
    counts = [0, 0]

    def declaration(_: str, given: str | None, __: int) -> None:
        nonlocal encoding
        encoding = encoding if encoding.startswith("utf-16") else (given or encoding)

    def place() -> Place:
        return Place(path.name, parser.CurrentLineNumber, f"column {parser.CurrentColumnNumber + 1}")

    def doctype(*_: Any) -> None:
        raise place().refuse(
            "the file has a document type declaration, which no model needs", "remove <!DOCTYPE …>"
        )

    def begin(name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(":")[2]
        counts[0] += 1
        counts[1] += kind in _QUANTITIES
        if counts[0] > _MOST_ELEMENTS or counts[1] > _MOST_QUANTITIES:
            raise place().refuse(
                f"the model has more than {_MOST_QUANTITIES:,} quantities or {_MOST_ELEMENTS:,} elements",
                "take a part of it",
            )
        if not parts:
            _require_sbml(name, attributes, place())
        elif parts[-1] >= _MOST_PARTS and within_math:
            raise place().refuse(f"an operation has more than {_MOST_PARTS:,} parts", "split it")
        else:
            parts[-1] += 1
        within_math.extend(["math"] if kind == "math" else [])
        parts.append(0)
        if len(parts) > _DEEPEST:
            raise place().refuse("the elements are nested too deeply", "check that the file is a model")

    def end(name: str) -> None:
        parts.pop()
        if name.rpartition(":")[2] == "math" and within_math:
            within_math.pop()

    parser.XmlDeclHandler = declaration
    parser.StartDoctypeDeclHandler, parser.StartElementHandler, parser.EndElementHandler = doctype, begin, end
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        at = Place(path.name, error.lineno, f"column {error.offset + 1}")
        raise at.refuse(
            f"the file is not well-formed XML: {expat.errors.messages[error.code]}", "correct or complete it"
        ) from None
    return encoding


def _require_sbml(tag: str, attributes: dict[str, str], place: Place) -> None:
    """Refuse a root that libSBML would not survive: it takes level, version and namespace on trust."""
    prefix, _, name = tag.rpartition(":")
    if name != "sbml":
        raise place.refuse(f"the file holds <{name[:40]}>, not <sbml>", "give an SBML file")
    level, version = attributes.get("level", "?"), attributes.get("version", "?")
    space = _NAMESPACES.get((level, version))
    if space is None:
        raise place.refuse(
            f"there is no SBML Level {level[:20]} Version {version[:20]}", "give Level 1, 2 or 3"
        )
    given = attributes.get(f"xmlns:{prefix}" if prefix else "xmlns", "")
    if given != space:
        raise place.refuse(
            f"the namespace {given[:80]!r} is not that of SBML Level {level} Version {version}",
            f"write {space}",
        )


def _byte_order(content: bytes) -> str:
    return "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
