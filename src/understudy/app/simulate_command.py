"""Simulate command: what ``understudy simulate`` is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Jobs, argument, flag, option


def simulate(
    model: Annotated[str, argument("Name in the library, or a model file.", "MODEL")],
    regimen: Annotated[
        str,
        argument(
            'Doses: "20 mg/kg then 5 mg/kg q24h for 7 doses"; left out: none, or those of the file\'s records.',
            "REGIMEN",
        ),
    ] = "",
    covariate: Annotated[
        list[str] | None, option("--covariate", "-c", help="WT=1.4, or WT='1400 g'.", metavar="NAME=VALUE")
    ] = None,
    parameter: Annotated[
        list[str] | None, option("--parameter", "-p", help="CL=0.1, in its unit.", metavar="NAME=VALUE")
    ] = None,
    sensitivity: Annotated[
        list[str] | None,
        option("--sensitivity", help="Derivatives too, by CL or 'lag(oral)'.", metavar="NAME"),
    ] = None,
    output: Annotated[
        list[str] | None, option("--output", help="Only this output; repeated.", metavar="NAME")
    ] = None,
    units: Annotated[
        list[str] | None,
        option("--units", "-u", help="Of a file that says none: TIME=h,AMT=mg,DV=mg/L.", metavar="NAME=UNIT"),
    ] = None,
    until: Annotated[str, option(help="When to stop: 240, or '10 d'.", metavar="TIME")] = "",
    every: Annotated[str, option(help="How often to look: 1, or '30 min'.", metavar="TIME")] = "",
    times: Annotated[str, option(help="When to look: 0,1,2,24.", metavar="TIMES")] = "",
    before_dose: Annotated[bool, flag("--before-dose", help="At a dose, show the level before it.")] = False,
    population: Annotated[int, option(help="Virtual patients; 0: a typical one.", metavar="N", min=0)] = 0,
    seed: Annotated[int, option(help="Seed of the virtual patients.", metavar="N", min=0)] = 1,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Write .csv, .svg, .png, .html, .nc or .zarr.", metavar="FILE"),
    ] = None,
    memory: Annotated[
        str, option(help="What it may take, such as '2 GB'; patients go in chunks.", metavar="SIZE")
    ] = "",
    chart: Annotated[bool, flag("--chart", help="Draw a plot instead of a table.")] = False,
    engine: Annotated[
        str,
        option(
            help="auto, closed_form, matrix_exponential, kernel, cuda, cuda_float32, jax or reference.",
            metavar="NAME",
        ),
    ] = "auto",
    jobs: Jobs = 0,
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
