"""Study problems: everything that is wrong with a study file, found at once, with line and repair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.core.errors import StudyError, UnderstudyError
from understudy.core.key_problem import KeyProblem, Keys
from understudy.core.toml_file import in_order, validated
from understudy.dossier.unfit_keys import find_unfit

if TYPE_CHECKING:
    from understudy.dossier.study import Study
    from understudy.model.model import Model
    from understudy.model.population_model import PopulationModel


def find_problems(
    kind: type[Study], data: Mapping[str, Any], folder: Path, text: str = ""
) -> tuple[Study | None, tuple[StudyError, ...]]:
    """A study from its keys, and every problem with them.

    Parameters
    ----------
    kind : type of Study
    data : mapping
        Keys of the file.
    folder : path
        What paths are relative to.
    text : str
        The file, for its line numbers.

    Returns
    -------
    study : Study or None
        None where the keys do not make one.
    problems : tuple of StudyError
        In the order of the file.
    """
    study, problems = validated(kind, data)
    if study is not None:
        study._folder = folder
    return study, in_order([*problems, *_impossible(data, study, folder)], text)


def _impossible(data: Mapping[str, Any], study: Study | None, folder: Path) -> list[KeyProblem]:
    """What does not go together: files, model, target and doses; told also where other keys are wrong."""
    from understudy.engine.parameters import structural

    problems = [*_unreadable(folder, _text(data, "records", "file"))]
    problems += _unreadable(folder, _text(data, "fit", "use"), ("fit", "use"), "fit")
    problems += _overwriting(folder, _text(data, "outputs", "folder"))
    problems += _same_labels(data)
    found, model_problems = _model(data, study, folder)
    problems += model_problems
    if found is not None:
        model = structural(found)
        problems += find_unfit(data, found)
        problems += _fit_names(study, found)
        problems += _target(_text(data, "target", "output"), _text(data, "target", "unit"), model)
        problems += [
            problem for k, sentence in _listed(data, "doses") for problem in _doses(k, sentence, model)
        ]
    return problems


def _text(data: Any, *keys: str | int) -> str:
    """The text at a key; empty where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data.strip() if isinstance(data, str) else ""


def _listed(data: Mapping[str, Any], key: str) -> list[tuple[int, str]]:
    """Position and text of a key of each regimen."""
    regimens = data.get("regimens")
    return (
        [(k, _text(item, key)) for k, item in enumerate(regimens)]
        if isinstance(regimens, (list, tuple))
        else []
    )


def _same_labels(data: Mapping[str, Any]) -> Iterator[KeyProblem]:
    seen: set[str] = set()
    for (k, label), (_, doses) in zip(_listed(data, "label"), _listed(data, "doses"), strict=True):
        name = label or doses or "no dose"
        if name in seen:
            cause = f"an earlier regimen has the label {name!r}"
            yield KeyProblem(
                ("regimens", k, "label" if label else "doses"), cause, "rename one, or leave one out"
            )
        seen.add(name)


def _unreadable(
    folder: Path, written: str, keys: Keys = ("records", "file"), what: str = "records"
) -> Iterator[KeyProblem]:
    from understudy.core.nearest_file import nearest_file

    path = folder / written
    try:
        with path.open("rb") if written else nullcontext():
            return
    except OSError as error:
        cause = f"cannot read the {what}: {error.strerror or error}"
        yield KeyProblem(keys, cause, nearest_file(path), written)


def _fit_names(study: Study | None, model: Model | PopulationModel) -> Iterator[KeyProblem]:
    """Names in ``[fit]`` that are no parameters of the model."""
    from understudy.inference.estimation.initial import beginning
    from understudy.model.population_model import PopulationModel

    if study is None or study.fit is None or not isinstance(model, PopulationModel):
        return
    wishes = [("initial", {"initial": {name: value}}, name) for name, value in study.fit.initial.items()]
    wishes += [("fixed", {"fixed": [name]}, k) for k, name in enumerate(study.fit.fixed)]
    for key, wish, place in wishes:
        try:
            beginning(model, **wish)
        except UnderstudyError as error:
            yield KeyProblem(("fit", key, place), error.cause, error.repair)


