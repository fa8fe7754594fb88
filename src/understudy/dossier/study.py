"""Study: a question about patients and doses, as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PrivateAttr

from understudy.core.content import content_hash, file_hash
from understudy.core.errors import StudyError
from understudy.core.section import Section, Text, Whole
from understudy.core.toml_file import parse, read_text
from understudy.dossier.sections import (
    Candidate,
    EvaluationSection,
    FitSection,
    ModelSection,
    OutputsSection,
    PopulationSection,
    RecordsSection,
    Target,
)

if TYPE_CHECKING:
    from understudy.data.records import Records
    from understudy.inference.fit import Fit
    from understudy.model.model import Model
    from understudy.model.population_model import PopulationModel
    from understudy.model.regimen import Regimen

_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Study(Section):
    """A question about patients and doses, with the data and the model to answer it. Made by `Study.read`.

    Parameters
    ----------
    title, question : str
    seed : int
        Of every random number.
    records, model, fit, target, regimens, population, evaluation, outputs
        The tables of the file; `Study.json_schema` describes every key.

    Examples
    --------
    >>> Study.read("examples/phenobarbital/study.toml")
    Study('Phenobarbital in newborns with seizures': phenobarbital_neonates, 5 regimens, Cp 15 to 40 mg/L)
    """

    title: Text = Field(description="one line, the heading of the dossier")
    question: Text = Field(description="what is to be decided, for whom, in a sentence or two")
    seed: Whole = Field(default=1, description="seed of all random numbers", ge=0, le=2**63 - 1)
    records: RecordsSection | None = Field(
        default=None,
        description="the patients' doses, measurements and covariates; with a mechanism they may be left out",
    )
    model: ModelSection = Field(description="the model of the drug in these patients")
    fit: FitSection | None = Field(
        default=None,
        description="parameters estimated from the records, instead of those that the model brings",
    )
    target: Target = Field(description="the range in which an output should stay")
    regimens: Annotated[tuple[Candidate, ...], Field(min_length=1)] = Field(
        description="the ways to dose, compared"
    )
    population: PopulationSection = Field(
        default_factory=PopulationSection, description="the virtual patients to whom the answer is extended"
    )
    evaluation: EvaluationSection = Field(
        default_factory=EvaluationSection, description="how twins are made and checked"
    )
    outputs: OutputsSection = Field(default_factory=OutputsSection, description="where the dossier goes")

    _folder: Path = PrivateAttr(default=Path())
    _file: str = PrivateAttr(default="")

    @classmethod
    def read(cls, path: str | Path) -> Study:
        """The study in a TOML file, checked as far as it can be without its records.

        A model file that the study names is run: read only studies whose model file you trust.

        Raises
        ------
        StudyError
            With every problem found, each with its key, line and repair.
        """
        path = Path(path)
        text = read_text(path, "study")
        return cls.of(parse(text, path.name, "study"), path.absolute().parent, text=text, file=path.name)

    @classmethod
    def of(
        cls, data: Mapping[str, Any], folder: str | Path = ".", *, text: str = "", file: str = ""
    ) -> Study:
        """A study from its keys.

        Parameters
        ----------
        data : mapping
            As a TOML file holds them.
        folder : path
            What the paths in it are relative to.
        text, file : str
            The file they come from, if any: problems then name its lines.

        Raises
        ------
        StudyError
            With every problem found.
        """
        from understudy.dossier.study_problems import find_problems

        study, problems = find_problems(cls, data, Path(folder), text)
        if problems:
            raise StudyError.of(problems, file or "the study")
        study._file = file
        return study

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the study file, with a description of every key.

        Examples
        --------
        >>> Study.json_schema()["properties"]["seed"]["description"]
        'seed of all random numbers'
        """
        return {"$schema": _SCHEMA_DIALECT, **cls.model_json_schema(by_alias=True)}

    @property
    def folder(self) -> Path:
        """Folder of the study file, to which its paths are relative."""
        return self._folder

    @property
    def output_folder(self) -> Path:
        """Folder of the dossier."""
        return self._folder / self.outputs.folder

    @cached_property
    def _loaded(self) -> Any:
        from understudy.formats.load import load

        return load(self.model.name or self._folder / self.model.file)

    @property
    def model_fit(self) -> Fit | None:
        """The fit that is named as the model, where one is."""
        return self._loaded if hasattr(self._loaded, "estimates") else None

    @cached_property
    def _model(self) -> Model | PopulationModel:
        from understudy.formats.load import model_in

        name, found = self.model.name or self._folder / self.model.file, self._loaded
        if hasattr(found, "with_units"):
            said = self.records.units.items() if self.records else ()
            found = found.with_units({n: u for n, u in said if n.upper() in ("TIME", "AMT", "DV")})
        model = model_in(found, name)
        model.check_units()
        return model

    def load_model(self) -> Model | PopulationModel:
        """The model, its units proved; a model file is run once.

        Raises
        ------
        ModelError, UnitError
            If there is no such model, or its equations do not fit together.
        """
        return self._model

    def read_records(self) -> Records | None:
        """The records, checked; None where the study has none.

        Raises
        ------
        DataError
            With every bad row.
        StudyError
            If a stratum's covariate is not among them.
        """
        from understudy.data.records import Records

        section = self.records
        if section is None:
            return None
        records = Records.read_csv(
            self._folder / section.file,
            units=section.units,
            columns=section.columns,
            covariates=section.covariates,
            categories=section.categories,
            ignore=section.ignore,
            delimiter=section.delimiter,
        )
        self._check_strata(records.covariates)
        return records

    def _check_strata(self, covariates: Sequence[str]) -> None:
        from understudy.data.layout import nearest

        problems = [
            StudyError(
                f"the records have no covariate {stratum.covariate!r}",
                place=f"population.strata[{k + 1}].covariate",
                repair=nearest(stratum.covariate, covariates),
            )
            for k, stratum in enumerate(self.population.strata)
            if stratum.covariate not in covariates
        ]
        if problems:
            raise StudyError.of(problems, self._file or "the study")

    def parsed_regimens(self) -> tuple[tuple[str, Regimen], ...]:
        """Label and regimen of each candidate, in order."""
        return tuple((candidate.name, candidate.regimen) for candidate in self.regimens)

    def input_hashes(self) -> dict[str, str]:
        """SHA-256 of the study file, the records, the model file and the fit, by their names relative to the study."""
        files = [self._file, self.records.file if self.records else "", self.model.file]
        files.append(self.fit.file if self.fit else "")
        hashes = {self._relative(name): file_hash(self._folder / name) for name in files if name}
        return hashes if self._file else {"study": content_hash(self.model_dump(mode="json"))} | hashes

    def __repr__(self) -> str:
        target, count = self.target, len(self.regimens)
        parts = [
            self.model.name or self.model.file,
            f"{count} regimen{'s' if count != 1 else ''}",
            f"{target.output} {target.low:g} to {target.high:g} {target.unit}",
        ]
        return f"Study({self.title!r}: {', '.join(parts)})"

    __str__ = __repr__

    def _relative(self, name: str) -> str:
        """A path as it may be recorded: never absolute, by its file name alone where it lies elsewhere."""
        if not Path(name).is_absolute():
            return Path(name).as_posix()
        path = Path(name)
        return path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else path.name
