"""option: options and arguments of the commands, told alike in all of them."""

from __future__ import annotations

from typing import Any

import typer


def flag(*names: str, help: str) -> Any:
    """An option that is there or not."""
    return typer.Option(*names, help=help, metavar="", show_default=False)


def option(*names: str, help: str, metavar: str, **more: Any) -> Any:
    """An option with a value."""
    return typer.Option(*names, help=help, metavar=metavar, **more)


def argument(help: str, metavar: str) -> Any:
    """What a command is about."""
    return typer.Argument(help=help, metavar=metavar, show_default=False)
