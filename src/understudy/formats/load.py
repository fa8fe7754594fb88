"""Load: a model as people have it, by its name in the library or from a file of any known format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError, ModelError
from understudy.core.nearest_file import nearest_file
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

# So much of a file is looked at where its name does not say what it is.
_HEAD = 4096
# A file of others is read whole; one larger than this is no model.
MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Format:
    """A format of others.

    Parameters
    ----------
    name : str
        What users call it.
    suffixes : tuple of str
        Ends of its files' names, in small letters.
    mark : str
        What its files contain near their beginning, in small letters; empty where nothing is sure to be there.
    reader : str
        Module and function that translates a file, ``"module:function"``: a path to what `load` returns.
    writer : str
        The same for the way back: a model to text; empty where there is none.
    """

    name: str
    suffixes: tuple[str, ...]
    mark: str
    reader: str
    writer: str = ""

    def read(self, path: Path) -> Any:
        """Translate a file."""
        return _function(self.reader)(path)

    def text(self, model: Any) -> str:
        """A model as the text of a file.

        Raises
        ------
        FormatError
            For what the format cannot say.
        """
        return _function(self.writer)(model)


def _function(address: str) -> Callable[[Any], Any]:
    module, _, function = address.partition(":")
    return getattr(import_module(module), function)


FORMATS = (
    Format("Python", (".py",), "", "understudy.formats.python_file:read"),
    Format(
        "SBML",
        (".xml", ".sbml"),
        "<sbml",
        "understudy.formats.sbml.reader:read",
        "understudy.formats.sbml.writer:write",
    ),
    Format(
        "Antimony",
        (".ant", ".antimony", ".sb"),
        "",
        "understudy.formats.antimony:read",
        "understudy.formats.antimony:write",
    ),
    Format(
        "NONMEM",
        (".ctl", ".mod", ".con"),
        "$prob",
        "understudy.formats.nonmem.control_stream:read",
        "understudy.formats.nonmem.writer:write",
    ),
    Format(
        "NONMEM results", (".ext", ".lst", ".cov", ".phi"), "", "understudy.formats.nonmem.finished_run:read"
    ),
    Format("fit", (".json",), "understudy fit", "understudy.formats.fit_file:read"),
    Format("PEtab", (".yaml", ".yml"), "", "understudy.formats.petab.reader:read"),
)


def load(name: str | Path) -> Any:
    """A model as people have it: of the library, in Python, or in a format of others, by name or path.

    Parameters
    ----------
    name : str or path
        A name as `understudy.models` lists it, or the path of a file: Python (``.py``), which is run, so load only
        files you trust; SBML (``.xml``, ``.sbml``); Antimony (``.ant``, ``.antimony``, ``.sb``); a NONMEM control
        stream (``.ctl``, ``.mod``), whose data are read with it; a file of a finished NONMEM run (``.ext``, ``.lst``,
        ``.cov``, ``.phi``), whose others are read with it; a fit (``.json``),
        whose model has the estimates; the YAML file of a PEtab problem (``.yaml``, ``.yml``).

    Returns
    -------
    Model or PopulationModel
        Or, of formats that say more than that, an object whose attribute ``model`` is one; of results, a `Fit`.

    Raises
    ------
    FormatError
        For a file that is damaged, or that says what cannot be translated faithfully: with its place in the file.
    ModelError
        For an unknown name, or a Python file that does not define a model.
    MissingExtraError
        Where the format needs a package that is not installed.

    Examples
    --------
    >>> load("phenobarbital_neonates").eta_names
    ('eta_CL', 'eta_V')
    """
    found = format_of(Path(name))
    if found is not None:
        return found.read(Path(name))
    from understudy.library.catalogue import model

    return model(str(name))


def load_model(name: str | Path) -> Model | PopulationModel:
    """The model alone, where a file says more than that.

    Parameters
    ----------
    name : str or path
        As for `load`.

    Raises
    ------
    FormatError, ModelError, MissingExtraError
        As `load` does; and where there is no model in the file.

    Examples
    --------
    >>> load_model("phenobarbital_neonates").eta_names
    ('eta_CL', 'eta_V')
    """
    return model_in(load(name), name)


def model_in(found: Any, name: str | Path) -> Model | PopulationModel:
    """The model in what `load` returned for a name.

    Raises
    ------
    ModelError
        Where there is none.
    """
    if not isinstance(found, (Model, PopulationModel)):
        found = getattr(found, "model", None) or found
    if not isinstance(found, (Model, PopulationModel)):
        numbers = hasattr(found, "estimates")
        raise ModelError(
            "the fit in it holds numbers, but no model that they belong to"
            if numbers
            else f"there is a {type(found).__name__} in it, not a model",
            place=str(name),
            repair="give the model's own file, such as the run's control stream, or a fit that `understudy fit --out "
            "fit.json` wrote: it has its model"
            if numbers
            else "use understudy.load",
        )
    return found


def format_of(path: Path) -> Format | None:
    """The format of a file, None for a name of the library.

    Raises
    ------
    FormatError
        For a file that is not there, is too large, or is of no known format.
    """
    named = next((each for each in FORMATS if path.suffix.lower() in each.suffixes), None)
    if named is None and not path.is_file():
        return None
    if not path.is_file():
        raise ModelError("cannot read the model file", place=str(path), repair=nearest_file(path))
    if path.stat().st_size > MOST_BYTES:
        raise FormatError(
            f"the file has {path.stat().st_size:,} bytes",
            place=str(path),
            repair=f"a model has at most {MOST_BYTES:,}: check that this is one",
        )
    return named or _by_content(path)


def _by_content(path: Path) -> Format:
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", errors="replace").lower()
    for each in FORMATS:
        if each.mark and each.mark in head:
            return each
    known = ", ".join(f"{each.suffixes[0]} ({each.name})" for each in FORMATS)
    raise FormatError(
        "the file is of no known format", place=str(path), repair=f"name it by its format: {known}"
    )
