"""Conversion: a model from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from understudy.app.terminal import console, note
from understudy.core.errors import FormatError
from understudy.formats.load import load, load_model
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
    if wanted.name == "NONMEM":
        return _write_stream(name, out)
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


def _write_stream(name: str, out: Path | None) -> None:
    """A control stream, and its data beside it where the model's file brings records."""
    from understudy.formats.nonmem.writer import write, write_records

    found = load(name)
    data = f"{out.stem}.csv" if out else "data.csv"
    text = write(found, data)
    if out is None:
        typer.echo(text, nl=False)
        return
    written = [out]
    if getattr(found, "records", None) is not None:
        written.append(out.with_name(data))
        _refuse_own_data(name, found, written[-1])
        write_records(found.model, found.records).to_csv(written[-1], index=False, na_rep=".")
    out.write_text(text, encoding="utf-8")
    console().print(f"Written: {', '.join(map(str, written))}", markup=False, soft_wrap=True)


def _refuse_own_data(name: str, found: Any, target: Path) -> None:
    """The data that a control stream reads are not written over."""
    if target.name == found.records.source and target.absolute().parent == Path(name).absolute().parent:
        raise FormatError(
            f"{target.name} is the data file of {Path(name).name}",
            place="--out",
            repair="write into another folder, or under another name",
        )
