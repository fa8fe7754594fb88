"""Real-world commands: the options of `understudy rwe …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from understudy.app.calibrate_command import calibrate
from understudy.app.calibrate_twins_command import calibrate_twins
from understudy.app.cdm_commands import check, copy
from understudy.app.emulation_command import emulate
from understudy.app.options import Jobs, Json, argument, flag, option
from understudy.app.pool_command import pool
from understudy.app.sccs_command import sccs
from understudy.app.signals_command import signals


class _StudyFirst(TyperGroup):
    """A group in which a study file may stand where a command stands: `understudy rwe study.toml`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and Path(args[0]).suffix == ".toml":
            args = ["run", *args]
        return super().resolve_command(ctx, args)


rwe = typer.Typer(
    name="rwe",
    cls=_StudyFirst,
    help="Real-world evidence: run a study on an OMOP CDM, or one step of it.",
    no_args_is_help=True,
    add_completion=False,
)


@rwe.command()
def run(
    study: Annotated[Path, argument("The study, in TOML.", "STUDY")],
    cdm: Annotated[
        Path | None,
        option(
            help="Folder or DuckDB file of the CDM, in place of the one that the study names.", metavar="CDM"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Folder for the report, tables, charts and record.", metavar="DIR"),
    ] = None,
    jobs: Jobs = 0,
    json: Json = False,
) -> None:
    """Run a study: what may be seen of it, and what stays hidden; `understudy rwe STUDY` does the same."""
    from understudy.app.rwe_study import run

    run(study, cdm, out, jobs, json)


@rwe.command()
def simulate(
    folder: Annotated[Path, argument("Folder for the study and its records.", "DIR")],
    persons: Annotated[int, option(help="New users of either drug.", metavar="N", min=100)] = 4000,
    hazard_ratio: Annotated[float, option(help="The effect that is to be found.", metavar="X")] = 1.0,
    unmeasured: Annotated[
        float, option(help="Strength of confounding by what no record tells.", metavar="X", min=0)
    ] = 0.0,
    seed: Annotated[int, option(help="Of all that is drawn.", metavar="N", min=0)] = 1,
) -> None:
    """Write a study and records in which its answer is known, to try `understudy rwe` on."""
    from understudy.app.terminal import console
    from understudy.causal.study import SimulatedStudy

    SimulatedStudy(persons, hazard_ratio, unmeasured, seed).write(folder)
    console().print(f"Written: {folder / 'study.toml'}", markup=False, soft_wrap=True)


@rwe.command()
def schema(
    emulation: Annotated[bool, flag("--emulation", help="Of emulations, for `rwe emulate`.")] = False,
) -> None:
    """Print the JSON Schema of real-world studies, or of emulations."""
    from understudy.app.terminal import print_json
    from understudy.causal.emulation.emulation_section import EmulationSection
    from understudy.causal.study.study_file import StudyFile

    print_json((EmulationSection if emulation else StudyFile).model_json_schema())


_OTHERS = (check, copy, calibrate, pool, sccs, signals, emulate, calibrate_twins)
_COMMANDS = tuple(rwe.command()(each) for each in _OTHERS)
