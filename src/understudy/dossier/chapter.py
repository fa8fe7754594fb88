"""Chapter: what one part of a trial says, from which its own report and the joint dossier are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.record import Record
from understudy.core.reported_number import ReportedNumber
from understudy.core.text_files import write_texts
from understudy.dossier.html_page import html
from understudy.dossier.page import Column, Figure, Section, Table, section
from understudy.dossier.provenance_section import provenance_section
from understudy.plot.label import sentence_case
from understudy.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

REPORT, RECORD = "report.html", "record.json"


@dataclass(frozen=True)
class Method:
    """How a number was made.

    Parameters
    ----------
    what : str
        The number or step.
    how : str
        The method in the field's words.
    by : str
        The package whose code did it, such as "scikit-learn"; its version is added.
    source : str
        Citation with DOI or PMID; empty where there is none.
    """

    what: str
    how: str
    by: str = "understudy"
    source: str = ""


@dataclass(frozen=True)
class TableOf:
    """A table that no protocol tells of, where a chapter is of one.

    Parameters
    ----------
    title : str
        Of the report.
    counted : str
        What is in it: "490 patients".
    hash : str
        SHA-256.
    """

    title: str
    counted: str
    hash: str


@dataclass(frozen=True, eq=False)
class Chapter:
    """What one part of a trial says. Made by `chapter` of ``dossier/<part>_report.py``.

    Parameters
    ----------
    part : str
        Its command: ``understudy trial <part>``.
    title : str
        Of its chapter in a dossier: "The trial as it happened".
    done : str
        For the line below the title of its own report: "replayed".
    trial : Trial or TableOf
    summary : tuple of str
        The answer in sentences, the first one with its interval.
    sections : tuple of Section
        Their keys are its own; figures in them are named by `Chapter.figure_name`.
    charts : mapping of str to Figure
        All its figures.
    tables : mapping of str to DataFrame
        All its tables, as they are written to files.
    numbers : tuple of ReportedNumber
        What it states; the source says the method, the hash is put in from `run`.
    methods : tuple of Method
    command : str
        That makes it again.
    run : Record
        Of the result.
    headline : str
        The answer, where it is more than the first sentence.
    """

    part: str
    title: str
    done: str
    trial: Trial | TableOf
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    charts: Mapping[str, Figure]
    tables: Mapping[str, pd.DataFrame]
    numbers: tuple[ReportedNumber, ...]
    methods: tuple[Method, ...]
    command: str
    run: Record
    headline: str = ""

    @property
    def answer(self) -> str:
        """The part's answer, for the summary of a dossier."""
        return self.headline or self.summary[0]

    @cached_property
    def record(self) -> Record:
        """The record of the run, with the numbers that came out and the methods' sources."""
        sources = tuple(each.source for each in self.methods if each.source)
        numbers = tuple(replace(each, hash=self.run.hash) for each in self.numbers)
        return replace(self.run, citations=(*self.run.citations, *sources), numbers=numbers)

    def html(self) -> str:
        """Its own report: one page that needs nothing else."""
        title, counted = _heading(self.trial)
        done = self.done if isinstance(self.trial, TableOf) else f"trial {self.done}"
        byline = f"Understudy, {done} · {counted} · hash {self.trial.hash[:12]}"
        ends = (methods_section({"": self.methods}), provenance_section(self.record, self.command))
        return html(title, byline, (*self.sections, *ends), self.summary)

    def files(self, folder: str = "") -> dict[str, str]:
        """Charts and tables by the names of their files; in a folder of each kind, if one is named."""
        below = f"{folder}/" if folder else ""
        found = {f"charts/{below}{name}.svg": str(each.drawing) for name, each in self.charts.items()}
        return found | {
            f"tables/{below}{name.replace(' ', '_')}.csv": csv(each) for name, each in self.tables.items()
        }

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write ``report.html``, ``charts/*.svg``, ``tables/*.csv`` and ``record.json``; the files."""
        return write_texts(folder, {REPORT: self.html(), **self.files(), RECORD: record_text(self.record)})


def _heading(of: Trial | TableOf) -> tuple[str, str]:
    """Title, and who was counted."""
    if isinstance(of, TableOf):
        return of.title, of.counted
    counts = of.subjects["arm"].value_counts(sort=False)
    arms = ", ".join(f"{arm} {count:,}" for arm, count in counts.items())
    return of.protocol.title, f"{len(of.subjects):,} subjects: {arms}"


def made_sections(sections: Iterable[Section | None]) -> tuple[Section, ...]:
    """The sections that have something to say."""
    return tuple(each for each in sections if each is not None)


def methods_section(methods: Mapping[str, Iterable[Method]]) -> Section | None:
    """What was done, how, by whose code and after whom; under headings, where they have names."""
    rows: list[tuple[str, ...]] = []
    for heading, each in methods.items():
        own = list(dict.fromkeys((one.what, one.how, package_text(one.by), one.source) for one in each))
        rows += [(heading,)] * bool(heading and own) + own
    if not rows:
        return None
    columns = (Column("Number or step"), Column("Method"), Column("Code"), Column("Source"))
    return section(
        "methods",
        "Methods",
        [Table(columns, tuple(rows), "How each number was made, and by whose code.", "long")],
    )


def package_text(name: str) -> str:
    """A package with its version; the name alone where it is not installed.

    Examples
    --------
    >>> package_text("understudy").split()[0], package_text("no such package")
    ('Understudy', 'no such package')
    """
    try:
        return f"{'Understudy' if name == 'understudy' else name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return name


def command_of(trial: Trial, part: str, **options: object) -> str:
    """The command that makes a part again; options that are None are left out.

    Examples
    --------
    >>> from understudy.trials import load_trial
    >>> command_of(load_trial("examples/leukaemia/trial.toml"), "redesign", resamples=500, arm=None)
    'understudy trial redesign trial.toml --resamples 500 --out redesign'
    """
    return command(part, protocol_name(trial), **options)


def command(part: str, file: str, **options: object) -> str:
    """The command that makes a part of a file again; options that are None are left out, lists are repeated.

    Examples
    --------
    >>> command("synthesise", "patients.csv", seed=1, columns=["age", "sex"])
    'understudy trial synthesise patients.csv --seed 1 --columns age --columns sex --out synthesise'
    """
    from shlex import join

    words = ["understudy", "trial", part, file]
    for name, value in (options | {"out": part}).items():
        several = value if isinstance(value, list | tuple) else [] if value is None else [value]
        for each in several:
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if each is True else [flag, str(each)]
    return join(words)


def protocol_name(trial: Trial) -> str:
    """The protocol's file."""
    return next((name for name in trial.inputs or {} if name.endswith(".toml")), "trial.toml")


def record_text(record: Record) -> str:
    """What stands in ``record.json``."""
    return json.dumps(record.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def csv(frame: pd.DataFrame) -> str:
    """A table as a file's text, ten digits of each number."""
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.10g")


def text_table(frame: pd.DataFrame, caption: str) -> Table | None:
    """A data frame of texts, its index first; None where it has no rows."""
    if frame.empty:
        return None
    columns = (
        Column(sentence_case(str(frame.index.name or ""))),
        *(Column(sentence_case(str(n)), numeric=True) for n in frame),
    )
    rows = tuple(
        (str(i), *map(str, row)) for i, row in zip(frame.index, frame.itertuples(index=False), strict=True)
    )
    return Table(columns, rows, caption=caption)


def sentences(texts: Iterable[str]) -> Iterator[str]:
    """Notes as sentences."""
    return (f"{sentence_case(each).removesuffix('.')}." for each in texts)
