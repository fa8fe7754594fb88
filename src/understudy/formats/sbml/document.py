"""Document: an SBML file, looked over before libSBML reads it, and made whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse
from xml.parsers import expat

from understudy.core.errors import FormatError, MissingExtraError
from understudy.formats.sbml.place import Place

# Elements within elements; libSBML reads them by recursion in C, which more of them would end.
_DEEPEST = 400
_MOST_BYTES = 50_000_000
# Packages that say how a model looks or what it is about; equations need nothing of them.
_WITHOUT_EQUATIONS = ("layout", "render", "groups", "annot", "req")
_UNDERSTOOD = ("comp", "fbc")
_LEVELS = (1, 2, 3)


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
    libsbml = require_libsbml()
    content = read_bytes(path)
    check_xml(content, path)
    document = libsbml.readSBMLFromFile(str(path)) if path.is_file() else None
    return checked(document, path)


def document_of_text(text: str, place: Path) -> Any:
    """The libSBML document of a text that another program made."""
    libsbml = require_libsbml()
    check_xml(text.encode(), place)
    return checked(libsbml.readSBMLFromString(text), place)


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


def read_bytes(path: Path) -> bytes:
    """The content of a file that may be one of SBML."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise FormatError(
            f"the file cannot be read: {error.strerror}", place=str(path), repair="check the path"
        ) from None
    if len(content) > _MOST_BYTES:
        raise FormatError(
            f"the file has more than {_MOST_BYTES:,} bytes",
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


def check_xml(content: bytes, path: Path) -> None:
    """Refuse XML that is not well formed, declares entities, or nests without end.

    Raises
    ------
    FormatError
        Naming line and column.
    """
    parser = expat.ParserCreate()
    depth = 0

    def place() -> Place:
        return Place(path.name, parser.CurrentLineNumber, f"column {parser.CurrentColumnNumber + 1}")

    def doctype(*_: Any) -> None:
        raise place().refuse(
            "the file has a document type declaration, which no model needs", "remove <!DOCTYPE …>"
        )

    def begin(name: str, _: Any) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and name.rpartition(":")[2] != "sbml":
            raise place().refuse(f"the file holds <{name[:40]}>, not <sbml>", "give an SBML file")
        if depth > _DEEPEST:
            raise place().refuse("the elements are nested too deeply", "check that the file is a model")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler, parser.StartElementHandler, parser.EndElementHandler = doctype, begin, end
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        at = Place(path.name, error.lineno, f"column {error.offset + 1}")
        raise at.refuse(
            f"the file is not well-formed XML: {expat.errors.messages[error.code]}", "correct or complete it"
        ) from None


def _refuse_errors(document: Any, path: Path) -> None:
    """Raise for the first error that libSBML met while reading."""
    import libsbml

    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and not _is_harmless(error):
            told = " ".join((error.getShortMessage() or error.getMessage()).split())
            detail = " ".join(error.getMessage().split())
            raise Place(path.name, error.getLine()).refuse(
                f"libSBML cannot read it: {told[:200]}", detail[:300]
            )


def _is_harmless(error: Any) -> bool:
    """What libSBML calls an error though the model is clear: notes, annotations, and packages that may be ignored."""
    import libsbml

    harmless = {
        libsbml.NotesNotInXHTMLNamespace, libsbml.NotesContainsXMLDecl, libsbml.NotesContainsDOCTYPE,
        libsbml.InvalidNotesContent, libsbml.MissingAnnotationNamespace, libsbml.DuplicateAnnotationNamespaces,
        libsbml.SBMLNamespaceInAnnotation, libsbml.MultipleAnnotations, libsbml.AnnotationNotElement,
        libsbml.UnknownPackageAttribute,
    }  # fmt: skip
    return error.getErrorId() in harmless


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
