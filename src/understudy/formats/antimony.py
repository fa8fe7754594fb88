"""Antimony: SBML as people write it, translated by libAntimony.

Smith, Bergmann, Chandran, Sauro 2009, Antimony: a modular model definition language, Bioinformatics 25:2452-2454,
doi:10.1093/bioinformatics/btp401 (PMID 19578039).
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError, MissingExtraError
from understudy.formats import antimony_process
from understudy.formats.sbml.document import document_of_text
from understudy.formats.sbml.reader import model_of
from understudy.formats.sbml.writer import write as write_sbml
from understudy.formats.sbml.xml_check import read_bytes
from understudy.model.model import Model

_SECONDS = 60
# Files that Antimony would read besides: nothing is read that was not named.
_IMPORT = re.compile(r"^\s*import\s+[\"']", re.MULTILINE)


def read(path: Path) -> Any:
    """The model of an Antimony file.

    Raises
    ------
    FormatError
        Where Antimony does not understand it, with its line, or what it says cannot be translated faithfully.
    MissingExtraError
        Where the package antimony is not installed.
    """
    # Lines are those of its translation: `understudy convert FILE --to sbml` shows it.
    return model_of(document_of_text(sbml_text(path), path), f"{path.name} as SBML")


def sbml_text(path: Path) -> str:
    """An Antimony file as SBML, with its reactions as they are."""
    text = _decoded(read_bytes(path), path)
    if _IMPORT.search(text):
        raise FormatError(
            "the file imports other files, which is not supported",
            place=path.name,
            repair="write them into it",
        )
    return sbml_of(text, path.name)


def antimony_text(sbml: str, file: str) -> str:
    """SBML as Antimony, with its reactions as they are."""
    return _translated("antimony", sbml, file, "convert to SBML instead")


def write(model: Model) -> str:
    """A model as Antimony.

    Raises
    ------
    FormatError, MissingExtraError
        As `understudy.formats.sbml.writer.write` does, and where the package antimony is not installed.
    """
    return antimony_text(write_sbml(model), model.name)


def sbml_of(text: str, file: str) -> str:
    """Antimony as SBML."""
    return _translated("sbml", text, file, "correct the file")


def _translated(wanted: str, text: str, file: str, repair: str) -> str:
    """What a process of libAntimony makes of a text."""
    if find_spec("antimony") is None:
        raise MissingExtraError(
            "Antimony files are read by the package antimony, which is not installed",
            repair='pip install "understudy[sbml]"',
        )
    # Without -P the program's own folder, where this file lies, would come before the package of its name.
    command = [sys.executable, "-P", antimony_process.__file__]
    try:
        found = subprocess.run(
            command, input=f"{wanted}\n{text}".encode(), capture_output=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise FormatError(
            f"Antimony gives no answer within {_SECONDS} seconds", place=file, repair=repair
        ) from None
    if found.returncode == 0:
        return found.stdout.decode("utf-8")
    told = " ".join(found.stderr.decode("utf-8", errors="replace").split())
    line = re.search(r"line (\d+)", told) if found.returncode == 1 else None
    cause = (
        f"Antimony cannot read it: {told}" if found.returncode == 1 else "Antimony stops at it without a word"
    )
    raise FormatError(cause, place=f"{file}, line {line[1]}" if line else file, repair=repair)


def _decoded(content: bytes, path: Path) -> str:
    if b"\0" in content:
        raise FormatError(
            "the file is not text: it has null characters", place=path.name, repair="check the file"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FormatError(
            "the file is not text in UTF-8", place=f"{path.name}, line {line}", repair="save it as UTF-8"
        ) from None
