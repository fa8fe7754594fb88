"""Conversion: a model from one format to another."""

from __future__ import annotations

from pathlib import Path

import typer

from understudy.app.terminal import console, note
from understudy.formats.load import load_model
from understudy.formats.save import transcribed, written_format
from understudy.model.model import Model


def run(name: str, to: str, out: Path | None) -> None:
    """Write a model to a file or to standard output, and say what the format leaves out.

    Raises
    ------
    FormatError
        For what the format cannot say.
    """
    wanted = written_format(to)
    text = transcribed(name, wanted)
    if text is None:
        model = load_model(name)
        text = wanted.text(model)
        if isinstance(model, Model) and model.inputs:
            note(f"{wanted.name} has no doses: how they enter ({', '.join(model.routes)}) is not in it")
    if out is None:
        typer.echo(text, nl=not text.endswith("\n"))
        return
    out.write_text(text, encoding="utf-8")
    console().print(f"Written: {out}", markup=False, soft_wrap=True)
