"""Reader: an SBML file as a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError
from understudy.formats.flux_balance import FluxBalance
from understudy.formats.sbml.document import open_document
from understudy.formats.sbml.fluxes import is_flux_balance, read_fluxes
from understudy.formats.sbml.translation import translate
from understudy.model.model import Model


def read(path: Path) -> Model | FluxBalance:
    """The model of an SBML file; its flux balance where it has an objective and no kinetic laws.

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
    return model_of(open_document(path), path.name)


def model_of(document: Any, file: str) -> Model | FluxBalance:
    """The model of a document, or its flux balance."""
    try:
        if is_flux_balance(document.getModel()):
            return read_fluxes(document.getModel(), file)
        return translate(document, file)
    except RecursionError:
        raise FormatError(
            "equations, written out in one another, are nested too deeply",
            place=file,
            repair="make parameters with rate rules or events of some of them",
        ) from None


def sbml_text(path: Path) -> str:
    """An SBML file as Level 3 Version 2, submodels written out, and all else as it is."""
    import libsbml

    document = open_document(path)
    if not document.setLevelAndVersion(3, 2, False):
        raise FormatError("the file cannot be raised to Level 3 Version 2", place=path.name)
    return libsbml.writeSBMLToString(document)
