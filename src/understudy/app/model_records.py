"""Model and records: what a command is asked to bring together, from the files that were named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from understudy.app.model_check import is_model
from understudy.app.named_value import named_texts
from understudy.app.terminal import note
from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.dossier.study import Study
from understudy.formats.load import load, model_in
from understudy.model.population_model import PopulationModel


def model_and_records(
    data: Path, model: str, units: Iterable[str] = (), columns: Iterable[str] = ()
) -> tuple[PopulationModel, Records]:
    """A population model and the records it is about.

    Parameters
    ----------
    data : Path
        Records (``.csv``), a study (``.toml``), or a model file that brings its records, as a control stream does.
    model : str
        Name in the library, or a file; empty for the one that `data` brings.
    units, columns : iterable of str
        ``NAME=TEXT``, as `understudy check` takes them.

    Raises
    ------
    UnderstudyError
        For what cannot be read, for records without a model, and for a model without a population.
    """
    if data.suffix == ".toml":
        study = Study.read(data)
        records, found = study.read_records(), study.load_model()
        if not model:
            tell_of_fit(study)
    elif is_model(data):
        found = load(str(data))
        records = getattr(found, "records", None)
        if records is None:
            raise SimulationError(
                "the model file brings no records",
                place=str(data),
                repair=f"name a .csv of records in its place, and --model {data.name}",
            )
        found = model_in(found, data)
    else:
        texts = named_texts(units, "--units"), named_texts(columns, "--columns")
        records, found = Records.read_csv(data, units=texts[0], columns=texts[1]), None
    if model:
        found = model_in(load(model), model)
    return _population(found, model or str(data)), records


def tell_of_fit(study: Study) -> None:
    """Say that a study's ``[fit]`` is for `evaluate` and `fit`, where another command takes the model as it is."""
    if study.fit is not None and study.fit.use is not False:
        note(
            "the model's own parameters are used, not those that the study's [fit] estimates; --model fit.json "
            "takes the estimates of a fit"
        )


def _population(found: object, name: str) -> PopulationModel:
    if found is None:
        raise SimulationError(
            "no model was named",
            place="--model",
            repair="name one of the library (`understudy models`), or a file",
        )
    if not isinstance(found, PopulationModel):
        raise SimulationError(
            f"{name} says nothing about differences between patients, nor about measurements",
            place="--model",
            repair="take a population model: `understudy models`",
        )
    return found
