"""Document: an SBML file, looked over before libSBML reads it, and made whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse
from xml.parsers import expat

from understudy.core.errors import FormatError, MissingExtraError
from understudy.formats.sbml.place import Place

# Elements within elements; libSBML reads them by recursion in C, which more of them would end.
_DEEPEST = 400
# libSBML makes of one sum of many terms as many sums within sums.
_MOST_PARTS = 5_000
_MOST_BYTES = 50_000_000
# A model of more quantities is beyond what can be compiled; and elements, the parts of equations among them.
_MOST_QUANTITIES, _MOST_ELEMENTS = 100_000, 3_000_000
_QUANTITIES = ("parameter", "localParameter", "species", "compartment", "reaction")
# Packages that say how a model looks or what it is about; equations need nothing of them.
_WITHOUT_EQUATIONS = ("layout", "render", "groups", "annot", "req")
_UNDERSTOOD = ("comp", "fbc")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
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
            _require_sbml(kind, attributes, place())
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


def _require_sbml(name: str, attributes: dict[str, str], place: Place) -> None:
    if name != "sbml":
        raise place.refuse(f"the file holds <{name[:40]}>, not <sbml>", "give an SBML file")
    level = attributes.get("level", "")
    if level not in ("1", "2", "3"):
        raise place.refuse(f"the file is of SBML Level {level[:20] or '?'}", "give Level 1, 2 or 3")


def _byte_order(content: bytes) -> str:
    return "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


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

    for category in _CATEGORIES:
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
_CATEGORIES = (
    "GENERAL_CONSISTENCY", "IDENTIFIER_CONSISTENCY", "UNITS_CONSISTENCY", "MATHML_CONSISTENCY", "SBO_CONSISTENCY",
    "OVERDETERMINED_MODEL", "MODELING_PRACTICE",
)  # fmt: skip


def _refusal(error: Any, path: Path) -> FormatError:
    """libSBML's error as one of ours: what is wrong here, and the rule."""
    short = " ".join(error.getShortMessage().split())
    rule, *here = _REFERENCE.split(" ".join(error.getMessage().split()), maxsplit=1)
    told = here[0].strip() if here else ""
    cause = f"{short}: {told}" if told else short or rule
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
