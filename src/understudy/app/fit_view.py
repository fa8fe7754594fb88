"""Fit view: a population estimated from the command line, and what came of it on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from understudy.app.named_value import named_texts, quantity
from understudy.app.sampling_view import sampling_facts, sampling_table
from understudy.app.terminal import console, note, print_json
from understudy.app.terminal_number import single
from understudy.core.errors import FormatError, SimulationError
from understudy.core.toml_file import validated
from understudy.core.units import UNKNOWN
from understudy.data.records import Records
from understudy.dossier.sections import FitSection
from understudy.dossier.study import Study
from understudy.dossier.study_fit import estimate
from understudy.formats.load import load, model_in
from understudy.inference.estimation.method import Step
from understudy.inference.estimation.methods import method_of
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class FitQuestion:
    """Arguments and options of ``understudy fit``; `given` holds those that a study's ``[fit]`` can say too."""

    file: str
    data: Path | None
    units: tuple[str, ...]
    given: Mapping[str, Any]
    checkpoint: Path | None
    out: Path | None
    jobs: int


def run(question: FitQuestion, quiet: bool, as_json: bool) -> None:
    """Estimate, and print what comes of it; exit code 1 where the estimation did not converge.

    Raises
    ------
    UnderstudyError
        As reading and estimating do.
    """
    if question.out is not None and question.out.suffix not in (".json", ".csv"):
        raise FormatError(
            "a fit is written as .json, its table as .csv", place=f"--out {question.out}", repair="name it so"
        )
    section, seed = _asked(question)
    model, records = population_and_records(question.file, question.data, question.units)
    found = estimate(
        section, model, records, seed, checkpoint=question.checkpoint, watch=_watcher(quiet or as_json),
        jobs=question.jobs,
    )  # fmt: skip
    print_json(found.to_json()) if as_json else show(found)
    if question.out is not None:
        found.write(question.out) if question.out.suffix == ".json" else found.table().to_csv(question.out)
        if not as_json:
            console().print(f"Written: {question.out}", markup=False, soft_wrap=True)
    for text in found.warnings:
        note(text)
    if not found.succeeded:
        note(f"not converged: {found.status}")
        raise typer.Exit(1)


def _asked(question: FitQuestion) -> tuple[FitSection, int]:
    """How to estimate, by the options and, for what they leave open, the study's ``[fit]``; and the study's seed."""
    study = Study.read(question.file) if Path(question.file).suffix == ".toml" else None
    own = study.fit if study else None
    said = {name: getattr(own, name) for name in own.model_fields_set} if own else {}
    given = dict(question.given)
    method = given.get("method", said.get("method", "focei"))
    if method != said.get("method", "focei") and said.pop("settings", None):
        note("the study's settings are of its own method, and left out")
    settings, before = given.pop("settings", {}), said.pop("settings", {})
    _tell_replaced(given, said)
    _tell_replaced(settings, before)
    section, problems = validated(FitSection, {**said, **given})
    if section is None:
        raise SimulationError(problems[0].cause, place=f"--{problems[0].keys[0]}", repair=problems[0].repair)
    _require_settings(section.method, settings)
    return section.model_copy(update={"settings": before | settings}), study.seed if own else 0


def _tell_replaced(given: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    for name in given:
        if name in said and given[name] != said[name]:
            note(f"--{name} {_shown(given[name])} takes the place of the study's {_shown(said[name])}")


def _require_settings(method: str, settings: Mapping[str, float]) -> None:
    """Options that are settings of the method.

    Raises
    ------
    SimulationError
        For the first that the method does not have, or cannot have.
    """
    own = {each.name for each in fields(method_of(method))}
    for name, value in settings.items():
        if name not in own:
            raise SimulationError(
                f"{method} has no {name}",
                place=f"--{name} {value:g}",
                repair="leave it out, or take --method nuts",
            )
        method_of(method, {name: value})


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each:g}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def named_numbers(texts: Sequence[str] | None, place: str) -> dict[str, float] | None:
    """``NAME=NUMBER`` of options that are repeated; None where there are none.

    Examples
    --------
    >>> named_numbers(["theta_CL=0.006", "omega(eta_CL)=0.1"], "--initial")
    {'theta_CL': 0.006, 'omega(eta_CL)': 0.1}
    """
    if not texts:
        return None
    return {name: quantity(text, "1", place) for name, text in named_texts(texts, place).items()}


