"""Document: an SBML file as libSBML reads it, without what cannot be understood, and made whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from understudy.core.errors import FormatError, MissingExtraError
from understudy.formats.sbml.place import Place
from understudy.formats.sbml.xml_check import check_xml, in_unicode, read_bytes

# Packages that say how a model looks or what it is about; equations need nothing of them.
_WITHOUT_EQUATIONS = ("layout", "render", "groups", "annot", "req")
_UNDERSTOOD = ("comp", "fbc")
# Where libSBML's messages go from the rule to the case.
_REFERENCE = re.compile(r"Reference: L\d\S* (?:V\d )?Sections? [\d.]+(?: and [\d.]+)?\s*")


def open_document(path: Path) -> Any:
    """The libSBML document of a file, with submodels written out.

    Parameters
    ----------
    path : path

    Raises
    ------
    FormatError
        For a file that is no well-formed SBML, or needs a package that is not understood.
    MissingExtraError
        Where libSBML is not installed.
    """
    return _document(read_bytes(path), path)


def document_of_text(text: str, place: Path) -> Any:
    """The libSBML document of a text that another program made."""
    return _document(text.encode(), place)


def _document(content: bytes, path: Path) -> Any:
    libsbml = require_libsbml()
    text = in_unicode(content, check_xml(content, path), path)
    return checked(libsbml.readSBMLFromString(text), path)


def checked(document: Any, path: Path) -> Any:
    """A document that has a model, without the errors that keep a model from being understood."""
    _refuse_errors(document, path)
    if document.getModel() is None:
        raise FormatError(
            "the file has no model", place=path.name, repair="give a file with a <model> element"
        )
    _refuse_packages(document, path)
    if document.getPlugin("comp") is not None:
        _flatten(document, path)
    _refuse_identifiers(document, path)
    return document


def require_libsbml() -> Any:
    """The module `libsbml`.

    Raises
    ------
    MissingExtraError
    """
    try:
        import libsbml
    except ImportError:
        raise MissingExtraError(
            "SBML files are read by libSBML, which is not installed",
            repair='pip install "understudy[sbml]"',
        ) from None
    return libsbml


def _refuse_errors(document: Any, path: Path) -> None:
    """Raise for the first error that libSBML met while reading."""
    import libsbml

    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and not _is_harmless(error):
            raise _refusal(error, path)


def _refuse_identifiers(document: Any, path: Path) -> None:
    """Raise for identifiers that are used twice."""
    import libsbml

    for category in CATEGORIES:
        document.setConsistencyChecks(
            getattr(libsbml, f"LIBSBML_CAT_{category}"), category == "IDENTIFIER_CONSISTENCY"
        )
    document.checkConsistency()
    twice = {getattr(libsbml, name) for name in _TWICE}
    for k in range(document.getNumErrors()):
        if document.getError(k).getErrorId() in twice:
            raise _refusal(document.getError(k), path)


_TWICE = (
    "DuplicateComponentId", "DuplicateUnitDefinitionId", "DuplicateLocalParameterId",
    "MultipleAssignmentOrRateRules", "MultipleEventAssignmentsForId", "EventAndAssignmentRuleForId",
)  # fmt: skip
CATEGORIES = (
    "GENERAL_CONSISTENCY", "IDENTIFIER_CONSISTENCY", "UNITS_CONSISTENCY", "MATHML_CONSISTENCY", "SBO_CONSISTENCY",
    "OVERDETERMINED_MODEL", "MODELING_PRACTICE",
)  # fmt: skip


def without_rule(error: Any) -> str:
    """What an error of libSBML says of this file, without the rule that it quotes; the rule where that is all."""
    rule, *here = _REFERENCE.split(" ".join(error.getMessage().split()), maxsplit=1)
    return here[0].strip() if here and here[0].strip() else rule


def _refusal(error: Any, path: Path) -> FormatError:
    """libSBML's error as one of ours: what is wrong here, and the rule."""
    short = " ".join(error.getShortMessage().split())
    rule = _REFERENCE.split(" ".join(error.getMessage().split()), maxsplit=1)[0]
    told = without_rule(error)
    cause = f"{short}: {told}" if told != rule else short or rule
    return Place(path.name, error.getLine()).refuse(f"no valid SBML: {_cut(cause)}", _cut(rule))


