"""Save: a model in a format of others."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError, FormatWarning
from understudy.formats.load import FORMATS, Format, format_of
from understudy.model.model import Model

_WRITTEN = tuple(each for each in FORMATS if each.writer)


def save(model: Any, path: str | Path) -> Path:
    """Write a model in the format that the file's name says.

    Parameters
    ----------
    model : Model, or what else the format takes
    path : str or path
        SBML (``.xml``, ``.sbml``), Antimony (``.ant``), or a NONMEM control stream (``.ctl``); where the model brings
        records, as what is loaded from a control stream does, these are written beside the latter, as ``.csv``.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    FormatError
        For an unknown format, and for what the format cannot say; then nothing is written. For records that would be
        written over the file that they may come from.
    MissingExtraError
        Where the format needs a package that is not installed.

    Warns
    -----
    FormatWarning
        Of what the format has no place for and the file is without: how doses enter, in SBML and Antimony.

    Examples
    --------
    >>> import tempfile
    >>> from understudy import Model, load
    >>> decay = Model("decay", "h", {"k": (0.1, "1/h")}, {"A": ("mg", 5)}, {"A": "-k * A"}, outputs={"A": ("A", "mg")})
    >>> load(save(decay, Path(tempfile.mkdtemp()) / "decay.xml")).rate("A")
    Expression('-k * A')
    """
    path = Path(path)
    wanted = _of_suffix(path)
    texts = texts_of(model, wanted, path)
    told = left_out(model, wanted)
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    if told:
        warnings.warn(FormatWarning(told), stacklevel=2)
    return path


def texts_of(model: Any, wanted: Format, path: Path, origin: Path | None = None) -> dict[Path, str]:
    """What is to be written: the records first, where the format has them beside the model, then the model.

    Parameters
    ----------
    model : Model, or what else the format takes
    wanted : Format
    path : Path
        Of the model's file.
    origin : Path, optional
        Folder that the model came from; unknown where None.

    Raises
    ------
    FormatError
        For what the format cannot say, and for records that would be written over those they come from.
    """
    if wanted.name != "NONMEM":
        return {path: wanted.text(getattr(model, "model", model))}
    from understudy.formats.nonmem.writer import write, write_records

    beside, records = path.with_suffix(".csv"), getattr(model, "records", None)
    texts = {path: write(model, beside.name)}
    if records is None:
        return texts
    _refuse_own_data(beside, records.source, origin)
    return {beside: write_records(model.model, records).to_csv(index=False, na_rep=".")} | texts


def _refuse_own_data(target: Path, source: str, origin: Path | None) -> None:
    """The data that a control stream reads are not written over; nor may they be, where their folder is unknown."""
    same = target.absolute().parent == origin.absolute() if origin is not None else target.exists()
    if target.name == source and same:
        raise FormatError(
            f"{target.name} is the data file that the records come from"
            if origin is not None
            else f"{target.name} is there, and the records come from a file of that name",
            place=str(target),
            repair="write into another folder, or under another name",
        )


def left_out(model: Any, wanted: Format) -> str:
    """What the format has no place for, in a sentence; empty where all of the model is written."""
    alone = getattr(model, "model", model)
    if wanted.name == "NONMEM" or not isinstance(alone, Model) or not alone.inputs:
        return ""
    return f"{wanted.name} has no doses: how they enter ({', '.join(alone.routes)}) is not in it"


def written_format(name: str) -> Format:
    """A format that can be written, by what users call it.

    Raises
    ------
    FormatError
        Naming those that can.
    """
    found = next((each for each in _WRITTEN if each.name.lower() == name.lower()), None)
    if found is None:
        known = ", ".join(each.name.lower() for each in _WRITTEN)
        raise FormatError(f"models cannot be written as {name!r}", place="--to", repair=f"choose of {known}")
    return found


def transcribed(name: str, wanted: Format) -> str | None:
    """A file of one format as text of another that says the same things; None where they are not so near.

    SBML and Antimony both have species and reactions, which a `Model` has not: from one to the other they stay.
    """
    source = format_of(Path(name))
    if source is None or {source.name, wanted.name} - {"SBML", "Antimony"}:
        return None
    from understudy.formats import antimony
    from understudy.formats.sbml import reader

    text = (reader if source.name == "SBML" else antimony).sbml_text(Path(name))
    return text if wanted.name == "SBML" else antimony.antimony_text(text, name)


def _of_suffix(path: Path) -> Format:
    found = next((each for each in _WRITTEN if path.suffix.lower() in each.suffixes), None)
    if found is None:
        known = ", ".join(f"{each.suffixes[0]} ({each.name})" for each in _WRITTEN)
        raise FormatError(
            f"models cannot be written as {path.suffix or 'a file without an ending'}",
            place=str(path),
            repair=f"name it by its format: {known}",
        )
    return found
