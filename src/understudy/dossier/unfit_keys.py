"""Unfit keys: what a study must say, or cannot ask, of a population or of a mechanism alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from understudy.core.errors import UnderstudyError
from understudy.core.key_problem import KeyProblem
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.model.model import Model

_NO_POPULATION = "the model is a mechanism, without random effects and residual error: "
# Keys that ask for what only a population has, with what is missing.
_OF_POPULATIONS = {
    ("fit",): "there is nothing to estimate",
    ("population",): "there are no virtual patients",
    ("evaluation", "draws"): "there are no twins to draw from",
    ("evaluation", "interval"): "predictions have no interval",
    ("evaluation", "hold_out"): "nothing is learned from records, so nothing is held back",
}
_OF_MECHANISMS = (
    "only a study of a mechanism, a model without random effects and residual error, has this key"
)


def find_unfit(data: Mapping[str, Any], model: Model | PopulationModel) -> Iterator[KeyProblem]:
    """Keys that are missing or have no meaning for the kind of model.

    Parameters
    ----------
    data : mapping
        Keys of the file.
    model : Model or PopulationModel
    """
    regimens = data.get("regimens")
    tables = [
        (k, item) for k, item in enumerate(regimens if isinstance(regimens, (list, tuple)) else ())
        if isinstance(item, Mapping)
    ]  # fmt: skip
    if isinstance(model, PopulationModel):
        yield from _for_population(data, tables)
    else:
        yield from _for_mechanism(data, tables, model)


def _for_population(data: Mapping[str, Any], regimens: list[tuple[int, Mapping]]) -> Iterator[KeyProblem]:
    if "records" not in data:
        yield KeyProblem(
            ("records",),
            "records is missing",
            "give records: the patients' doses, measurements and covariates",
        )
    if _has(data, ("evaluation", "until")):
        yield KeyProblem(("evaluation", "until"), _OF_MECHANISMS, "leave it out: regimens end by themselves")
    for k, regimen in regimens:
        if "doses" not in regimen:
            yield KeyProblem(
                ("regimens", k, "doses"), "doses is missing", "give doses: the dosing sentence, in words"
            )
        if "parameters" in regimen:
            yield KeyProblem(("regimens", k, "parameters"), _OF_MECHANISMS, "leave it out")


def _for_mechanism(
    data: Mapping[str, Any], regimens: list[tuple[int, Mapping]], model: Model
) -> Iterator[KeyProblem]:
    for keys, missing in _OF_POPULATIONS.items():
        if _has(data, keys):
            yield KeyProblem(
                keys,
                _NO_POPULATION + missing,
                "leave it out, or name a population model (`understudy models`)",
            )
    if any("doses" not in regimen for _, regimen in regimens) and not _has(data, ("evaluation", "until")):
        yield KeyProblem(
            ("evaluation", "until"),
            "a regimen has no doses, and so no end",
            f"say when the comparison ends, in {_time_unit(model)}: until = 100",
        )
    for k, regimen in regimens:
        yield from _unknown_parameters(k, regimen.get("parameters"), model)
        if _is_scaled(regimen.get("doses")):
            yield KeyProblem(
                ("regimens", k, "doses"),
                f"{_NO_POPULATION}the typical patient has no weight and no body surface",
                "write the dose of a patient, not per kg or m2",
                repr(regimen["doses"]),
            )


def _has(data: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    inside: Any = data
    for key in keys:
        if not isinstance(inside, Mapping) or key not in inside:
            return False
        inside = inside[key]
    return True


def _time_unit(model: Model) -> str:
    return "the model's time unit, which its file does not say" if model.time_unit == "1" else model.time_unit


def _unknown_parameters(k: int, changed: Any, model: Model) -> Iterator[KeyProblem]:
    for name in changed if isinstance(changed, Mapping) else ():
        if name not in model.parameter_names:
            near = get_close_matches(str(name), model.parameter_names, 1, 0.5)
            known = ", ".join(model.parameter_names[:12])
            repair = f"did you mean {near[0]}?" if near else f"parameters: {known}"
            yield KeyProblem(
                ("regimens", k, "parameters", name), f"the model has no parameter {name!r}", repair
            )


def _is_scaled(sentence: Any) -> bool:
    """Whether a dose of the sentence is per kg or m²; a sentence that cannot be read is told elsewhere."""
    from understudy.model.regimen import Regimen

    if not isinstance(sentence, str):
        return False
    try:
        return any(dose.per for dose in Regimen.parse(sentence).doses)
    except UnderstudyError:
        return False
