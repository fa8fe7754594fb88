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
from understudy.app.options import Json, argument, option
from understudy.app.pool_command import pool
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
    json: Json = False,
) -> None:
    """Run a study: what may be seen of it, and what stays hidden; `understudy rwe STUDY` does the same."""
    from understudy.app.rwe_study import run

    run(study, cdm, out, json)


_OTHERS = (check, copy, calibrate, pool, signals, emulate, calibrate_twins)
_COMMANDS = tuple(rwe.command()(each) for each in _OTHERS)
