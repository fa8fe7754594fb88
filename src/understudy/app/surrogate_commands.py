"""Surrogate commands: make a surrogate, ask it, and find what its outputs depend on; predictions that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from understudy.app.options import Jobs, Json, argument, flag, option


def emulate(
    model: Annotated[str, argument("Name in the library, or a model file.", "MODEL")],
    regimen: Annotated[
        str, argument('Doses: "100 mg every 24 h for 7 doses"; left out: none.', "REGIMEN")
    ] = "",
    vary: Annotated[
        list[str] | None,
        option("--vary", "-v", help="CL=1:10, or lag=0:2:linear; repeated.", metavar="NAME=LOW:HIGH"),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        option("--parameter", "-p", help="What stays at another value: CL=0.1.", metavar="NAME=VALUE"),
    ] = None,
    output: Annotated[
        list[str] | None, option("--output", help="Only this output; repeated.", metavar="NAME")
    ] = None,
    until: Annotated[str, option(help="When to stop: 240, or '10 d'.", metavar="TIME")] = "",
    every: Annotated[str, option(help="How often to look: 1, or '30 min'.", metavar="TIME")] = "",
    times: Annotated[str, option(help="When to look: 0,1,2,24.", metavar="TIMES")] = "",
    before_dose: Annotated[bool, flag("--before-dose", help="At a dose, the level before it.")] = False,
    accuracy: Annotated[
        str, option(help="What 95 % of errors shall be within, of an output's scale.", metavar="SHARE")
    ] = "2 %",
    runs: Annotated[int, option(help="Training runs at first.", metavar="N")] = 64,
    most: Annotated[int, option(help="Training runs at most.", metavar="N")] = 512,
    held_out: Annotated[
        int, option("--held-out", help="Runs for calibration, and as many for the test.", metavar="N")
    ] = 64,
    seed: Annotated[int, option(help="Seed of the design.", metavar="N", min=0)] = 0,
    out: Annotated[
        Path | None, option("--out", "-o", help="Write the surrogate, .npz.", metavar="FILE")
    ] = None,
    engine: Annotated[str, option(help="As of simulate.", metavar="NAME")] = "auto",
    jobs: Jobs = 0,
    json: Json = False,
) -> None:
    """Make a fast stand-in for a slow model within ranges of its parameters, and measure its error."""
    from understudy.app.emulation import Emulation, run

    named = (tuple(vary or ()), tuple(parameter or ()), tuple(output or ()))
    looked = (until, every, times, before_dose)
    size = (accuracy, runs, most, held_out, seed)
    if not run(Emulation(model, regimen, *named, *looked, *size, out, engine, jobs), json):
        raise typer.Exit(1)


def predict(
    surrogate: Annotated[
        Path | None, argument("A file that `understudy emulate` wrote.", "SURROGATE")
    ] = None,
    value: Annotated[
        list[str] | None, option("--with", "-w", help="CL=3, in its unit; repeated.", metavar="NAME=VALUE")
    ] = None,
    patients: Annotated[
        Path | None, option(help="A table of patients, .csv: a row each.", metavar="FILE")
    ] = None,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Write .csv, .svg, .png, .html, .nc or .zarr.", metavar="FILE"),
    ] = None,
    freeze: Annotated[
        Path | None, option(help="Write this prediction, .toml, into the ledger.", metavar="FILE")
    ] = None,
    score: Annotated[
        Path | None, option(help="Open this outcome, .csv, and tell hit or miss.", metavar="FILE")
    ] = None,
    verify: Annotated[bool, flag("--verify", help="Check every line of the ledger.")] = False,
    ledger: Annotated[Path | None, option(help="The ledger, .jsonl.", metavar="FILE")] = None,
    id: Annotated[str, option(help="Which frozen prediction to score.", metavar="ID")] = "",
    head: Annotated[str, option(help="With --verify: a hash that was noted.", metavar="HASH")] = "",
    json: Json = False,
) -> None:
    """Predict by a surrogate, with intervals; or freeze a prediction in a ledger, and score it later.

    understudy predict SURROGATE --with CL=3

    understudy predict --freeze prediction.toml --ledger ledger.jsonl

    understudy predict --score outcome.csv --ledger ledger.jsonl --id ID

    understudy predict --verify --ledger ledger.jsonl --head HASH
    """
    from understudy.app.ledger_question import LedgerQuestion

    asked = LedgerQuestion(freeze, score, verify, ledger, id, head)
    asked.require_one_kind({"SURROGATE": surrogate, "--with": value, "--patients": patients, "--out": out})
    if asked.given:
        from understudy.app.ledger_view import run as keep_ledger

        raise typer.Exit(keep_ledger(asked, json))
    from understudy.app.surrogate_prediction import run

    run(surrogate, tuple(value or ()), patients, out, json)


def sobol(
    surrogate: Annotated[Path, argument("A file that `understudy emulate` wrote.", "SURROGATE")],
    output: Annotated[
        list[str] | None, option("--output", help="Only this output; repeated.", metavar="NAME")
    ] = None,
    size: Annotated[int, option(help="Points, a power of 2.", metavar="N")] = 4096,
    seed: Annotated[int, option(help="Seed of the points.", metavar="N", min=0)] = 0,
    out: Annotated[Path | None, option("--out", "-o", help="Write all times, .csv.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Tell which parameters an output's variance comes from: Sobol' indices of a surrogate."""
    from understudy.app.sobol_view import run

    run(surrogate, tuple(output or ()), size, seed, out, json)