def population_and_records(
    file: str, data: Path | None, units: Sequence[str]
) -> tuple[PopulationModel, Records]:
    """The model and the records that are asked about: a study's, a control stream's, or a model's and a table's."""
    if Path(file).suffix == ".toml":
        study = Study.read(file)
        model, records = study.load_model(), study.read_records()
    else:
        found = load(file)
        model, records = model_in(found, file), getattr(found, "records", None)
    if data is not None:
        records = Records.read_csv(data, units=named_texts(units, "--units"))
    if records is None:
        raise SimulationError(
            "there are no records to estimate from", place=file, repair="name them: --data FILE"
        )
    if not isinstance(model, PopulationModel):
        raise SimulationError(
            f"{model.name} has no population: no random effects and no residual error", place=file,
            repair="name a population model, a control stream or a study",
        )  # fmt: skip
    return model, records


def _watcher(quiet: bool) -> Callable[[Step], None] | None:
    """Tells of every iteration on standard error: one line that changes on a terminal, else a line each."""
    if quiet:
        return None
    to, before = console(stderr=True), 0

    def tell(step: Step) -> None:
        nonlocal before
        line = step.told or f"iteration {step.number}: objective {step.objective:.4f}"
        # What a longer line left behind is written over.
        shown, before = line.ljust(before) if to.is_terminal else line, len(line)
        to.print(shown, markup=False, end="\r" if to.is_terminal else "\n")

    return tell


def show(found: Fit) -> None:
    """The fit as tables."""
    to = console()
    to.print(_headline(found), style="bold", markup=False, highlight=False)
    to.print(_facts(found), style="dim", markup=False, highlight=False)
    to.print()
    to.print(_estimates(found))
    if "posterior" in found.details:
        to.print()
        to.print(sampling_table(found))
        to.print(sampling_facts(found), markup=False, highlight=False)
    if found.shrinkage:
        shrunk = ", ".join(f"{name} {100 * value:.0f} %" for name, value in found.shrinkage.items())
        to.print(f"\nShrinkage: {shrunk}", markup=False, highlight=False)


def _headline(found: Fit) -> str:
    error = f" ± {found.objective_error:.2g}" if found.objective_error else ""
    return f"{found.method}: objective {found.objective:.4f}{error}, {found.status}"


def _facts(found: Fit) -> str:
    steps = "draws" if "posterior" in found.details else "iterations"
    parts = [f"{found.observations} observations", f"{found.iterations} {steps}", f"{found.seconds:.1f} s"]
    if "posterior" not in found.details:
        # Of estimates that maximise a likelihood; posterior means do not.
        parts += [f"AIC {found.aic:.2f}", f"BIC {found.bic:.2f}"]
    if np.isfinite(found.condition_number):
        parts.append(f"condition number {found.condition_number:.3g}")
    return "; ".join(parts)


def _estimates(found: Fit) -> Table:
    from rich import box
    from rich.table import Table

    kind = f" ({found.covariance_kind})" if found.covariance_kind else ""
    fixed = found.model.fixed if found.model else ()
    units = {p.name: p.unit.replace("**", "^") for p in fixed if p.unit != "1" and UNKNOWN not in p.unit}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("parameter")
    table.add_column("unit")
    first = (
        ("posterior mean", "SD") if "posterior" in found.details else ("estimate", f"standard error{kind}")
    )
    for heading in (*first, "relative", "95 % interval"):
        table.add_column(heading, justify="right")
    for name, value in found.estimates.items():
        table.add_row(name, units.get(name, ""), single(value, 5), *_uncertainty(found, name, value))
    return table


def _uncertainty(found: Fit, name: str, value: float) -> tuple[str, str, str]:
    error = found.standard_errors.get(name, np.nan)
    if name in found.fixed:
        return "fixed", "", ""
    if not np.isfinite(error):
        return "–", "–", "–"
    low, high = found.interval(name)
    relative = f"{100 * error / abs(value):.1f} %" if value else "–"
    return single(error, 3), relative, f"{single(low)} to {single(high)}"
