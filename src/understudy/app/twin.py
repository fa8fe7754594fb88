"""Twin: what the command line is asked of the twins of patients, and the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.app.model_check import is_model
from understudy.app.model_records import tell_of_fit
from understudy.app.named_value import named_texts, quantity
from understudy.app.time_grid import readable
from understudy.core.errors import SimulationError
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd

    from understudy.core.result import Outcome
    from understudy.data.records import Records
    from understudy.inference.twins.choose_dose import DoseChoice
    from understudy.inference.twins.dosing import Dosing
    from understudy.inference.twins.twins import Twins
    from understudy.population.attainment import Target
    from understudy.population.exposure import Limit

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_MEASURES = r"trough|peak|mean|auc|time"
_TARGET = re.compile(rf"\s*(?P<output>\w+)(?:\s+(?P<measure>{_MEASURES}))?\s+(?P<low>{_NUMBER})\s*(?:to|-)\s*"
                     rf"(?P<high>{_NUMBER}|inf)\s+(?P<unit>\S.*?)\s*")  # fmt: skip
_LIMIT = re.compile(rf"\s*(?P<output>\w+)(?:\s+(?P<measure>{_MEASURES}))?\s+(?:above|>)\s*(?P<above>{_NUMBER})\s+"
                    rf"(?P<unit>\S.*?)(?:\s+in\s+(?P<percent>{_NUMBER})\s*%)?\s*")  # fmt: skip
_RANGE = re.compile(rf"\s*(?P<low>{_NUMBER})\s*(?:to|-)\s*(?P<high>{_NUMBER})\s+(?P<unit>[^\s,]+)"
                    rf"(?:\s+by\s+(?P<step>{_NUMBER}))?\s*")  # fmt: skip
_LIST = re.compile(rf"\s*(?P<values>{_NUMBER}(?:\s*,\s*{_NUMBER})*)\s*(?P<unit>[A-Za-zµ][^\s,]*)?\s*")
_WINDOW = re.compile(rf"\s*({_NUMBER})\s*(?:to|-)\s*({_NUMBER})\s*")
# Without a word on times, samples to come are looked for within this many of the model's hours.
_LOOK_AHEAD = 48.0
_SAMPLE_TIMES = 12


@dataclass(frozen=True)
class TwinQuestion:
    """Arguments and options of ``understudy twin``, as they were written."""

    data: Path
    model: str = ""
    units: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    method: str = "laplace"
    draws: int = 1000
    seed: int = 0
    regimen: str = ""
    since: str = ""
    times: str = ""
    target: str = ""
    amounts: str = ""
    intervals: str = ""
    tablets: str = ""
    most_daily: float | None = None
    window: str = ""
    limits: tuple[str, ...] = ()
    at_least: float = 0.0
    next_sample: str = ""
    jobs: int = 0


@dataclass(frozen=True, eq=False)
class TwinAnswer:
    """Twins, and what else was asked for.

    Parameters
    ----------
    twins : Twins
    parameters : DataFrame
        See `Twins.parameters`.
    since : float, "last" or None
    forecast : Outcome or None
    choice : DoseChoice or None
    samples : DataFrame or None
    """

    twins: Twins
    parameters: pd.DataFrame
    since: Any = None
    forecast: Outcome | None = None
    choice: DoseChoice | None = None
    samples: pd.DataFrame | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON data."""
        twins = self.twins
        told: dict[str, Any] = {
            "model": twins.model.name,
            "method": twins.settings.method,
            "failures": twins.failures,
            "doubts": twins.doubts,
            "parameters": _rows(self.parameters),
        }
        if self.forecast is not None:
            told["forecast"] = _rows(forecast_table(self.forecast))
        if self.choice is not None:
            told["doses"] = _rows(self.choice.table)
        if self.samples is not None:
            told["next_sample"] = _rows(self.samples)
        return told


def answer(question: TwinQuestion) -> TwinAnswer:
    """Make the twins, and answer what was asked of them.

    Raises
    ------
    UnderstudyError
        For whatever of it cannot be understood or done.
    """
    from understudy.inference.individualise import individualise

    _require_together(question)
    records, model = _read(question)
    if question.patients:
        records = records.select(question.patients)
    twins = individualise(
        model, records, method=question.method, draws=question.draws, seed=question.seed, jobs=question.jobs
    )
    stands = twins.succeeded()
    if not stands.patients:
        raise SimulationError(
            "no twin could be made",
            place=", ".join(twins.failures),
            repair=next(iter(twins.failures.values())),
        )
    since = _since(question, model)
    return TwinAnswer(
        twins,
        stands.parameters(max(question.draws, 200), question.seed),
        since,
        _forecast(question, stands, since) if _asks_forecast(question) else None,
        _choice(question, stands, since) if question.target else None,
        _samples(question, stands, since) if question.next_sample else None,
    )


