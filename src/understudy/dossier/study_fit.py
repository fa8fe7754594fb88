"""StudyFit: the parameters that a study's answer rests on, where it asks for a fit, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from understudy.core.errors import StudyError
from understudy.dossier.sections import FitSection
from understudy.dossier.study import Study
from understudy.inference.diagnostics.estimates import drawn_models
from understudy.inference.diagnostics.goodness_of_fit import GoodnessOfFit, goodness_of_fit
from understudy.inference.diagnostics.visual_check import VisualCheck, visual_predictive_check
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.initial import beginning
from understudy.inference.estimation.methods import method_of
from understudy.inference.fit import Fit
from understudy.inference.hold_out import training_records
from understudy.inference.twins.fitted_model import fitted_model
from understudy.model.parts import Source
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records

FILE = "fit.json"
# Sets of parameters that virtual patients take turns with, and under how many of these every twin is made anew.
SETS, TWIN_SETS = 200, 20
# Simulated studies behind the chapter's charts.
_REPLICATES = 300


@dataclass(frozen=True, eq=False)
class StudyFit:
    """Estimates in the place of the parameters that the study's model brings.

    Parameters
    ----------
    fit : Fit
    before : PopulationModel
        The study's model with its own parameters.
    text : str
        Of the fit's file.
    origin : str
        File it was read from; empty where it was made for the study.
    same_records : bool
        Whether it was made from the study's records.
    drawn : tuple of PopulationModel
        Models with parameters drawn from how sure the estimates are; empty where that is not carried on.
    seed : int
        Of these.
    goodness : GoodnessOfFit or None
    corrected : VisualCheck or None
        Visual predictive check with prediction correction.
    refit : Fit or None
        Made without the levels that are held back.
    """

    fit: Fit
    before: PopulationModel
    text: str
    origin: str
    same_records: bool
    drawn: tuple[PopulationModel, ...]
    seed: int
    goodness: GoodnessOfFit | None = None
    corrected: VisualCheck | None = None
    refit: Fit | None = None

    @property
    def model(self) -> PopulationModel:
        """The model with the estimates, each with its standard error and where it comes from."""
        names, errors = set(self.fit.estimates) - set(self.fit.fixed), self.fit.standard_errors
        whence = Source(f"Estimated by {self.fit.method} from {self.records_named}; see the chapter Fit")
        fixed = tuple(
            replace(p, standard_error=errors.get(p.name), source=whence) if p.name in names else p
            for p in fitted_model(self.fit).fixed
        )
        random = []
        for block in fitted_model(self.fit).random:
            own = [f"omega({name})" for name in block.names]
            known = tuple(errors[name] for name in own) if all(name in errors for name in own) else ()
            told = {"standard_errors": known, "source": whence} if set(own) <= names else {}
            random.append(replace(block, **told))
        return replace(fitted_model(self.fit), fixed=fixed, random=tuple(random))

    @property
    def records_named(self) -> str:
        """Whose records the estimates are of, in words."""
        return "the records of this study" if self.same_records else "other records than this study's"

    def described(self, section: FitSection) -> dict[str, Any]:
        """What a record says of it, as JSON data."""
        from hashlib import sha256

        return {
            "use": section.use,
            "method": self.fit.method,
            "covariance": self.fit.covariance_kind or "none",
            "estimates": dict(self.fit.estimates),
            FILE: sha256(self.text.encode()).hexdigest(),
            "parameter_sets": len(self.drawn),
            "refit_without_held_back_levels": self.refit is not None,
        }


def estimate(section: FitSection, model: PopulationModel, records: Records, seed: int, **how: Any) -> Fit:
    """The fit that a study's ``[fit]`` describes; `seed` is the study's, `how` is for `fit`.

    Raises
    ------
    UnderstudyError
        As `fit` does.
    """
    asked = {
        "covariance": None if section.covariance == "none" else section.covariance,
        "starts": section.starts,
        "seed": seed if section.seed is None else section.seed,
    }
    begun = beginning(model, section.initial, section.fixed)
    return fit(begun, records, method_of(section.method, section.settings), **(asked | how))


def study_fit(
    study: Study, model: PopulationModel, records: Records, seed: int, jobs: int
) -> StudyFit | None:
    """Estimate, or read a fit; None where the study keeps its model's parameters.

    Parameters
    ----------
    study : Study
    model : PopulationModel
        The study's.
    records : Records
    seed : int
    jobs : int

    Raises
    ------
    StudyError
        For a fit that did not succeed; for a file whose fit is of another model, or of other records without leave.
    """
    section = study.fit
    if section is None or section.use is False:
        return None
    if section.file:
        found, text = _read(study, section, model)
    else:
        # How long it took is in the record: the file holds only what is the same every time.
        found = replace(estimate(section, model, records, seed, jobs=jobs), seconds=0.0)
        text = found.text
    require_success(found, "[fit]")
    same = found.records_hash == records.hash
    if section.file and not same and not section.other_records:
        raise _other_records(found, section.file)
    return StudyFit(found, model, text, section.file, same, _drawn(found, section, seed), seed)


def _read(study: Study, section: FitSection, model: PopulationModel) -> tuple[Fit, str]:
    path = study.folder / section.file
    found = Fit.read(path)
    if _shape(fitted_model(found)) != _shape(model):
        raise StudyError(
            f"the fit is of {fitted_model(found).name}, which is not the model of the study, {model.name}",
            place=f"[fit] use: {section.file}",
            repair=f'name it as the model: [model] file = "{section.file}"; or fit the study\'s model: use = true',
        )
    return found, path.read_text(encoding="utf-8")


def _shape(model: PopulationModel) -> tuple:
    """What a model is but for its parameters' values."""
    names = tuple(p.name for p in model.fixed), tuple(block.names for block in model.random)
    return model.structural.hash, model.individual, names, model.residual, model.distributions


