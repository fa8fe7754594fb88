"""Design question: what ``understudy design`` is asked, from a file or from options."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.app.named_value import named_texts
from understudy.core.errors import SimulationError, StudyError
from understudy.design.population_design import Design
from understudy.formats.load import load, model_in
from understudy.model.population_model import PopulationModel

_NUMBER, _TEXT, _WHOLE, _LIST = "a number", "a text", "a whole number", "a list"
_TABLE, _ANY = "a table", "anything"
# Keys of the file, and what each holds.
_KEYS = {
    "model": _TEXT, "method": _TEXT, "matrix": _TEXT, "draws": _WHOLE, "seed": _WHOLE, "values": _TABLE,
    "groups": _LIST, "optimise": _TABLE, "power": _ANY,
}  # fmt: skip
_OPTIMISE = {
    "windows": _ANY, "candidates": _ANY, "spacing": _NUMBER, "regimens": _LIST, "allocation": "true or false",
    "criterion": _TEXT, "interest": _LIST, "uncertainty": _TABLE, "algorithm": _TEXT, "starts": _WHOLE,
}  # fmt: skip
_POWER = {"parameter": _TEXT, "power": _NUMBER, "null": _NUMBER, "level": _NUMBER}
_KINDS = {
    _NUMBER: (int, float), _TEXT: str, _WHOLE: int, _LIST: list, _TABLE: dict, "true or false": bool, _ANY: object,
}  # fmt: skip


@dataclass(frozen=True)
class DesignOptions:
    """Options of the command, as they were written."""

    patients: float | None
    regimen: str
    times: tuple[str, ...]
    covariates: tuple[str, ...]
    method: str
    matrix: str
    windows: tuple[str, ...]
    candidates: str
    spacing: float
    doses: tuple[str, ...]
    criterion: str
    interest: tuple[str, ...]
    algorithm: str
    power: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class DesignQuestion:
    """What is asked.

    Parameters
    ----------
    model : PopulationModel
    design : Design
    how : mapping
        Method, matrix, draws and seed.
    optimise : mapping or None
        Arguments of `optimise_design`.
    power : tuple of mappings
        Each with a parameter, and power, null and level where they are not the usual ones.
    """

    model: PopulationModel
    design: Design
    how: Mapping[str, Any] = field(default_factory=dict)
    optimise: Mapping[str, Any] | None = None
    power: tuple[Mapping[str, Any], ...] = ()


def read_question(file: str, options: DesignOptions) -> DesignQuestion:
    """The question.

    Raises
    ------
    UnderstudyError
        For a file or options that make none.
    """
    return _of_file(Path(file), options) if Path(file).suffix == ".toml" else _of_options(file, options)


def _of_file(path: Path, options: DesignOptions) -> DesignQuestion:
    if options.times or options.patients is not None or options.regimen or options.covariates:
        raise StudyError(
            "the groups are the file's",
            place=path.name,
            repair="leave out --patients, --regimen, --times, --covariate",
        )
    data = _read(path)
    _require_known(data, _KEYS, path.name)
    for key in ("model", "groups"):
        if key not in data:
            raise StudyError(f"the file has no {key!r}", place=path.name, repair=f"write {key} = ...")
    name = str(data["model"])
    beside = path.parent / name
    model = _population(str(beside) if beside.is_file() else name)
    values = data.get("values", {})
    _require_known(values, dict.fromkeys(values, _NUMBER), f"{path.name}, values")
    model = model.with_values(**values) if values else model
    wanted = data.get("optimise")
    _require_known(wanted or {}, _OPTIMISE, f"{path.name}, optimise")
    tests = data.get("power", [])
    tests = tests if isinstance(tests, list) else [tests]
    for test in tests:
        _require_known(test, _POWER, f"{path.name}, power")
    how = {k: data[k] for k in ("method", "matrix", "draws", "seed") if k in data}
    return DesignQuestion(model, Design.of(data["groups"]), how, wanted, tuple(tests))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError("there is no such file", place=str(path), repair="check its name") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"this is no TOML: {error}", place=path.name, repair="mend it there") from None


def _require_known(given: Any, known: Mapping[str, str], place: str) -> None:
    """Require keys that are known, each with a value of its kind."""
    if not isinstance(given, dict):
        raise StudyError(f"{given!r} is no table", place=place, repair=f"its keys are {', '.join(known)}")
    for key, value in given.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), list(known), 1)
            repair = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}"
            raise StudyError(f"unknown key {key!r}", place=place, repair=repair)
        wrong = isinstance(value, bool) and known[key] in (_NUMBER, _WHOLE)
        if wrong or not isinstance(value, _KINDS[known[key]]):
            raise StudyError(
                f"{key} is not {known[key]}: {value!r}", place=place, repair=f"write {known[key]}"
            )


def _of_options(name: str, options: DesignOptions) -> DesignQuestion:
    if options.patients is None or not options.times:
        raise SimulationError(
            "a model needs a design", place=name, repair="give --patients 32 --regimen '70 mg' --times 1,6,24"
        )
    covariates = named_texts(options.covariates, "--covariate")
    group = {
        "patients": options.patients, "regimen": options.regimen, "times": _times(options.times),
        "covariates": {name: _numbers(text, "--covariate") for name, text in covariates.items()},
    }  # fmt: skip
    how = {"method": options.method, "matrix": options.matrix, "seed": options.seed}
    tests = tuple({"parameter": name} for name in options.power)
    return DesignQuestion(_population(name), Design.of([group]), how, _optimise(options), tests)


def _optimise(options: DesignOptions) -> dict[str, Any] | None:
    if not options.windows and not options.candidates:
        return None
    return {
        "windows": [_window(text) for text in options.windows] or None,
        "candidates": _numbers(options.candidates, "--candidates") if options.candidates else None,
        "spacing": options.spacing, "regimens": options.doses, "criterion": options.criterion,
        "interest": options.interest, "algorithm": options.algorithm,
    }  # fmt: skip


def _population(name: str) -> PopulationModel:
    model = model_in(load(name), name)
    if not isinstance(model, PopulationModel):
        raise SimulationError(
            f"{model.name} has no population: no random effects and no residual error", place=name,
            repair="name a population model",
        )  # fmt: skip
    return model


def _times(texts: tuple[str, ...]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for text in texts:
        name, equals, own = text.partition("=")
        found.setdefault(name.strip() if equals else "", []).extend(
            _numbers(own if equals else text, "--times")
        )
    return found


def _window(text: str) -> tuple[float, float]:
    low, dash, high = text.partition("-")
    if not dash:
        raise SimulationError(f"{text!r} is no window", place="--window", repair="write it as 0.25-24")
    return _numbers(low, "--window")[0], _numbers(high, "--window")[0]


def _numbers(text: str, place: str) -> list[float]:
    try:
        return [float(part) for part in text.replace("/", ",").split(",")]
    except ValueError:
        raise SimulationError(
            f"{text!r} is no list of numbers", place=place, repair="write it as 0.5,1,2"
        ) from None
