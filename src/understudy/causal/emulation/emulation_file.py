"""Emulation file: ``emulation.toml`` with its table, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.causal.emulation.emulation_section import EmulationSection
from understudy.core.content import file_hash
from understudy.core.errors import DataError, Problem, StudyError
from understudy.core.nearest_file import nearest_file
from understudy.core.toml_file import in_order, parse, read_text, validated
from understudy.data.csv_file import read_csv

if TYPE_CHECKING:
    import pandas as pd

FIRST_ROW = 2  # the header is line 1


@dataclass(frozen=True, eq=False)
class Emulation:
    """An emulation as its file describes it, with its table. Made by `load_emulation`.

    Parameters
    ----------
    section : EmulationSection
    table : DataFrame
        As it stands in the file.
    inputs : mapping of str to str
        SHA-256 of the files.
    """

    section: EmulationSection
    table: pd.DataFrame
    inputs: dict[str, str]

    @property
    def settings(self) -> dict[str, Any]:
        """The file as JSON data; the table by its name."""
        found = self.section.model_dump(mode="json")
        found["data"]["file"] = Path(found["data"]["file"]).name
        return found


def load_emulation(path: str | Path, data: str | Path | None = None) -> Emulation:
    """Read ``emulation.toml`` and the table it names.

    Parameters
    ----------
    path : path
    data : path, optional
        Folder that the table's name is relative to; that of the file, if left out.

    Returns
    -------
    Emulation

    Raises
    ------
    StudyError
        With every problem of the file, each with its key, line and repair; and for tables outside the folder.
    DataError
        If the table cannot be read.
    """
    path = Path(path)
    text = read_text(path, "emulation")
    section, problems = validated(EmulationSection, parse(text, path.name, "emulation"))
    if section is None or problems:
        raise StudyError.of(in_order(problems, text), path.name)
    table = table_path(section.data.file, path.absolute().parent if data is None else Path(data))
    return Emulation(section, read_rows(table), {path.name: file_hash(path), table.name: file_hash(table)})


def table_path(name: str, folder: Path) -> Path:
    """Where a table lies.

    Raises
    ------
    StudyError
        If it lies outside the folder.
    """
    root = folder.resolve()
    found = (root / name).resolve()
    if not found.is_relative_to(root):
        raise StudyError(
            f"the table {name!r} lies outside the folder of the emulation", place="data.file",
            repair="put it beside the file or in a folder below, or name its folder by --data",
        )  # fmt: skip
    return found


def read_rows(path: Path) -> pd.DataFrame:
    """The table of a CSV file.

    Raises
    ------
    DataError
        If it cannot be read, or has no rows.
    """
    try:
        frame = read_csv(path)
    except OSError as error:
        cause = f"cannot read the file: {error.strerror or error}"
        raise DataError([Problem(cause, nearest_file(path))], place=path.name) from None
    except ValueError as error:
        cause = f"cannot read the table: {str(error).splitlines()[0]}"
        raise DataError([Problem(cause, "save it as CSV in UTF-8")], place=path.name) from None
    if not len(frame):
        raise DataError([Problem("the table has no rows", "give a row a person and period")], place=path.name)
    return frame