def _other_records(found: Fit, file: str) -> StudyError:
    cause = (
        "the fit was made of other records than the study's (their hashes differ)"
        if found.records_hash
        else "the fit does not say which records it was made of"
    )
    return StudyError(
        cause,
        place=f"[fit] use: {file}",
        repair="fit the study's records, with the same units and columns: use = true; or say that this is meant: "
        "other_records = true",
    )


def require_success(found: Fit, place: str) -> None:
    """Raise where a fit did not succeed: no answer shall rest on it.

    Raises
    ------
    StudyError
        With how the estimation ended.
    """
    if found.succeeded or (found.succeeded is None and not found.status):
        # Of other programs' fits it may not be known.
        return
    told = found.status or "it does not say how it ended"
    doubts = f"; {'; '.join(found.warnings)}" if found.warnings else ""
    raise StudyError(
        f"the fit did not succeed: {told}{doubts}",
        place=place,
        repair="begin elsewhere (initial = { ... }), with several starts (starts = 5), hold what the records do not "
        "tell (fixed = [...]), or take another method; `understudy fit` on this study shows every iteration",
    )


def _drawn(found: Fit, section: FitSection, seed: int) -> tuple[PopulationModel, ...]:
    known = found.covariance is not None or found.details.get("draws")
    if section.uncertainty and (known or "uncertainty" in section.model_fields_set):
        return drawn_models(found, SETS, seed)
    return ()


def without_held_back(
    found: StudyFit, study: Study, records: Records, output: str, seed: int, jobs: int
) -> StudyFit:
    """With a second fit, of the records without the levels that are held back and forecast; see `FitSection.refits`.

    Raises
    ------
    StudyError
        Where that fit does not succeed; where the fit is of other records, so that there is nothing to leave out.
    """
    section = study.fit
    if not found.same_records and section.refit:
        raise StudyError(
            "the fit is of other records than the study's: no held-back level is in it",
            place="[fit] refit",
            repair="leave refit out",
        )
    if not (section.refits and found.same_records):
        return found
    known = training_records(found.fit, records, output, jobs)
    plain = section.model_copy(update={"initial": {}, "starts": 1})
    kind = {} if found.drawn else {"covariance": None}
    made = estimate(plain, fitted_model(found.fit), known, seed, jobs=jobs, **kind)
    require_success(made, "[fit] without the levels that are held back; refit = false leaves this out")
    return replace(found, refit=made)


def checked_fit(found: StudyFit, records: Records, interval: float, jobs: int) -> StudyFit:
    """With what the chapter's charts show."""
    how = {"replicates": _REPLICATES, "seed": found.seed, "jobs": jobs}
    corrected = visual_predictive_check(found.fit, records, correction="prediction", interval=interval, **how)
    return replace(found, goodness=goodness_of_fit(found.fit, records, **how), corrected=corrected)
