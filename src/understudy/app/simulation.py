"""Simulation: what the command line is asked to simulate, and the answer with all that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.app.named_value import named_texts, named_values, quantity
from understudy.app.outcome_file import is_streamed
from understudy.app.terminal_number import single, with_unit
from understudy.app.time_grid import end_of, fine, readable, spaced
from understudy.core.errors import SimulationError
from understudy.core.result import Outcome
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.simulate import simulate
from understudy.formats.load import load, model_in
from understudy.library.entry import Entry
from understudy.model.model import Model
from understudy.model.population_model import Covariate, PopulationModel
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd

    from understudy.app.progress import Progress
    from understudy.population.virtual import VirtualPopulation

# From so many virtual patients on they are simulated in chunks, and it is shown how far that has come.
_MANY = 10_000
# Columns by which doses are scaled, for models that have no such covariate of their own.
_SIZES = {"kg": ("WT", "kg"), "m**2": ("BSA", "m**2")}


@dataclass(frozen=True)
class Question:
    """Arguments and options of ``understudy simulate``, as they were written."""

    model: str
    regimen: str
    covariates: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    until: str = ""
    times: str = ""
    every: str = ""
    population: int = 0
    seed: int = 1
    before_dose: bool = False
    engine: str = "auto"
    jobs: int = 0
    out: Path | None = None
    memory: str = ""
    sensitivities: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def is_large(self) -> bool:
        """Whether patients are simulated in chunks."""
        return self.population >= _MANY or bool(self.memory) or is_streamed(self.out)


@dataclass(frozen=True, eq=False)
class Simulation:
    """A question, understood and answered.

    Parameters
    ----------
    model : Model or PopulationModel
    card : Entry or None
        Of the library, where the model is from there.
    regimen : Regimen or None
        In the model's time unit; None where nothing is given.
    given : dict of str to float
        Covariates that all patients share.
    changed : dict of str to float
        Parameters that were given.
    population : int
        Number of virtual patients; 0 for one typical patient.
    seed : int
    outcome : Outcome
    rows : int array
        Which of the times a table shows.
    """

    model: Model | PopulationModel
    card: Entry | None
    regimen: Regimen | None
    given: dict[str, float]
    changed: dict[str, float]
    population: int
    seed: int
    outcome: Outcome
    rows: np.ndarray

    @property
    def structural(self) -> Model:
        """The mechanism."""
        return self.model.structural if isinstance(self.model, PopulationModel) else self.model

    def notes(self) -> Iterator[str]:
        """What a careful reader should know of the answer."""
        examples = self.card is not None and self.card.kind == "structural"
        if examples and not set(self.structural.parameter_names) <= set(self.changed):
            yield "the parameters of this model are examples, not a drug's: give yours by --parameter"
        for covariate in _covariates(self.model):
            value = self.given.get(covariate.name)
            if value is not None and not _inside(value, covariate):
                span = with_unit(f"{_end(covariate.lower)} to {_end(covariate.upper)}", covariate.unit)
                shown = with_unit(single(value), covariate.unit)
                yield f"{covariate.name} {shown} is outside {span}, where the model was built"
        for patient, sentence in list(self.outcome.failures.items())[:3]:
            yield f"patient {patient} failed: {sentence}"
        if len(self.outcome.failures) > 3:
            yield f"{len(self.outcome.failures)} patients failed; the numbers are of the others"


def answer(question: Question, progress: Progress | bool = False) -> Simulation:
    """Understand a question and simulate it; in chunks, telling how far it has come, where there are many patients.

    Raises
    ------
    UnderstudyError
        For whatever of it cannot be understood or done.

    Examples
    --------
    >>> found = answer(Question("phenobarbital_neonates", "20 mg/kg then 5 mg/kg q24h x 4", ("WT=1.4",)))
    >>> found.outcome.outputs, found.given
    (('Cp',), {'WT': 1.4, 'APGR': 7.0})
    """
    model = model_in(loaded(question), question.model)
    model.check_units()
    base = model.structural if isinstance(model, PopulationModel) else model
    regimen = Regimen.parse(question.regimen).in_time_unit(base.time_unit) if question.regimen else None
    given = _reference(model) | named_values(
        question.covariates, _covariate_units(model, regimen), "--covariate"
    )
    _require_sizes(regimen, given)
    changed = named_values(question.parameters, _parameter_units(model), "--parameter")
    times, rows = _times(question, regimen, base.time_unit)
    outcome = simulate(
        model,
        _patients(model, question, given | changed),
        regimen,
        times,
        outputs=_outputs(question, base),
        sensitivities=question.sensitivities,
        before_dose=question.before_dose,
        engine=question.engine,
        jobs=question.jobs,
        **(_in_chunks(question, progress) if question.is_large else {}),
    )
    if len(outcome.failures) == len(outcome.patients):
        outcome.raise_failures()
    card = _card(question.model)
    return Simulation(model, card, regimen, given, changed, question.population, question.seed, outcome, rows)


def loaded(question: Question) -> Any:
    """What the model's file says, with the units that were given for it.

    Raises
    ------
    SimulationError
        For units of a model that has its own.
    """
    found, units = load(question.model), named_texts(question.units, "--units")
    if not units:
        return found
    if not hasattr(found, "with_units"):
        raise SimulationError(
            f"{question.model} says its own units", place="--units", repair="leave them out"
        )
    return found.with_units(units)


def _outputs(question: Question, model: Model) -> tuple[str, ...] | None:
    wanted = tuple(name.strip() for text in question.outputs for name in text.split(",") if name.strip())
    for name in wanted:
        if name not in model.output_names:
            near = get_close_matches(name, model.output_names, 1, 0.5)
            raise SimulationError(
                f"{model.name} has no output {name!r}",
                place="--output",
                repair=f"did you mean {near[0]}?" if near else f"outputs: {', '.join(model.output_names)}",
            )
    return wanted or None


def _in_chunks(question: Question, progress: Progress | bool) -> dict[str, Any]:
    dispatch = Dispatch("threads", **({"memory": question.memory} if question.memory else {}))
    to = question.out if is_streamed(question.out) else None
    return {"dispatch": dispatch, "to": to, "progress": progress}


def _card(name: str) -> Entry | None:
    from understudy.library.catalogue import entry, names

    return entry(name) if name in names() else None


def _covariates(model: Model | PopulationModel) -> tuple[Covariate, ...]:
    return model.covariates if isinstance(model, PopulationModel) else ()


def _reference(model: Model | PopulationModel) -> dict[str, float]:
    return {item.name: item.reference for item in _covariates(model) if item.reference is not None}


def _covariate_units(model: Model | PopulationModel, regimen: Regimen | None) -> dict[str, str]:
    sizes = dict(_SIZES[dose.per] for dose in (regimen.doses if regimen else ()) if dose.per)
    return sizes | {item.name: item.unit for item in _covariates(model)}


def _require_sizes(regimen: Regimen | None, given: dict[str, float]) -> None:
    for per in sorted({dose.per for dose in (regimen.doses if regimen else ()) if dose.per}):
        name, unit = _SIZES[per]
        if name not in given:
            raise SimulationError(
                f"the doses are per {unit.replace('**', '')}, but the patient has no {name}",
                place=str(regimen),
                repair=f"give it in {unit.replace('**', '')}: --covariate {name}=NUMBER",
            )


def _parameter_units(model: Model | PopulationModel) -> dict[str, str]:
    """Units of all that may be given: structural parameters, and a population's fixed and random effects."""
    if isinstance(model, Model):
        return {item.name: item.unit for item in model.parameters}
    named = {item.name: item.unit for item in (*model.structural.parameters, *model.fixed)}
    return named | dict.fromkeys(model.eta_names, "1")


