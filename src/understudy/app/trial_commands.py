"""Trial commands: the options of `understudy trial …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from understudy.app.options import Jobs, Json, argument, flag, option
from understudy.app.questionnaire_command import shorten
from understudy.app.synthesise_command import synthesise
from understudy.app.tumour_command import tumour

trial = typer.Typer(
    name="trial",
    help="Clinical trials: check, replay, understand, redesign and simulate one.",
    no_args_is_help=True,
    add_completion=False,
)

Out = Annotated[
    Path | None,
    option("--out", "-o", help="Folder for the report, tables, charts and record.", metavar="DIR"),
]
Protocol = Annotated[Path, argument("The trial's protocol, in TOML.", "TRIAL")]


@trial.command()
def check(protocol: Protocol, out: Out = None, json: Json = False) -> None:
    """Report what is in a trial's tables, or all that is wrong with them (exit code 1)."""
    from understudy.app.trial_check import run

    raise typer.Exit(run(protocol, out, json))


@trial.command()
def dossier(
    protocol: Protocol,
    out: Annotated[
        Path, option("--out", "-o", help="Folder for the report, tables, charts and record.", metavar="DIR")
    ],
    score: Annotated[
        Path | None, option(help="The frozen prognostic score; the protocol's, if left out.", metavar="FILE")
    ] = None,
    without: Annotated[
        list[str] | None, option(help="A part that is left out; may be repeated.", metavar="PART")
    ] = None,
    arm: Annotated[str, option(help="The treated arm; the first, if left out.", metavar="ARM")] = "",
    trials: Annotated[int, option(help="Simulated trials of each scenario.", metavar="N", min=100)] = 10_000,
    copies: Annotated[int, option(help="Of the trial, with permuted arms.", metavar="N", min=500)] = 500,
    resamples: Annotated[int, option(help="Of subjects, for intervals.", metavar="N", min=50)] = 500,
    jobs: Jobs = 0,
    json: Json = False,
) -> None:
    """Everything that the protocol asks for, in one report with one record."""
    from understudy.app.trial_dossier import run

    counts = {"trials": trials, "copies": copies, "resamples": resamples, "jobs": jobs}
    run(protocol, out, json, score=score, without=without or (), arm=arm or None, **counts)


@trial.command()
def replay(protocol: Protocol, out: Out = None, json: Json = False) -> None:
    """Make the primary analysis again; exit code 1 where it departs from what was published."""
    from understudy.app.trial_replay import run

    raise typer.Exit(run(protocol, out, json))


@trial.command()
def redesign(
    protocol: Protocol,
    second: Annotated[
        Path | None, option(help="Protocol of another trial on which criteria are tested.", metavar="TRIAL")
    ] = None,
    arm: Annotated[str, option(help="The treated arm; the first, if left out.", metavar="ARM")] = "",
    resamples: Annotated[int, option(help="Of subjects, for intervals.", metavar="N", min=50)] = 500,
    out: Out = None,
    json: Json = False,
) -> None:
    """What other criteria of eligibility would have made of the trial."""
    from understudy.app.trial_redesign import run

    run(protocol, second, arm or None, resamples, out, json)


@trial.command()
def simulate(
    protocol: Protocol,
    arm: Annotated[str, option(help="The treated arm; the first, if left out.", metavar="ARM")] = "",
    trials: Annotated[int, option(help="Simulated trials of each scenario.", metavar="N", min=100)] = 10_000,
    jobs: Annotated[int, option(help="Threads, 0 for one per core.", metavar="N", min=0)] = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """What a new trial, the protocol's [design], would show if patients are as in this one."""
    from understudy.app.trial_simulation import run

    run(protocol, arm or None, trials, jobs, out, json)


@trial.command()
def plan(
    path: Annotated[Path, argument("The plan, in TOML: what is thought to be true, and the design.", "PLAN")],
    trials: Annotated[int, option(help="Simulated trials of each scenario.", metavar="N", min=100)] = 10_000,
    jobs: Annotated[int, option(help="Threads, 0 for one per core.", metavar="N", min=0)] = 0,
    json: Json = False,
) -> None:
    """What a trial that is only planned would show: type I error, power, duration, patients, assurance."""
    from understudy.app.trial_plan import run

    run(path, trials, jobs, json)


@trial.command()
def responders(
    protocol: Protocol,
    arm: Annotated[str, option(help="The treated arm; the first, if left out.", metavar="ARM")] = "",
    copies: Annotated[int, option(help="Of the trial, with permuted arms.", metavar="N", min=500)] = 500,
    level: Annotated[float, option(help="Of false discovery.", metavar="P", min=0.001, max=0.5)] = 0.05,
    learner: Annotated[
        str,
        option(help="Of outcomes and effects: linear, or trees, which take minutes.", metavar="ridge|forest"),
    ] = "ridge",
    method: Annotated[str, option(help="Effects by the R-learner or the DR-learner.", metavar="R|DR")] = "R",
    out: Out = None,
    json: Json = False,
) -> None:
    """Who benefits more than others, and how often chance alone would say so."""
    from understudy.app.trial_responders import run

    run(protocol, out, json, arm=arm or None, copies=copies, level=level, learner=learner, method=method)


@trial.command()
def twins(
    protocol: Protocol,
    train: Annotated[
        bool, flag("--train", help="Train a score on [history] and freeze it in the file --out.")
    ] = False,
    score: Annotated[Path | None, option(help="The frozen score.", metavar="FILE")] = None,
    out: Annotated[
        Path | None, option("--out", "-o", help="File of the score, or folder of the report.", metavar="PATH")
    ] = None,
    json: Json = False,
) -> None:
    """Adjust a trial for a prognostic score that was trained on earlier patients (PROCOVA)."""
    from understudy.app.trial_twins import run

    run(protocol, train, score, out, json)


@trial.command()
def forecast(protocol: Protocol, out: Out = None, json: Json = False) -> None:
    """How a measure over time goes on from its first values, by methods tried on subjects held out."""
    from understudy.app.trial_forecast import run

    run(protocol, out, json)


@trial.command()
def schema(
    plan: Annotated[bool, flag("--plan", help="Of plans, for `trial plan`.")] = False,
) -> None:
    """Print the JSON Schema of trial protocols, or of plans."""
    from understudy.app.terminal import print_json
    from understudy.trials import Protocol
    from understudy.trials.plan_sections import PlanSection

    print_json((PlanSection if plan else Protocol).model_json_schema())


_COMMANDS = (trial.command()(tumour), trial.command()(shorten), trial.command()(synthesise))
