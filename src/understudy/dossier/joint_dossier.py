"""Joint dossier: all parts of a trial that its protocol asks for, in one report with one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from understudy.core.errors import StudyError, UnderstudyError
from understudy.core.record import Record, Stopwatch
from understudy.core.text_files import write_texts
from understudy.dossier.chapter import (
    RECORD,
    REPORT,
    Chapter,
    command_of,
    csv,
    methods_section,
    record_text,
)
from understudy.dossier.html_page import html
from understudy.dossier.number import listed
from understudy.dossier.page import Column, Section, Table, Text, section
from understudy.dossier.provenance_section import provenance_section
from understudy.dossier.trial_parts import PARTS, Asked, Part, chapter_of
from understudy.trials.trial import Trial, load_trial

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class TrialDossier:
    """Everything that was asked of a trial. Made by `trial_dossier`.

    Parameters
    ----------
    trial : Trial
    chapters : tuple of Chapter
        A part each.
    left_out : mapping of str to str
        Why each other part was not made.
    command : str
        That makes it again.
    run : Record
        What made it; `record` has the numbers too.
    """

    trial: Trial
    chapters: tuple[Chapter, ...]
    left_out: dict[str, str]
    command: str
    run: Record

    @cached_property
    def record(self) -> Record:
        """What made it, every number with its unit, interval, source and hash, and all that is cited."""
        records = [(each.part, each.record) for each in self.chapters]
        numbers = tuple(
            replace(number, source=f"{part}: {number.source}")
            for part, own in records
            for number in own.numbers
        )
        cited = tuple(source for _, own in records for source in own.citations)
        return replace(self.run, numbers=numbers, citations=cited)

    @property
    def notes(self) -> tuple[str, ...]:
        """Why parts were not made, in sentences."""
        titles = {part.name: part.title for part in PARTS}
        return tuple(f"{titles[name]} ({name}): {why}" for name, why in self.left_out.items())

    def table(self) -> pd.DataFrame:
        """Every number, a row each."""
        import pandas as pd

        from understudy.core.content import encode

        return pd.DataFrame([encode(each) for each in self.record.numbers])

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by part and name, the numbers first."""
        parts = {
            f"{each.part}/{name}": table for each in self.chapters for name, table in each.tables.items()
        }
        return {"numbers": self.table(), **parts}

    def html(self) -> str:
        """The report: one page that needs nothing else."""
        arms = ", ".join(f"{a} {n:,}" for a, n in self.trial.subjects["arm"].value_counts(sort=False).items())
        byline = (
            f"Understudy, dossier of a trial · {len(self.trial.subjects):,} subjects: {arms} · "
            f"hash {self.trial.hash[:12]}"
        )
        methods = methods_section({each.title: each.methods for each in self.chapters})
        ends = (methods, self._parts(), provenance_section(self.record, self.command))
        return html(
            self.trial.protocol.title, byline, (*map(_as_section, self.chapters), *ends), self._answers()
        )

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write ``report.html``, ``charts/<part>/*.svg``, ``tables/<part>/*.csv`` and ``record.json``; the files."""
        texts = {REPORT: self.html()}
        for each in self.chapters:
            texts |= each.files(each.part)
        return write_texts(
            folder, texts | {"tables/numbers.csv": csv(self.table()), RECORD: record_text(self.record)}
        )

    def _answers(self) -> Iterable[Markup]:
        """The answer of each part, and what was not asked."""
        for each in self.chapters:
            yield Markup("<b>{}.</b> {}").format(each.title, each.answer)
        if self.left_out:
            link = Markup('<a href="#parts">parts of this dossier</a>')
            yield Markup("<b>Not made:</b> {}, for reasons told in {}.").format(listed(self.left_out), link)

    def _parts(self) -> Section | None:
        """How each part alone is made again, and why others were not made."""
        made = {each.part: each for each in self.chapters}
        rows = tuple(_part_row(part, made.get(part.name), self.left_out) for part in PARTS)
        columns = (
            Column("Part", manner="label"),
            Column("Made alone by, or why not"),
            Column("Run", manner="label"),
        )
        caption = "The command that makes each part alone, and the first digits of its run's hash."
        return section("parts", "Parts of this dossier", [Table(columns, rows, caption)])

    def __repr__(self) -> str:
        answers = [f"{each.title}: {each.answer}" for each in self.chapters]
        return "\n".join([self.trial.protocol.title, *answers, *(f"Not made: {note}" for note in self.notes)])


def _part_row(part: Part, made: Chapter | None, left_out: Mapping[str, str]) -> tuple[str | Markup, ...]:
    if made is None:
        return part.title, f"Not made: {left_out[part.name]}.", ""
    command, run = (Markup("<code>{}</code>").format(text) for text in (made.command, made.run.hash[:12]))
    return part.title, command, run


def _as_section(chapter: Chapter) -> Section:
    """A part's report as one chapter: what it says, then its sections under headings of their own."""
    blocks = [Text(sentence) for sentence in chapter.summary]
    for each in chapter.sections:
        blocks += [Text(each.title, "heading"), *each.blocks]
    return Section(chapter.part, chapter.title, tuple(blocks))


def trial_dossier(
    trial: Trial | str | Path,
    *,
    score: str | Path | None = None,
    without: Iterable[str] = (),
    arm: str | None = None,
    trials: int = 10_000,
    copies: int = 500,
    resamples: int = 500,
    jobs: int = 1,
    done: Callable[[str], None] | None = None,
) -> TrialDossier:
    """Every part of a trial that its protocol asks for.

    Parameters
    ----------
    trial : Trial or path
        A protocol's path makes `score_file` of its ``[history]`` known.
    score : path, optional
        File of the frozen prognostic score; that of the protocol, if left out.
    without : iterable of str
        Parts that are left out although the protocol asks for them.
    arm : str, optional
        The treated arm of parts that compare one; the first, if left out.
    trials, copies, resamples : int
        Simulated trials of each scenario, permuted copies of the trial, resamples of its subjects.
    jobs : int
        Threads, 0 for one per core; no number depends on them.
    done : function, optional
        Called with the title of each part before it is made.

    Returns
    -------
    TrialDossier

    Raises
    ------
    UnderstudyError
        If a part fails: its place begins with the part's name. Nothing has been written then.

    Examples
    --------
    >>> found = trial_dossier("examples/leukaemia/trial.toml", without=["simulate"])
    >>> [each.part for each in found.chapters], list(found.left_out)
    (['check', 'replay', 'responders', 'redesign'], ['forecast', 'twins', 'simulate'])
    """
    watch, left = Stopwatch(), tuple(dict.fromkeys(without))
    _require_parts(left)
    loaded = trial if isinstance(trial, Trial) else load_trial(trial)
    asked = Asked(loaded, _score_path(trial, loaded, score), arm, trials, copies, resamples, jobs)
    why = {
        part.name: "it was asked to be left out" if part.name in left else part.missing(asked)
        for part in PARTS
    }
    chapters = tuple(_made(part, asked, watch, done) for part in PARTS if not why[part.name])
    left_out = {name: told for name, told in why.items() if told}
    return TrialDossier(
        loaded, chapters, left_out, _command(asked, left), _run(watch, asked, chapters, left_out)
    )


def _require_parts(names: tuple[str, ...]) -> None:
    known = [part.name for part in PARTS]
    unknown = [name for name in names if name not in known]
    if unknown:
        repair = f"one of {', '.join(known)}"
        raise StudyError(f"{unknown[0]!r} is no part of a dossier", place="without", repair=repair)


def _score_path(trial: Trial | str | Path, loaded: Trial, score: str | Path | None) -> Path | None:
    """The score's file: as given, or beside the protocol as it says."""
    if score is not None:
        return Path(score)
    named = loaded.protocol.history and loaded.protocol.history.score_file
    return Path(trial).parent / named if named and not isinstance(trial, Trial) else None


def _made(part: Part, asked: Asked, watch: Stopwatch, done: Callable[[str], None] | None) -> Chapter:
    """A part's chapter; an error names the part."""
    if done is not None:
        done(part.title)
    try:
        with watch.stage(part.name):
            return chapter_of(part.make(asked))
    except UnderstudyError as error:
        error.place = f"{part.name}: {error.place}" if error.place else part.name
        raise


def _command(asked: Asked, left: tuple[str, ...]) -> str:
    options = {"score": asked.score.name if asked.score else None, "arm": asked.arm}
    counts = {"trials": asked.trials, "copies": asked.copies, "resamples": asked.resamples}
    return command_of(asked.trial, "dossier", **options, **counts) + "".join(
        f" --without {name}" for name in left
    )


def _run(watch: Stopwatch, asked: Asked, chapters: tuple[Chapter, ...], left_out: dict[str, str]) -> Record:
    inputs = {name: each for chapter in chapters for name, each in chapter.run.inputs.items()}
    settings = {
        "arm": asked.arm or asked.trial.arms[1], "trials": asked.trials, "copies": asked.copies,
        "resamples": asked.resamples, "parts": {each.part: each.run.hash for each in chapters}, "left_out": left_out,
        "protocol": asked.trial.settings,
    }  # fmt: skip
    return Record.make(
        "trial dossier", stopwatch=watch, inputs=inputs, seed=asked.trial.protocol.seed,
        method=", ".join(each.part for each in chapters), settings=settings,
    )  # fmt: skip
