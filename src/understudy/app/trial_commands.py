"""Trial commands: the options of `understudy trial …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from understudy.app.options import Json, argument
from understudy.app.questionnaire_command import shorten

trial = typer.Typer(
    name="trial",
    help="Clinical trials: check, replay, understand, redesign and simulate one.",
    no_args_is_help=True,
    add_completion=False,
)

Protocol = Annotated[Path, argument("The trial's protocol, in TOML.", "TRIAL")]


@trial.command()
def check(protocol: Protocol, json: Json = False) -> None:
    """Report what is in a trial's tables, or all that is wrong with them (exit code 1)."""
    from understudy.app.trial_check import run

    raise typer.Exit(run(protocol, json))


@trial.command()
def schema() -> None:
    """Print the JSON Schema of trial protocols."""
    from understudy.app.terminal import print_json
    from understudy.trials import Protocol

    print_json(Protocol.json_schema())


_COMMANDS = (trial.command()(shorten),)
