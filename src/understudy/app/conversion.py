"""Conversion: a model from one format to another."""

from __future__ import annotations

from pathlib import Path

import typer

from understudy.app.terminal import console, note
from understudy.formats.load import load, model_in
from understudy.formats.save import left_out, texts_of, transcribed, written_format


def run(name: str, to: str, out: Path | None) -> None:
    """Write a model to a file or to standard output, and say what the format leaves out.

    Raises
    ------
    FormatError
        For what the format cannot say.
    """
    wanted = written_format(to)
    text = transcribed(name, wanted)
    if text is not None:
        return _write({out: text}) if out else typer.echo(text, nl=not text.endswith("\n"))
    found = load(name)
    alone = model_in(found, name)
    model = found if wanted.name == "NONMEM" else alone
    if told := left_out(model, wanted):
        note(told)
    if out is not None:
        return _write(texts_of(model, wanted, out, Path(name).parent))
    text = wanted.text(model)
    typer.echo(text, nl=not text.endswith("\n"))
    if wanted.name == "NONMEM" and getattr(found, "records", None) is not None:
        note("its data file, data.csv, is written with --out only")


def _write(texts: dict[Path, str]) -> None:
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    told = ", ".join(str(file) for file in reversed(texts))
    console().print(f"Written: {told}", markup=False, soft_wrap=True)