def _asks_forecast(question: TwinQuestion) -> bool:
    """Doses and times are those of a sample to come, where one is asked for."""
    return bool(question.regimen or question.times) and not question.next_sample


def forecast_table(outcome: Outcome, interval: float = 0.9) -> pd.DataFrame:
    """Median and interval of every patient, output and time: patient, output, time, median, lower, upper, unit."""
    import pandas as pd

    tails = ((1 - interval) / 2, 0.5, (1 + interval) / 2)
    parts = []
    for name, unit in outcome.units.items():
        low, middle, high = np.nanquantile(outcome[name].values, tails, axis=2)
        for k, patient in enumerate(outcome.patients):
            columns = {"patient": str(patient), "output": name, "time": outcome.times}
            columns |= {"median": middle[k], "lower": low[k], "upper": high[k], "unit": unit}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def read_target(text: str) -> tuple[Target, str]:
    """A target range and its measure.

    Examples
    --------
    >>> read_target("Cp trough 15 to 30 mg/L")
    (Target(output='Cp', low=15.0, high=30.0, unit='mg/L'), 'trough')
    """
    from understudy.population.attainment import Target

    found = _matched(_TARGET, text, "--target", "Cp trough 15 to 30 mg/L")
    target = Target(found["output"], float(found["low"]), float(found["high"]), found["unit"])
    return target, found["measure"] or "trough"


def read_limit(text: str) -> Limit:
    """What must not be exceeded, but in some percent.

    Examples
    --------
    >>> print(read_limit("Cp peak above 40 mg/L in 5 %"))
    Cp peak above 40 mg/L
    """
    from understudy.population.exposure import Limit

    found = _matched(_LIMIT, text, "--limit", "Cp peak above 40 mg/L in 5 %")
    share = float(found["percent"]) / 100 if found["percent"] else 0.05
    return Limit(found["output"], float(found["above"]), found["unit"], found["measure"] or "peak", share)


def read_dosing(
    amounts: str, intervals: str, time_unit: str, tablets: str = "", most_daily: float | None = None
) -> Dosing:
    """What may be prescribed.

    Examples
    --------
    >>> dosing = read_dosing("1 to 6 mg/kg by 0.5", "12, 24 h", "h")
    >>> dosing.unit, dosing.intervals, len(dosing.candidates())
    ('mg/kg', (12.0, 24.0), 22)
    """
    from understudy.inference.twins.dosing import Dosing

    spans = _matched(_LIST, intervals, "--intervals", "12, 24 h")
    strengths = _numbers(_matched(_LIST, tablets, "--tablets", "50, 100")["values"]) if tablets else ()
    shared = {
        "intervals": _numbers(spans["values"]), "time_unit": spans["unit"] or time_unit, "tablets": strengths,
        "most_daily": most_daily,
    }  # fmt: skip
    span = _RANGE.fullmatch(amounts)
    if span:
        step = float(span["step"]) if span["step"] else None
        return Dosing(
            low=float(span["low"]), high=float(span["high"]), step=step, unit=span["unit"], **shared
        )
    found = _matched(_LIST, amounts, "--amounts", "50, 75, 100 mg, or 1 to 6 mg/kg by 0.5")
    return Dosing(amounts=_numbers(found["values"]), unit=found["unit"] or "mg", **shared)


def _matched(pattern: re.Pattern, text: str, option: str, example: str) -> re.Match:
    found = pattern.fullmatch(text)
    if not found:
        raise SimulationError(
            f"{text!r} is not understood", place=option, repair=f"write it like {example!r}"
        )
    return found


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _require_together(question: TwinQuestion) -> None:
    """Options that are nothing without others."""
    dosing = {"--amounts": question.amounts, "--intervals": question.intervals, "--window": question.window}
    if question.target and not all(dosing.values()):
        lacking = ", ".join(name for name, value in dosing.items() if not value)
        raise SimulationError(
            "a dose is to be chosen, but from what is not said",
            place=lacking,
            repair="give --amounts '1 to 6 mg/kg by 0.5' --intervals '12, 24 h' --window '96 to 120'",
        )
    others = dosing | {
        "--tablets": question.tablets,
        "--limit": question.limits,
        "--most-daily": question.most_daily,
    }
    used = [name for name, value in others.items() if value]
    if used and not question.target:
        raise SimulationError(
            "a dose is to be chosen, but for what is not said",
            place=used[0],
            repair="give --target 'Cp trough 15 to 30 mg/L'",
        )


