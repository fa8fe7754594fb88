"""Study folder: the only place that a study file can name files in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from understudy.core.content import file_hash
from understudy.core.errors import StudyError
from understudy.core.nearest_file import nearest_file


@dataclass(frozen=True)
class StudyFolder:
    """A folder, and what was read in it.

    Parameters
    ----------
    folder : Path
    hashes : dict of str to str
        SHA-256 of files by their names; what is read is added.
    """

    folder: Path
    hashes: dict[str, str]

    def path(self, name: str, key: str, instead: str = "move it there") -> Path:
        """Where a file or folder of this name lies.

        Raises
        ------
        StudyError
            If it is not in the folder, or there is none.
        """
        path = self.folder / name
        if Path(name).is_absolute() or not path.resolve().is_relative_to(self.folder.resolve()):
            raise StudyError("the path leaves the study's folder", place=f"{key}: {name}", repair=instead)
        if not path.exists():
            raise StudyError(
                "there is no such file or folder", place=f"{key}: {name}", repair=nearest_file(path)
            )
        return path

    def read(self, name: str, key: str) -> Path:
        """The path of a file that is about to be read: its hash is kept.

        Raises
        ------
        StudyError
            As `path`; or if it is no file.
        """
        path = self.path(name, key)
        if not path.is_file():
            raise StudyError("that is no file", place=f"{key}: {name}", repair="name a file")
        self.hashes[Path(name).as_posix()] = file_hash(path)
        return path
