"""Records prediction: what a model file's typical patient would have shown at its own records, beside what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.app.simulation import Question, loaded
from understudy.app.terminal import console
from understudy.app.terminal_number import column, single
from understudy.core.errors import SimulationError
from understudy.formats.load import format_of, model_in
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_MOST_ROWS = 24


def brings_records(name: str) -> bool:
    """Whether a model's file is of a kind that has records with it."""
    found = format_of(Path(name))
    return found is not None and found.name == "NONMEM"


def predict_records(question: Question) -> None:
    """Print predictions at the records of a model file, or write all of them to a CSV file.

    Raises
    ------
    SimulationError
        For options that need a regimen.
    """
    _refuse_options(question)
    found = loaded(question)
    records, model = found.records, model_in(found, question.model)
    frame = predictions(model, records, question)
    to = console()
    to.print(model.name, style="bold", markup=False, highlight=False)
    told = f"doses and times of {records.source}, typical parameters (random effects are zero)"
    to.print(told, style="dim", markup=False, highlight=False)
    to.print()
    to.print(_table(frame.head(_MOST_ROWS)))
    if len(frame) > _MOST_ROWS:
        rest = f"{_MOST_ROWS} of {len(frame):,} observations; --out file.csv has all"
        to.print(rest, style="dim", markup=False, highlight=False)
    if question.out:
        frame.to_csv(question.out, index=False)
        to.print(f"Written: {question.out}", markup=False, soft_wrap=True)


def predictions(model: PopulationModel, records, question: Question) -> pd.DataFrame:
    """Patient, line of the file, time, output, observed and predicted value of every observation."""
    import pandas as pd

    from understudy.inference.predictor import Predictor

    predictor = Predictor(model, records, question.engine, question.jobs)
    zero = np.zeros((1, len(predictor.patients), len(predictor.effects.names)))
    return pd.DataFrame(
        {
            "patient": np.array(predictor.patients)[predictor.patient],
            "row": predictor.row,
            "time": predictor.time,
            "output": predictor.output,
            "observed": predictor.raw,
            "predicted": predictor.natural(zero)[0],
        }
    )


def _refuse_options(question: Question) -> None:
    needing = {
        "--population": question.population, "--parameter": question.parameters, "--covariate": question.covariates,
        "--until": question.until, "--every": question.every, "--times": question.times,
        "--sensitivity": question.sensitivities, "--before-dose": question.before_dose, "--memory": question.memory,
    }  # fmt: skip
    used = [name for name, value in needing.items() if value]
    if used:
        raise SimulationError(
            "this option needs a regimen", place=used[0], repair="write the doses after the model"
        )
    if question.out and question.out.suffix != ".csv":
        raise SimulationError(
            "the records' predictions are a table", place="--out", repair="name a .csv file"
        )


def _table(frame: pd.DataFrame) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    several = frame["output"].nunique() > 1
    headings = ["patient", "row", "time", *(["output"] if several else []), "observed", "predicted"]
    for heading in headings:
        table.add_column(heading, justify="right")
    cells = {
        "patient": frame["patient"].astype(str),
        "row": frame["row"].astype(str),
        "time": [single(value, 6) for value in frame["time"]],
        "output": frame["output"].astype(str),
        "observed": column(frame["observed"].to_numpy()),
        "predicted": column(frame["predicted"].to_numpy()),
    }
    for row in zip(*(cells[heading] for heading in headings), strict=True):
        table.add_row(*row)
    return table