def _times(question: Question, regimen: Regimen | None, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Times that are simulated, and which of them a table shows."""
    if question.times:
        if question.every or question.until:
            raise SimulationError("--times says it all", repair="leave out --until and --every")
        times = np.unique([quantity(text, unit, "--times") for text in question.times.split(",")])
        return times, np.arange(len(times))
    end = quantity(question.until, unit, "--until") if question.until else end_of(regimen)
    if question.every:
        times = spaced(end, quantity(question.every, unit, "--every"))
        return times, np.arange(len(times))
    shown = readable(end, unit)
    times = np.unique(np.concatenate([shown, fine(end)]))
    return times, np.flatnonzero(np.isin(times, shown))


def _patients(
    model: Model | PopulationModel, question: Question, shared: dict[str, float]
) -> pd.DataFrame | VirtualPopulation:
    import pandas as pd

    from understudy.population.virtual import VirtualPopulation

    if not question.population:
        return pd.DataFrame(shared, index=["typical"])
    if not isinstance(model, PopulationModel):
        raise SimulationError(
            f"{model.name} says nothing about differences between patients",
            place="--population",
            repair="leave out --population, or take a population model: `understudy models`",
        )
    return VirtualPopulation(model, None, question.population, question.seed, shared)


def _inside(value: float, covariate: Covariate) -> bool:
    above = covariate.lower is None or value >= covariate.lower
    return above and (covariate.upper is None or value <= covariate.upper)


def _end(limit: float | None) -> str:
    return "?" if limit is None else single(limit)
