"""The command line: it reads options and prints; every answer comes from the rooms below."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from understudy.app.option import argument as _argument
from understudy.app.option import flag as _flag
from understudy.app.option import option as _option
from understudy.app.twin_command import twin as make_twins


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


_Jobs = Annotated[int, _option("--jobs", "-j", help="Threads; 0: one per core.", metavar="N", min=0)]
_Json = Annotated[bool, _flag("--json", help="Print JSON, and nothing else.")]


@app.command()
def evaluate(
    study: Annotated[Path, _argument("The study file, in TOML.", "STUDY")],
    out: Annotated[
        Path | None, _option(help="Folder of the dossier, not the study's.", metavar="DIR")
    ] = None,
    seed: Annotated[int | None, _option(help="Seed, not the study's.", metavar="N", min=0)] = None,
    jobs: _Jobs = 0,
    quiet: Annotated[bool, _flag("--quiet", "-q", help="Show no progress.")] = False,
    json: _Json = False,
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
        from understudy.app.dossier_view import show

        show(dossier)


@app.command()
def simulate(
    model: Annotated[str, _argument("Name in the library, or a model file.", "MODEL")],
    regimen: Annotated[
        str,
        _argument(
            'Doses: "20 mg/kg then 5 mg/kg q24h for 7 doses"; left out: none, or those of the file\'s records.',
            "REGIMEN",
        ),
    ] = "",
    covariate: Annotated[
        list[str] | None, _option("--covariate", "-c", help="WT=1.4, or WT='1400 g'.", metavar="NAME=VALUE")
    ] = None,
    parameter: Annotated[
        list[str] | None, _option("--parameter", "-p", help="CL=0.1, in its unit.", metavar="NAME=VALUE")
    ] = None,
    sensitivity: Annotated[
        list[str] | None,
        _option("--sensitivity", help="Derivatives too, by CL or 'lag(oral)'.", metavar="NAME"),
    ] = None,
    output: Annotated[
        list[str] | None, _option("--output", help="Only this output; repeated.", metavar="NAME")
    ] = None,
    units: Annotated[
        list[str] | None,
        _option(
            "--units", "-u", help="Of a file that says none: TIME=h,AMT=mg,DV=mg/L.", metavar="NAME=UNIT"
        ),
    ] = None,
    until: Annotated[str, _option(help="When to stop: 240, or '10 d'.", metavar="TIME")] = "",
    every: Annotated[str, _option(help="How often to look: 1, or '30 min'.", metavar="TIME")] = "",
    times: Annotated[str, _option(help="When to look: 0,1,2,24.", metavar="TIMES")] = "",
    before_dose: Annotated[bool, _flag("--before-dose", help="At a dose, show the level before it.")] = False,
    population: Annotated[int, _option(help="Virtual patients; 0: a typical one.", metavar="N", min=0)] = 0,
    seed: Annotated[int, _option(help="Seed of the virtual patients.", metavar="N", min=0)] = 1,
    out: Annotated[
        Path | None,
        _option("--out", "-o", help="Write .csv, .svg, .png, .html, .nc or .zarr.", metavar="FILE"),
    ] = None,
    memory: Annotated[
        str, _option(help="What it may take, such as '2 GB'; patients go in chunks.", metavar="SIZE")
    ] = "",
    chart: Annotated[bool, _flag("--chart", help="Draw a plot instead of a table.")] = False,
    engine: Annotated[
        str,
        _option(
            help="auto, closed_form, matrix_exponential, kernel, cuda, cuda_float32, jax or reference.",
            metavar="NAME",
        ),
    ] = "auto",
    jobs: _Jobs = 0,
) -> None:
    """Simulate a regimen, or the records a model file brings, without a study file."""
    from understudy.app import outcome_file, outcome_view
    from understudy.app.flux_view import solve_fluxes
    from understudy.app.progress import shown_progress
    from understudy.app.records_prediction import brings_records, predict_records
    from understudy.app.simulation import Question, answer
    from understudy.app.terminal import console, note

    if out:
        outcome_file.require_format(out)
    if solve_fluxes(model):
        return
    asked = (model, regimen, tuple(covariate or ()), tuple(parameter or ()), until, times, every)
    question = Question(
        *asked,
        population,
        seed,
        before_dose,
        engine,
        jobs,
        out,
        memory,
        tuple(sensitivity or ()),
        tuple(output or ()),
        tuple(units or ()),
    )
    if not regimen and brings_records(model):
        return predict_records(question)
    with shown_progress(quiet=not question.is_large) as tell:
        found = answer(question, tell)
    outcome_view.show(found, console(), chart)
    for text in found.notes():
        note(text)
    if out:
        outcome_file.write(found.outcome, out)
        console().print(f"Written: {out}", markup=False, soft_wrap=True)


@app.command()
def models(
    name: Annotated[str, _argument("A model, a model file, or words to look for.", "NAME")] = "",
    json: _Json = False,
) -> None:
    """List the library, or show one model: equations, parameters, sources, limits."""
    from understudy.app.model_listing import show

    show(name, json)


@app.command()
def show(
    model: Annotated[str, _argument("Name in the library, or a model file.", "MODEL")],
    code: Annotated[bool, _flag("--code", help="Show the code made for it, not its card.")] = False,
    jacobian: Annotated[
        bool, _flag("--jacobian", help="With --code: that of the Jacobian, for stiff systems.")
    ] = False,
) -> None:
    """Show one model: its card, or the code made for it."""
    if code or jacobian:
        from understudy.app.model_code import show as show_code

        show_code(model, jacobian)
    else:
        from understudy.app.model_listing import show as show_model

        show_model(model, as_json=False)


@app.command()
def convert(
    model: Annotated[str, _argument("Name in the library, or a model file.", "MODEL")],
    to: Annotated[str, _option("--to", help="sbml, antimony or nonmem.", metavar="FORMAT")],
    out: Annotated[
        Path | None,
        _option("--out", "-o", help="The file to write; standard output otherwise.", metavar="FILE"),
    ] = None,
) -> None:
    """Write a model in a format of others."""
    from understudy.app.conversion import run

    run(model, to, out)


twin = app.command()(make_twins)


@app.command()
def petab(
    problem: Annotated[Path, _argument("The problem's YAML file.", "PROBLEM")],
    parameter: Annotated[
        list[str] | None,
        _option("--parameter", "-p", help="k1=0.1, not its nominal value; not scaled.", metavar="NAME=VALUE"),
    ] = None,
    gradient: Annotated[
        bool, _flag("--gradient", help="Also the gradient, on the parameters' scales.")
    ] = False,
    out: Annotated[
        Path | None, _option("--out", "-o", help="Write PEtab's simulation table, .tsv.", metavar="FILE")
    ] = None,
    jobs: _Jobs = 0,
    json: _Json = False,
) -> None:
    """Evaluate a PEtab problem: log-likelihood, chi-square and simulations."""
    from understudy.app.petab_view import run

    run(problem, tuple(parameter or ()), gradient, out, jobs, json)


@app.command()
def check(
    file: Annotated[Path, _argument("Records (.csv), a study (.toml) or a model file.", "FILE")],
    units: Annotated[
        list[str] | None, _option("--units", "-u", help="TIME=h,AMT=mg,DV=mg/L", metavar="COLUMN=UNIT")
    ] = None,
    columns: Annotated[
        list[str] | None, _option(help="DV=conc: the column conc is DV.", metavar="NAME=COLUMN")
    ] = None,
    model: Annotated[str, _option(help="Require that they fit this model.", metavar="MODEL")] = "",
    json: _Json = False,
) -> None:
    """Report what is in a table of records or a model file, or what is wrong with it (exit code 1)."""
    from understudy.app import model_check
    from understudy.app.records_check import run
    from understudy.app.records_prediction import brings_records

    if model_check.is_model(file) and not brings_records(str(file)):
        raise typer.Exit(model_check.run(file, json))
    raise typer.Exit(run(file, units or (), columns or (), model, json))


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files."""
    from understudy.app.terminal import print_json
    from understudy.dossier.study import Study

    print_json(Study.json_schema())


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show µ or ≥ shows a question mark, not a traceback.
        stream.reconfigure(errors="replace")
    app()
