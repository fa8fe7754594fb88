"""The command line: it reads options and prints; every answer comes from the rooms below."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from understudy.app.building_commands import bootstrap, compare, profile, search, sir
from understudy.app.design_command import design
from understudy.app.diagnosis_commands import diagnose, vpc
from understudy.app.fit_command import fit
from understudy.app.model_commands import convert, models, show
from understudy.app.nca_command import nca
from understudy.app.options import Jobs, Json, argument, flag, option
from understudy.app.rwe_commands import rwe
from understudy.app.simulate_command import simulate
from understudy.app.surrogate_commands import emulate, predict, sobol
from understudy.app.trial_commands import trial
from understudy.app.twin_command import twin


class _Commands(TyperGroup):
    """The commands; what a user can mend is told without a traceback, all else keeps its own."""

    def invoke(self, ctx: Any) -> Any:
        from understudy.core.errors import UnderstudyError

        try:
            return super().invoke(ctx)
        except UnderstudyError as error:
            told = error
        except (PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError) as error:
            told = UnderstudyError(error.strerror or str(error), place=str(error.filename or ""))
        except KeyboardInterrupt:
            typer.echo("\nStopped.", err=True)
            raise typer.Exit(130) from None
        from understudy.app.terminal import print_error

        print_error(told)
        raise typer.Exit(2)


app = typer.Typer(
    cls=_Commands,
    name="understudy",
    help="Simulate what a drug does to a patient before the patient takes it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("understudy"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            metavar="",
            callback=_version,
            is_eager=True,
            show_default=False,
        ),
    ] = False,
) -> None:
    """Simulate what a drug does to a patient before the patient takes it."""


@app.command()
def evaluate(
    study: Annotated[Path, argument("The study file, in TOML.", "STUDY")],
    out: Annotated[Path | None, option(help="Folder of the dossier, not the study's.", metavar="DIR")] = None,
    seed: Annotated[int | None, option(help="Seed, not the study's.", metavar="N", min=0)] = None,
    jobs: Jobs = 0,
    quiet: Annotated[bool, flag("--quiet", "-q", help="Show no progress.")] = False,
    json: Json = False,
) -> None:
    """Answer a study's question from its patients' records, and write the dossier."""
    from understudy.app.progress import shown_progress
    from understudy.app.terminal import print_json
    from understudy.dossier.evaluate import evaluate as run
    from understudy.dossier.study_problems import require_own_folder

    if out is not None:
        require_own_folder(study.parent, out, f"--out {out}")
    with shown_progress(quiet) as tell:
        dossier = run(study, out=out, seed=seed, jobs=jobs, progress=tell)
    if json:
        print_json(dossier.to_json())
    else:
        from understudy.app.dossier_view import show as show_dossier

        show_dossier(dossier)


def petab(
    problem: Annotated[Path, argument("The problem's YAML file.", "PROBLEM")],
    parameter: Annotated[
        list[str] | None,
        option("--parameter", "-p", help="k1=0.1, not its nominal value; not scaled.", metavar="NAME=VALUE"),
    ] = None,
    gradient: Annotated[
        bool, flag("--gradient", help="Also the gradient, on the parameters' scales.")
    ] = False,
    out: Annotated[
        Path | None, option("--out", "-o", help="Write PEtab's simulation table, .tsv.", metavar="FILE")
    ] = None,
    jobs: Jobs = 0,
    json: Json = False,
) -> None:
    """Evaluate a PEtab problem: log-likelihood, chi-square and simulations."""
    from understudy.app.petab_view import run

    run(problem, tuple(parameter or ()), gradient, out, jobs, json)


def check(
    file: Annotated[Path, argument("Records (.csv), a study (.toml) or a model file.", "FILE")],
    units: Annotated[
        list[str] | None, option("--units", "-u", help="TIME=h,AMT=mg,DV=mg/L", metavar="COLUMN=UNIT")
    ] = None,
    columns: Annotated[
        list[str] | None, option(help="DV=conc: the column conc is DV.", metavar="NAME=COLUMN")
    ] = None,
    model: Annotated[str, option(help="Require that they fit this model.", metavar="MODEL")] = "",
    json: Json = False,
) -> None:
    """Report what is in a table of records or a model file, or what is wrong with it (exit code 1)."""
    from understudy.app import model_check
    from understudy.app.records_check import run
    from understudy.app.records_prediction import brings_records

    if model_check.is_model(file) and not brings_records(str(file)):
        raise typer.Exit(model_check.run(file, json))
    raise typer.Exit(run(file, units or (), columns or (), model, json))


def schema() -> None:
    """Print the JSON Schema of study files."""
    from understudy.app.terminal import print_json
    from understudy.dossier.study import Study

    print_json(Study.json_schema())


_OTHERS = (
    simulate,
    fit,
    search,
    compare,
    bootstrap,
    profile,
    sir,
    twin,
    vpc,
    diagnose,
    nca,
    design,
    emulate,
    predict,
    sobol,
    models,
    show,
    convert,
    check,
    petab,
    schema,
)
_COMMANDS = tuple(app.command()(command) for command in _OTHERS)
_GROUPS = tuple(app.add_typer(group) for group in (trial, rwe))


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show µ or ≥ shows a question mark, not a traceback.
        stream.reconfigure(errors="replace")
    app()
