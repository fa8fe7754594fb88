"""Save: a model in a format of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError
from understudy.formats.load import FORMATS, Format, format_of

_WRITTEN = tuple(each for each in FORMATS if each.writer)


def save(model: Any, path: str | Path) -> Path:
    """Write a model in the format that the file's name says.

    Parameters
    ----------
    model : Model, or what else the format takes
    path : str or path
        SBML (``.xml``, ``.sbml``), Antimony (``.ant``), or a NONMEM control stream (``.ctl``).

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    FormatError
        For an unknown format, and for what the format cannot say; then nothing is written.
    MissingExtraError
        Where the format needs a package that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from understudy import Model, load
    >>> decay = Model("decay", "h", {"k": (0.1, "1/h")}, {"A": ("mg", 5)}, {"A": "-k * A"}, outputs={"A": ("A", "mg")})
    >>> load(save(decay, Path(tempfile.mkdtemp()) / "decay.xml")).rate("A")
    Expression('-k * A')
    """
    path = Path(path)
    text = _of_suffix(path).text(model)
    path.write_text(text, encoding="utf-8")
    return path


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
