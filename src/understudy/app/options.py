"""Options: how arguments and options of commands are declared."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def flag(*names: str, help: str) -> Any:
    """A switch."""
    return typer.Option(*names, help=help, metavar="", show_default=False)


def option(*names: str, help: str, metavar: str, **more: Any) -> Any:
    """An option with a value."""
    return typer.Option(*names, help=help, metavar=metavar, **more)


def argument(help: str, metavar: str) -> Any:
    """A positional argument."""
    return typer.Argument(help=help, metavar=metavar, show_default=False)


Jobs = Annotated[int, option("--jobs", "-j", help="Threads; 0: one per core.", metavar="N", min=0)]
Json = Annotated[bool, flag("--json", help="Print JSON, and nothing else.")]
