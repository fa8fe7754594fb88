"""Reader: an SBML file as a model."""

from __future__ import annotations

from pathlib import Path

from understudy.formats.sbml.document import open_document
from understudy.formats.sbml.translation import translate
from understudy.model.model import Model


def read(path: Path) -> Model:
    """The model of an SBML file.

    Parameters
    ----------
    path : path

    Raises
    ------
    FormatError
        For a file that is damaged, or that says what cannot be translated faithfully: with element and line.
    MissingExtraError
        Where libSBML is not installed.
    """
    return translate(open_document(path), path.name)
