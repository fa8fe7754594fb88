"""Study: a real-world study as its file describes it, all its files read. Made by `load_study`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.causal.cohorts.definition import CohortDefinition
from understudy.causal.cohorts.definition_file import load_definition
from understudy.causal.study.control_file import read_control_file
from understudy.causal.study.study_file import CohortFile, StudyFile
from understudy.causal.study.study_folder import StudyFolder
from understudy.core.content import content_hash, file_hash
from understudy.core.errors import StudyError
from understudy.core.toml_file import in_order, parse, read_text, validated


@dataclass(frozen=True, repr=False)
class Study:
    """A real-world study: what its file says, with the files it names.

    Parameters
    ----------
    file : StudyFile
    target, comparator : CohortDefinition
    outcomes : tuple of CohortDefinition
    controls : tuple of int
        Concepts of negative controls.
    cdm : Path or None
        The records, if the file names them.
    inputs : dict of str to str
        SHA-256 of its files by their names.
    """

    file: StudyFile
    target: CohortDefinition
    comparator: CohortDefinition
    outcomes: tuple[CohortDefinition, ...]
    controls: tuple[int, ...]
    cdm: Path | None
    inputs: dict[str, str]

    @property
    def title(self) -> str:
        """Of the report."""
        return self.file.title

    @property
    def hash(self) -> str:
        """SHA-256 of all its files: what was fixed before any estimate was seen."""
        return content_hash(dict(self.inputs))

    @property
    def settings(self) -> dict[str, Any]:
        """What the file says, as JSON data."""
        return self.file.model_dump(mode="json")

    def __repr__(self) -> str:
        count = len(self.file.analyses)
        return (
            f"Study({self.title!r}: {self.target.name!r} against {self.comparator.name!r}, "
            f"{count} analys{'es' if count > 1 else 'is'}, {len(self.controls)} negative controls)"
        )


def load_study(path: str | Path) -> Study:
    """A real-world study from its file, ``study.toml``, and the files it names.

    Parameters
    ----------
    path : path

    Raises
    ------
    StudyError
        With every problem of the file, each with its key, line and repair; for a path that leaves the study's folder.
    DataError
        With every bad row of a file of negative controls.
    """
    path = Path(path)
    text = read_text(path, "study")
    file, problems = validated(StudyFile, parse(text, path.name, "study"))
    if file is None or problems:
        raise StudyError.of(in_order(problems, text), path.name)
    folder = StudyFolder(path.absolute().parent, {path.name: file_hash(path)})
    target, comparator, *outcomes = (
        _definition(each, file, folder) for each in (file.target, file.comparator, *file.outcomes)
    )
    require_apart("outcome", [each.name for each in outcomes])
    cdm = folder.path(file.cdm.path, "cdm.path", "give it with --cdm") if file.cdm.path else None
    controls = _controls(file, folder)
    return Study(file, target, comparator, tuple(outcomes), controls, cdm, folder.hashes)


def require_apart(what: str, names: list[str]) -> None:
    """Names that are given once each.

    Raises
    ------
    StudyError
        For one that is given twice.
    """
    twice = [name for k, name in enumerate(names) if name in names[:k]]
    if twice:
        raise StudyError(f"the {what} {twice[0]!r} is given twice", repair="name every one once")


def _definition(
    section: CohortDefinition | CohortFile, file: StudyFile, folder: StudyFolder
) -> CohortDefinition:
    if isinstance(section, CohortDefinition):
        return section.with_concept_sets(file.concept_sets)
    path = folder.read(section.file, "file")
    return load_definition(path, name=section.name).with_concept_sets(file.concept_sets)


def _controls(file: StudyFile, folder: StudyFolder) -> tuple[int, ...]:
    section = file.negative_controls
    if section is None:
        return ()
    if section.file is None:
        return section.concepts
    return read_control_file(folder.read(section.file, "negative_controls.file"))
