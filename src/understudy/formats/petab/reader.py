"""Reader: a PEtab problem by its YAML file."""

from __future__ import annotations

from pathlib import Path

from understudy.core.errors import FormatError
from understudy.formats.petab import version_1, version_2
from understudy.formats.petab.problem import PetabProblem
from understudy.formats.petab.yaml_file import read_yaml


def read(path: Path) -> PetabProblem:
    """The problem of a YAML file.

    Parameters
    ----------
    path : path

    Raises
    ------
    FormatError
        For a file or table that is damaged, or that says what is not supported: with file, row and column.
    MissingExtraError
        Where PyYAML or libSBML is not installed.
    """
    told = read_yaml(path)
    version = str(told.get("format_version", "")).strip()
    readers = {"1": version_1.read, "2": version_2.read}
    major = version.partition(".")[0]
    if major not in readers:
        raise FormatError(
            f"format_version is {version or 'missing'}" if version else "format_version is missing",
            place=path.name,
            repair="PEtab has the versions 1 and 2",
        )
    parameters, parts = readers[major](path, told)
    if not parts or not all(part.measurements for part in parts):
        raise FormatError(
            "a table of measurements has no rows",
            place=path.name,
            repair="measure something, or leave it out",
        )
    return PetabProblem(str(told.get("id") or path.stem), int(major), parameters, parts)
