"""Sections: the tables of a study file, each with its own rules. `Study` puts them together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from understudy.core.section import Number, Section, Text, Whole, checked, complaint

if TYPE_CHECKING:
    from understudy.model.regimen import Regimen
    from understudy.population.strata import Stratification


def _unit(text: str) -> str:
    from understudy.core.units import unit

    checked(lambda: unit(text))
    return text


Unit = Annotated[Text, AfterValidator(_unit)]
# The method itself says of what kind each of its settings is.
Setting = Annotated[Any, WithJsonSchema({"type": ["number", "boolean"]})]


class RecordsSection(Section):
    """``[records]``: the patients' table and how to read it."""

    file: Text = Field(description="CSV file with one row an event, relative to the study file")
    units: dict[Text, Unit] = Field(
        default_factory=dict,
        description='unit of each column, such as { TIME = "h", AMT = "mg", DV = "mg/L" }; "1" for none',
    )
    columns: dict[Text, Text] = Field(
        default_factory=dict,
        description='columns with names of their own: { TIME = "hours" } says that the column hours is TIME',
    )
    categories: dict[Text, dict[Text, Number]] = Field(
        default_factory=dict,
        description="numbers for the words of a covariate: { SEX = { female = 0, male = 1 } }",
    )
    covariates: tuple[Text, ...] | None = Field(
        default=None,
        description="columns that are covariates; every column that has no other meaning, if left out",
    )
    ignore: str = Field(default="C", description="rows whose first cell is this are comments; empty for none")
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = Field(
        default=",", description="what separates the columns"
    )


class ModelSection(Section):
    """``[model]``: a model of the library by name, or a file of the user's own."""

    name: Text | None = Field(
        default=None, description="name in the library, as `understudy models` lists them"
    )
    file: Text | None = Field(
        default=None,
        description="model file, relative to the study: Python that defines `model`, which is run, so trust it first, "
        "or a format of others, such as a NONMEM control stream",
    )

    built_on_these_patients: bool | None = Field(
        default=None,
        description="whether the model's parameters were estimated from these very patients; "
        "forecasts of them then look better than they would be in others",
    )

    @model_validator(mode="after")
    def _one(self) -> ModelSection:
        if (self.name is None) == (self.file is None):
            given = "both name and file are" if self.name else "neither name nor file is"
            raise complaint(f"{given} given", "give one of them: name of a library model, or a model file")
        return self