def _read(question: TwinQuestion) -> tuple[Records, PopulationModel]:
    """Records and model: of a table and `--model`, a study, or a model file that brings records."""
    from understudy.data.records import Records
    from understudy.dossier.study import Study
    from understudy.formats.load import load, load_model

    file = question.data
    if file.suffix == ".toml":
        study = Study.read(file)
        records, model = study.read_records(), study.load_model()
        if not question.model:
            tell_of_fit(study)
    elif is_model(file):
        found = load(file)
        records, model = getattr(found, "records", None), getattr(found, "model", found)
        if records is None:
            raise SimulationError(
                f"{file.name} brings no records",
                place=str(file),
                repair=f"name a .csv of records in its place, and --model {file.name}",
            )
    else:
        if not question.model:
            raise SimulationError(
                "of what population the patients are is not said",
                place=str(file),
                repair="give --model, a name of the library (`understudy models`) or a model file",
            )
        units, columns = named_texts(question.units, "--units"), named_texts(question.columns, "--columns")
        records, model = Records.read_csv(file, units=units, columns=columns), None
    model = load_model(question.model) if question.model else model
    if not isinstance(model, PopulationModel):
        raise SimulationError(
            f"{model.name} says nothing about differences between patients",
            place=question.model or str(file),
            repair="take a population model: `understudy models`",
        )
    return records, model


def _since(question: TwinQuestion, model: PopulationModel) -> Any:
    """When a regimen begins: at the last record where nothing is said, ``none`` for a patient without drug."""
    text = question.since.strip()
    if text in ("", "last"):
        return "last"
    return None if text == "none" else quantity(text, model.structural.time_unit, "--since")


def _times(question: TwinQuestion, model: PopulationModel) -> np.ndarray | None:
    if not question.times:
        return None
    unit = model.structural.time_unit
    return np.unique([quantity(text, unit, "--times") for text in question.times.split(",")])


def _forecast(question: TwinQuestion, twins: Twins, since: Any) -> Outcome:
    from understudy.app.time_grid import end_of
    from understudy.inference.forecast import forecast

    unit = twins.model.structural.time_unit
    regimen = Regimen.parse(question.regimen).in_time_unit(unit) if question.regimen else None
    times = _times(question, twins.model)
    if times is None:
        times = readable(end_of(regimen), unit)
    return forecast(
        twins, regimen, times, since=since, draws=question.draws, seed=question.seed, jobs=question.jobs,
        outputs=twins.model.output_names,
    )  # fmt: skip


def _choice(question: TwinQuestion, twins: Twins, since: Any) -> DoseChoice:
    from understudy.inference.twins.choose_dose import choose_dose

    target, measure = read_target(question.target)
    unit = twins.model.structural.time_unit
    dosing = read_dosing(question.amounts, question.intervals, unit, question.tablets, question.most_daily)
    window = _matched(_WINDOW, question.window, "--window", "96 to 120")
    return choose_dose(
        twins, target, dosing, (float(window[1]), float(window[2])), measure=measure, since=since,
        limits=[read_limit(text) for text in question.limits], at_least=question.at_least,
        draws=min(question.draws, 500), seed=question.seed, jobs=question.jobs,
    )  # fmt: skip


def _samples(question: TwinQuestion, twins: Twins, since: Any) -> pd.DataFrame:
    from understudy.core.units import convert
    from understudy.inference.twins.next_sample import next_sample

    unit = twins.model.structural.time_unit
    name, _, at = (part.strip() for part in question.next_sample.partition(" at "))
    times = _times(question, twins.model)
    if times is None:
        end = convert(_LOOK_AHEAD, "h", unit)
        times = np.linspace(0.0, end, _SAMPLE_TIMES + 1)[1:]
    return next_sample(
        twins, times, name, at=quantity(at, unit, "--next-sample") if at else None,
        regimen=question.regimen or None, since="last" if since is None else since, draws=min(question.draws, 500),
        seed=question.seed, jobs=question.jobs,
    )  # fmt: skip


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    import json

    return json.loads(frame.to_json(orient="records"))
