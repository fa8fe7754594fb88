"""Trial page: what reports of trials have in common: a folder of page, charts, tables and record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.record import Record
from understudy.dossier.html_page import html
from understudy.dossier.page import Column, Figure, Section, Table
from understudy.dossier.text_files import write_texts
from understudy.plot.label import sentence_case
from understudy.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

REPORT = "report.html"


def page(trial: Trial, verb: str, sections: Iterable[Section | None], summary: Iterable[str]) -> str:
    """A trial's report as one HTML page that needs nothing else; `verb` is what was done, such as "replayed"."""
    counts = ", ".join(
        f"{arm} {count}" for arm, count in trial.subjects["arm"].value_counts(sort=False).items()
    )
    byline = f"Understudy, trial {verb} · {len(trial.subjects):,} subjects: {counts} · hash {trial.hash[:12]}"
    return html(trial.protocol.title, byline, sections, summary)


def write_folder(
    folder: Path, text: str, charts: Mapping[str, Figure], tables: Mapping[str, pd.DataFrame], record: Record
) -> tuple[Path, ...]:
    """Write ``report.html``, ``charts/*.svg``, ``tables/*.csv`` and ``record.json``; the files."""
    texts = {REPORT: text}
    texts |= {f"charts/{name}.svg": str(drawn.drawing) for name, drawn in charts.items()}
    texts |= {f"tables/{name.replace(' ', '_')}.csv": csv(frame) for name, frame in tables.items()}
    made = json.dumps(record.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    return write_texts(folder, texts | {"record.json": made + "\n"})


def csv(frame: pd.DataFrame) -> str:
    """A table as a file's text, ten digits of each number."""
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.10g")


def text_table(frame: pd.DataFrame, caption: str) -> Table | None:
    """A data frame of texts, its index first; None where it has no rows."""
    if frame.empty:
        return None
    columns = (
        Column(sentence_case(str(frame.index.name or ""))),
        *(Column(str(n), numeric=True) for n in frame),
    )
    rows = tuple(
        (str(i), *map(str, row)) for i, row in zip(frame.index, frame.itertuples(index=False), strict=True)
    )
    return Table(columns, rows, caption=caption)
