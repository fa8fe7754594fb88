"""Definition file: a cohort's definition from a file, an expression of ATLAS (.json) or our own (.toml)."""

from __future__ import annotations

from pathlib import Path

from understudy.causal.cohorts.circe import read_circe
from understudy.causal.cohorts.definition import CohortDefinition
from understudy.core.errors import StudyError
from understudy.core.toml_file import in_order, parse, read_text, validated


def load_definition(
    path: Path | str, *, name: str | None = None, folder: Path | str | None = None
) -> CohortDefinition:
    """A cohort's definition from a file.

    Parameters
    ----------
    path : path
        An expression of ATLAS (``.json``), or a table of ours (``.toml``).
    name : str, optional
        What reports call the cohort of an expression; the file's name, if left out.
    folder : path, optional
        What the path is relative to, and must not leave.

    Raises
    ------
    StudyError
        If there is no such file, it leaves the folder, or has impossible keys.
    FormatError
        If an expression has something that is not supported.
    """
    found = Path(path) if folder is None else inside(Path(folder), str(path))
    if found.suffix.lower() == ".json":
        text = read_text(found, "cohort expression")
        return read_circe(text, name or found.stem, found.name)
    if found.suffix.lower() != ".toml":
        raise StudyError(
            "a cohort definition is a .json or a .toml file",
            place=found.name,
            repair="give an expression of ATLAS (.json) or a definition (.toml)",
        )
    text = read_text(found, "cohort definition")
    data = parse(text, found.name, "cohort definition")
    definition, problems = validated(CohortDefinition, data)
    if definition is None:
        raise StudyError.of(in_order(problems, text), found.name)
    return definition


def inside(folder: Path, name: str) -> Path:
    """A path within a folder.

    Raises
    ------
    StudyError
        If it leads out of the folder, by ``..``, from the root, or through a link.
    """
    found = (folder / name).resolve()
    if not found.is_relative_to(folder.resolve()):
        raise StudyError(
            "the path leads out of the study's folder",
            place=repr(name),
            repair="put the file into the study's folder, and give its path from there",
        )
    return found