class FitSection(Section):
    """``[fit]``: parameters estimated from the study's records, in the place of those that the model brings."""

    use: bool | str = Field(
        default=True,
        description="true: estimate before anything else; a fit file (.json), relative to the study: take the "
        "estimates in it; false: keep the model's parameters, and let only `understudy fit` heed this table",
    )
    method: Text = Field(
        default="focei",
        description="method of estimation: fo, foce, focei, laplace, agq, imp, impmap, its, saem or nuts",
    )
    covariance: Literal["sandwich", "R", "S", "none"] = Field(
        default="sandwich", description="what standard errors are made of; none for no standard errors"
    )
    starts: Whole = Field(default=1, description="starts, of which the best is kept", ge=1, le=1000)
    seed: Whole | None = Field(
        default=None,
        description="seed of perturbed starts and of methods that draw; the study's, if left out",
        ge=0,
        le=2**63 - 1,
    )
    initial: dict[Text, Number] = Field(
        default_factory=dict,
        description='initial estimates, the model\'s where left out: { theta_CL = 0.006, "omega(eta_CL)" = 0.1 }',
    )
    fixed: tuple[Text, ...] = Field(
        default=(), description='parameters that are held at their value: ["theta_APGR", "omega(eta_V)"]'
    )
    settings: dict[Text, Setting] = Field(
        default_factory=dict, description="of the method: { iterations = 200, tolerance = 1e-6 }"
    )
    refit: bool | None = Field(
        default=None,
        description="whether parameters are estimated anew without the levels that are held back and forecast; true "
        "where the fit is made for the study, false where it is a file's, if left out",
    )
    other_records: bool = Field(
        default=False, description="whether the fit file may have been made of other records than the study's"
    )
    uncertainty: bool = Field(
        default=True,
        description="carry the uncertainty of the estimates to twins, virtual patients and forecasts, where the fit "
        "has a covariance",
    )

    @field_validator("use", mode="before")
    @classmethod
    def _known_use(cls, use: Any) -> bool | str:
        if isinstance(use, bool) or (isinstance(use, str) and use.strip().endswith(".json")):
            return use if isinstance(use, bool) else use.strip()
        raise complaint(f"use should be true, false or a fit file, is {use!r}", 'write true, or "fit.json"')

    @field_validator("method")
    @classmethod
    def _known_method(cls, method: str) -> str:
        from understudy.inference.estimation.methods import method_of

        checked(lambda: method_of(method))
        return method.lower()

    @field_validator("settings")
    @classmethod
    def _settings_of_method(cls, settings: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        from understudy.inference.estimation.methods import method_of

        if "method" in info.data:
            checked(lambda: method_of(info.data["method"], settings))
        return settings

    @property
    def file(self) -> str:
        """The fit file; empty where the fit is made for the study, or none is used."""
        return self.use if isinstance(self.use, str) else ""

    @property
    def refits(self) -> bool:
        """Whether parameters are estimated anew without the levels that are held back."""
        return not self.file if self.refit is None else self.refit


class Target(Section):
    """``[target]``: the range in which an output should stay."""

    output: Text = Field(description="output of the model that the range is about")
    low: Number = Field(description="lower end of the range, in `unit`", ge=0)
    high: Number = Field(description="upper end of the range, in `unit`", gt=0)
    unit: Unit = Field(description="unit of low and high")

    @field_validator("high")
    @classmethod
    def _above_low(cls, high: float, info: ValidationInfo) -> float:
        low = info.data.get("low")
        if low is not None and low >= high:
            repair = "give the lower end of the range as low, the upper end as high"
            raise complaint(f"high ({high:g}) is not above low ({low:g})", repair)
        return high


class Candidate(Section):
    """``[[regimens]]``: one way to dose, in the clinician's words."""

    doses: Text | None = Field(
        default=None,
        description='dosing sentence, such as "20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 10 days"; with a '
        "mechanism it may be left out: nothing is given",
    )
    label: str = Field(
        default="", description="short name for tables and charts; the sentence itself, if left out"
    )
    parameters: dict[Text, Number] = Field(
        default_factory=dict,
        description="with a mechanism: parameters that differ under this regimen, each in its own unit: { k = 0.5 }",
    )

    @field_validator("doses")
    @classmethod
    def _sentence(cls, sentence: str | None) -> str | None:
        from understudy.model.regimen import Regimen

        if sentence is None:
            return None
        regimen = checked(lambda: Regimen.parse(sentence))
        if not regimen.doses:
            raise complaint("the regimen gives no dose", "leave it out, or say what is given")
        if regimen.is_open:
            raise complaint("the regimen has no end", "say for how long: 'for 10 days'", repr(sentence))
        return sentence

    @property
    def name(self) -> str:
        """The label, or the sentence where there is none."""
        return self.label.strip() or self.doses or "no dose"

    @property
    def regimen(self) -> Regimen:
        """What is given; no dose where none is named."""
        from understudy.model.regimen import Regimen

        return Regimen.parse(self.doses) if self.doses else Regimen()


class Stratum(Section):
    """``[[population.strata]]``: groups of patients by one covariate."""

    covariate: Text = Field(description="column of the records")
    cuts: tuple[Number, ...] = Field(
        description="where one group ends and the next begins; a value on a cut is in the upper group",
        min_length=1,
    )
    labels: tuple[Text, ...] = Field(
        default=(), description="names of the groups, one more than cuts; made of the cuts, if left out"
    )

    @field_validator("cuts")
    @classmethod
    def _increasing(cls, cuts: tuple[float, ...]) -> tuple[float, ...]:
        if any(right <= left for left, right in pairwise(cuts)):
            raise complaint(f"cuts do not increase: {_listed(cuts)}", f"write {_listed(sorted(set(cuts)))}")
        return cuts

    @field_validator("labels")
    @classmethod
    def _one_a_group(cls, labels: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        groups = len(info.data.get("cuts", ())) + 1
        if labels and groups > 1 and len(labels) != groups:
            cause = f"{groups - 1} cuts make {groups} groups, but there are {len(labels)} labels"
            raise complaint(cause, "give one label a group, or leave labels out")
        _refuse_doubles(labels, "groups have the same label")
        return labels

    def stratification(self, unit: str = "") -> Stratification:
        """The groups, with names made of the cuts where there are no labels.

        Parameters
        ----------
        unit : str
            Unit of the covariate.

        Examples
        --------
        >>> Stratum(covariate="WT", cuts=(1.0, 1.5)).stratification("kg").names
        ('WT < 1 kg', 'WT 1 to < 1.5 kg', 'WT ≥ 1.5 kg')
        """
        from understudy.population.strata import Stratification

        return Stratification(self.covariate, self.cuts, unit, self.labels)


class PopulationSection(Section):
    """``[population]``: the virtual patients to whom the answer is extended."""

    size: Whole = Field(default=1000, description="number of virtual patients", ge=1, le=1_000_000)
    from_: Literal["records"] = Field(
        default="records",
        alias="from",
        description="their covariates are resampled from the records, patient by patient",
    )
    strata: tuple[Stratum, ...] = Field(
        default=(), description="groups for which results are also given apart"
    )

    @field_validator("strata")
    @classmethod
    def _once(cls, strata: tuple[Stratum, ...]) -> tuple[Stratum, ...]:
        _refuse_doubles([stratum.covariate for stratum in strata], "strata are given twice for")
        return strata


class EvaluationSection(Section):
    """``[evaluation]``: how twins are made and checked."""

    draws: Whole = Field(default=200, description="draws from each twin's posterior", ge=1, le=100_000)
    interval: Number = Field(default=0.9, description="probability of the prediction intervals", gt=0, lt=1)
    hold_out: Literal["last"] = Field(
        default="last", description="the measurement of each patient that is held back and forecast"
    )
    until: Number | None = Field(
        default=None,
        description="with a mechanism: when the comparison ends, in the model's time unit; one interval after a "
        "regimen's last dose, if left out",
        gt=0,
    )
    engine: Literal[
        "auto", "closed_form", "kernel", "reference", "matrix_exponential", "cuda", "cuda_float32", "jax"
    ] = Field(
        default="auto", description="what solves the model; auto takes an exact solution where one is known"
    )


class OutputsSection(Section):
    """``[outputs]``: where the dossier goes."""

    folder: Text = Field(default="dossier", description="folder of the dossier, relative to the study file")
    format: Literal["nc", "zarr"] = Field(default="nc", description="format of the simulated outcomes")


def _refuse_doubles(names: Sequence[str], cause: str) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise complaint(f"{cause}: {', '.join(doubled)}", "keep one of them, or rename one")


def _listed(numbers: Any) -> str:
    return f"[{', '.join(f'{number:g}' for number in numbers)}]"