def _cut(text: str, most: int = 240) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"


def _is_harmless(error: Any) -> bool:
    """What libSBML calls an error though the model is clear: notes, annotations, and packages that may be ignored."""
    import libsbml

    harmless = {getattr(libsbml, name) for name in _HARMLESS}
    return error.getErrorId() in harmless


_HARMLESS = (
    "NotesNotInXHTMLNamespace", "NotesContainsXMLDecl", "NotesContainsDOCTYPE", "InvalidNotesContent",
    "MissingAnnotationNamespace", "DuplicateAnnotationNamespaces", "SBMLNamespaceInAnnotation",
    "MultipleAnnotations", "AnnotationNotElement", "UnknownPackageAttribute",
    # Lists of nothing.
    "EmptyListElement", "EmptyListInKineticLaw", "EmptyListInReaction", "EmptyListOfUnits", "EmptyUnitListElement",
)  # fmt: skip


def _refuse_packages(document: Any, path: Path) -> None:
    spaces = document.getSBMLNamespaces().getNamespaces()
    for k in range(spaces.getNumNamespaces()):
        address, prefix = spaces.getURI(k), spaces.getPrefix(k)
        if "sbml.org/sbml/level3" not in address or "/core" in address:
            continue
        package = address.split("/version")[1].split("/")[1] if "/version" in address else prefix
        known = package in (*_UNDERSTOOD, *_WITHOUT_EQUATIONS)
        required = document.getPackageRequired(address) or document.getPackageRequired(prefix)
        if not known and required:
            raise Place(path.name, 0, f"package {package}").refuse(
                f"the model needs the SBML package {package}, which is not supported",
                "give a model without it",
            )


def _flatten(document: Any, path: Path) -> None:
    """Write submodels out, in place."""
    import libsbml

    model = document.getModel()
    plugin = model.getPlugin("comp")
    externals = document.getPlugin("comp").getListOfExternalModelDefinitions()
    _check_externals(document, path, {path.resolve()})
    if not plugin.getNumSubmodels() and not externals.size():
        # Ports alone: nothing is to be written out.
        return
    document.setLocationURI(f"file:{path.resolve()}")
    options = libsbml.ConversionProperties()
    options.addOption("flatten comp", True)
    options.addOption("performValidation", False)
    options.addOption("abortIfUnflattenable", "none")
    document.getErrorLog().clearLog()
    if document.convert(options) != libsbml.LIBSBML_OPERATION_SUCCESS:
        log = document.getErrorLog()
        told = next(
            (
                " ".join(log.getError(k).getMessage().split())
                for k in range(log.getNumErrors())
                if log.getError(k).getSeverity() >= libsbml.LIBSBML_SEV_ERROR
            ),
            "the converter gives no reason",
        )
        raise FormatError("the submodels cannot be written out", place=path.name, repair=told[:300])


def _check_externals(document: Any, path: Path, seen: set[Path]) -> None:
    """Files of submodels lie beside the model, and are looked over like it."""
    import libsbml

    plugin = document.getPlugin("comp")
    for k in range(plugin.getNumExternalModelDefinitions() if plugin is not None else 0):
        definition = plugin.getExternalModelDefinition(k)
        place = Place.of(path.name, definition)
        beside = _beside(definition.getSource(), path, place)
        if beside in seen:
            continue
        seen.add(beside)
        check_xml(read_bytes(beside), beside)
        inner = libsbml.readSBMLFromFile(str(beside))
        _refuse_errors(inner, beside)
        _check_externals(inner, beside, seen)


def _beside(source: str, path: Path, place: Place) -> Path:
    address = urlparse(source)
    relative = Path(unquote(address.path))
    folder = path.resolve().parent
    found = (folder / relative).resolve()
    if address.scheme not in ("", "file") or address.netloc or not found.is_relative_to(folder):
        raise place.refuse(
            f"the submodel lies elsewhere: {source[:100]}", "put its file into the model's folder"
        )
    if not found.is_file():
        raise place.refuse(f"the file of the submodel is not there: {relative}", "put it beside the model")
    return found
