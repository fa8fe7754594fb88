"""Report files: the files under the paths that a user gives, in folders and zip files too."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.core.errors import DataError, FormatError, Problem
from understudy.core.nearest_file import nearest_file

_HIDDEN = (".", "__MACOSX")


@dataclass(frozen=True)
class ReportFile:
    """One file, or one member of a zip file.

    Parameters
    ----------
    path : Path
        Of the file, or of the zip file that holds it.
    member : str
        Its name in the zip file, or empty.
    """

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.member.rpartition("/")[2] or self.path.name

    def data(self) -> bytes:
        """All bytes, unpacked where they are compressed by gzip.

        Raises
        ------
        FormatError
            If the file is damaged.
        """
        try:
            raw = self._raw()
            return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        except (gzip.BadGzipFile, EOFError, zipfile.BadZipFile, OSError) as error:
            if isinstance(error, PermissionError):
                raise
            raise FormatError(
                "the compressed file is damaged",
                place=self.name,
                repair="take the file from its source again",
            ) from error

    def hash(self) -> str:
        """SHA-256 of its bytes as they lie."""
        return hashlib.sha256(self._raw()).hexdigest()

    def _raw(self) -> bytes:
        if not self.member:
            return self.path.read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(self.member)


def report_files(paths: Sequence[str | Path]) -> list[ReportFile]:
    """All files under these paths, sorted, each once.

    Raises
    ------
    DataError
        If a path leads nowhere.
    FormatError
        If a zip file is damaged.
    """
    found: dict[ReportFile, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            problem = Problem("there is no such file", nearest_file(path))
            raise DataError([problem], place=str(path))
        inside = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for each in inside:
            found.update(dict.fromkeys(_of(each)))
    return [each for each in found if not each.name.startswith(_HIDDEN)]


def _of(path: Path) -> Iterator[ReportFile]:
    if path.suffix.lower() != ".zip":
        yield ReportFile(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(each for each in archive.namelist() if not each.endswith("/"))
    except zipfile.BadZipFile as error:
        raise FormatError(
            "the zip file is damaged", place=path.name, repair="take the file from its source again"
        ) from error
    yield from (ReportFile(path, each) for each in names if not each.startswith(_HIDDEN))