def require_own_folder(study_folder: Path, out: Path, place: str) -> None:
    """Raise where a dossier cannot have a folder to itself.

    Raises
    ------
    StudyError
        If `out` is a file, or holds the study.
    """
    repair = 'name a folder of its own, such as "dossier"'
    if out.exists() and not out.is_dir():
        raise StudyError(f"the dossier needs a folder, and {out.name} is a file", place=place, repair=repair)
    if study_folder.resolve().is_relative_to(out.resolve()):
        raise StudyError(
            "the dossier would be written over the study's own folder", place=place, repair=repair
        )


def _overwriting(folder: Path, written: str) -> Iterator[KeyProblem]:
    try:
        require_own_folder(folder, folder / (written or "dossier"), "")
    except StudyError as error:
        yield KeyProblem(("outputs", "folder"), error.cause, error.repair)


def _model(
    data: Mapping[str, Any], study: Study | None, folder: Path
) -> tuple[Model | PopulationModel | None, list[KeyProblem]]:
    from understudy.formats.load import load_model

    name, file = _text(data, "model", "name"), _text(data, "model", "file")
    if bool(name) == bool(file):
        return None, []  # reported as such
    try:
        found = study.load_model() if study else load_model(name or folder / file)
        found.check_units()
    except UnderstudyError as error:
        keys = ("model", "name" if name else "file")
        return None, [KeyProblem(keys, error.cause, error.repair, error.place)]
    return found, []


def _target(output: str, unit: str, model: Model) -> Iterator[KeyProblem]:
    if output and output not in model.output_names:
        near = get_close_matches(output, model.output_names, 1, 0.5)
        repair = f"did you mean {near[0]}?" if near else f"outputs: {', '.join(model.output_names)}"
        yield KeyProblem(("target", "output"), f"the model has no output {output!r}", repair)
    elif output and unit:
        yield from _unconvertible(("target", "unit"), unit, output, model.output(output).unit)


def _unconvertible(keys: Keys, unit: str, name: str, wanted: str, detail: str = "") -> Iterator[KeyProblem]:
    from understudy.core import units

    try:
        units.unit(unit)
    except UnderstudyError:
        return  # reported as such
    try:
        units.factor(unit, wanted)
    except UnderstudyError:
        if wanted == "1":
            cause, repair = (
                f"{name} has no unit, so {unit} means nothing to it",
                "declare units in the model's file",
            )
            repair += '; or write unit = "1"' if keys[-1] == "unit" else ", or leave doses out"
        else:
            cause, repair = (
                f"{unit} cannot be converted to the unit of {name}, {wanted}",
                f"give it in {wanted}",
            )
        yield KeyProblem(keys, cause, repair, detail)


def _doses(k: int, sentence: str, model: Model) -> Iterator[KeyProblem]:
    """Doses that the model cannot take: by an unknown route, or in units of something else."""
    from understudy.engine.schedule import find_inputs
    from understudy.model.regimen import Regimen

    try:
        doses = Regimen.parse(sentence).doses
    except UnderstudyError:
        return  # reported as such
    keys, units = ("regimens", k, "doses"), {state.name: state.unit for state in model.states}
    if doses and not model.doses:
        yield KeyProblem(keys, f"no dose can enter {model.name}", "leave doses out", repr(sentence))
        return
    try:
        Regimen(doses).in_time_unit(model.time_unit)
    except UnderstudyError:
        cause = f"the regimen's times mean nothing to {model.name}, whose time unit is {model.time_unit}"
        yield KeyProblem(keys, cause, "declare units in the model's file, or leave doses out", repr(sentence))
        return
    for unit, route in dict.fromkeys((dose.unit, dose.route) for dose in doses):
        try:
            state = model.doses[find_inputs(route, model)[0]].state
        except UnderstudyError as error:
            yield KeyProblem(keys, error.cause, error.repair, repr(sentence))
        else:
            yield from _unconvertible(keys, unit, state, units[state], repr(sentence))
