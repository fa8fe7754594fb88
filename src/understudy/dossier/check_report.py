"""Check report: who was in the trial, how alike its arms were, and what is missing or doubtful."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, command_of, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import MISSING, figures, is_number, listed, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.plot.balance import balance
from understudy.plot.patient_flow import patient_flow
from understudy.trials.check import Check

if TYPE_CHECKING:
    import pandas as pd

PART = "check"
# Warnings that the summary tells in full.
_MOST_NOTES = 2
_METHODS = (
    Method("standardised difference of a number", "difference of means over the root of the mean variance",
           source="Austin 2009, doi:10.1002/sim.3697"),
    Method("standardised difference of categories", "distance of shares by their mean covariance",
           source="Yang and Dalton 2012, SAS Global Forum, paper 335"),
    Method("covariates before randomisation", "described, not tested: arms differ by chance alone",
           source="CONSORT 2010, doi:10.1136/bmj.c869"),
)  # fmt: skip


def chapter(found: Check) -> Chapter:
    """What the tables hold."""
    charts = dict(_charts(found))
    return Chapter(
        PART, "Who was in the trial", "checked", found.trial, summary(found),
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)),
        _METHODS if len(found.balance) else (), command_of(found.trial, PART), found.record,
    )  # fmt: skip


def summary(found: Check) -> tuple[str, ...]:
    """Subjects, balance and doubts in sentences."""
    flow, name = found.flow, found.trial.protocol.endpoint.name
    arms = listed(f"{row.randomised:,} to {row.arm}" for row in flow.itertuples())
    lost = int(flow["without_outcome"].sum())
    known = "all with a known outcome" if not lost else f"{lost:,} of them without a known outcome"
    told = [f"{flow['randomised'].sum():,} subjects were randomised, {arms}, {known} ({name})."]
    told += [_balanced(found.balance)] if len(found.balance) else []
    if not found.notes:
        return (*told, "Nothing doubtful was found in the tables.")
    few = len(found.notes) <= _MOST_NOTES
    return (*told, *(sentences(found.notes) if few else (_many(found.notes),)))


def _many(notes: tuple[str, ...]) -> str:
    return f"{len(notes)} things are to be known about the tables; the first: {notes[0]}."


def _balanced(rows: pd.DataFrame) -> str:
    known = rows.dropna()
    if known.empty:
        return "No baseline covariate varies."
    beyond, total = known[known["difference"].abs() > known["chance"]], len(known)
    widest = known.loc[known["difference"].abs().idxmax()]
    if widest["difference"] == 0:
        return "Arms are alike to the digit in every baseline covariate."
    said = f"the largest standardised difference is {figures(abs(widest['difference']), 2)} ({widest['covariate']})"
    return (
        f"Of {total} baseline differences between arms, {len(beyond) or 'none'} {'are' if len(beyond) > 1 else 'is'} "
        f"beyond what chance does in 95\xa0% of trials ({figures(0.05 * total, 2)} are to be expected); {said}."
    )


def _numbers(found: Check) -> Iterator[ReportedNumber]:
    for row in found.flow.itertuples():
        yield ReportedNumber(f"randomised to {row.arm}", row.randomised, source="counted")
        yield ReportedNumber(f"with an outcome, {row.arm}", row.with_outcome, source="counted")
    for row in found.balance.dropna().itertuples():
        name = f"standardised difference in {row.covariate}, {row.arm} against {found.trial.control}"
        yield ReportedNumber(name, row.difference, source=f"95 % of chance within ± {row.chance:.3g}")
    for row in found.missing.itertuples():
        yield ReportedNumber(f"missing, {row.what}, {row.arm}", row.missing, source="counted")


def _sections(found: Check, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section("flow", "Flow of patients", [charts["flow"]])
    blocks = [_covariates(found), charts.get("balance")] if len(found.covariates) else [_NO_COVARIATES]
    yield section("baseline", "Before randomisation", blocks)
    yield section("missing", "What is missing", [_missing(found)])
    notes = tuple(sentences(found.notes))
    yield section("notes", "To be known", [Text(_SEARCHED), Bullets(notes) if notes else None])


_NO_COVARIATES = Text("The protocol names no covariates: [baseline] would.", "quiet")
_SEARCHED = (
    "Looked for were subjects and visits twice, events before randomisation or after death, intervals that end before "
    "they begin, counts that are none, rows of strangers, arms without subjects, few events and criteria that nobody "
    "meets. What cannot be stops with an error; what may be wrong is told here."
)


def _covariates(found: Check) -> Table:
    """Covariates with a column an arm, and how far arms are apart."""
    arms, treated = found.trial.arms, found.trial.arms[1:]
    several = len(treated) > 1
    head = "Standardised difference"
    apart = (
        (Column(arm, numeric=True, group=head) for arm in treated)
        if several
        else (Column(head, numeric=True),)
    )
    columns = (
        Column("Covariate", manner="label"),
        *(Column(f"{row.arm}, n = {row.randomised:,}", numeric=True) for row in found.flow.itertuples()),
        *apart, Column("Chance, 95\xa0%", numeric=True),
    )  # fmt: skip
    balanced = found.balance.set_index(["covariate", "arm"])
    rows = []
    for name, own in found.covariates.groupby("covariate", sort=False):
        rows += _rows(arms, str(name), own, _ends([balanced.loc[(name, arm)] for arm in treated]))
    widest = "; the widest of the arms" if several else ""
    caption = (
        "Mean (standard deviation) of numbers, count (share of the known) of categories. Arms of a randomised trial "
        "differ by chance alone, so there are no p values; a difference matters where its covariate foretells "
        f"outcomes. Last column: how far chance goes in 95\xa0% of trials of this size{widest}."
    )
    return Table(columns, tuple(rows), caption, "long" if several else "")


def _ends(rows: list[pd.Series]) -> tuple[str, ...]:
    """Differences of the arms, and the widest that chance makes; dashes where nothing varies."""
    limits = [row["chance"] for row in rows if is_number(row["chance"])]
    return (
        *(figures(row["difference"], 2) for row in rows),
        f"± {figures(max(limits), 2)}" if limits else MISSING,
    )


def _rows(
    arms: tuple[str, ...], name: str, own: pd.DataFrame, ends: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """A number in one row, two categories in one too, others under a heading; then what is missing."""
    blank, levels = ("",) * len(ends), list(dict.fromkeys(own["level"]))
    parts = {level: own[own["level"] == level].set_index("arm") for level in levels}
    if levels == [""]:
        cells = parts[""]
        yield (name, *(f"{cells.loc[a, 'mean']:.4g} ({cells.loc[a, 'sd']:.3g})" for a in arms), *ends)
    elif len(levels) <= 2:
        yield (f"{name} = {levels[-1]}", *_shares(parts[levels[-1]], arms), *ends)
    else:
        yield (name, *[""] * len(arms), *ends)
        for level in levels:
            yield (f"\u2003{level}", *_shares(parts[level], arms), *blank)
    lost = parts[levels[0]]["missing"]
    if lost.any():
        yield ("\u2003missing", *(f"{lost[a]:,}" for a in arms), *blank)


def _shares(cells: pd.DataFrame, arms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{cells.loc[a, 'count']:,.0f} ({percent(cells.loc[a, 'share'])})" for a in arms)


def _missing(found: Check) -> Table | Text:
    lost = found.missing[found.missing.groupby("what")["missing"].transform("sum") > 0]
    whole = [str(name) for name in dict.fromkeys(found.missing["what"]) if name not in set(lost["what"])]
    if lost.empty:
        return Text(f"Nothing: {listed(whole)} {'is' if len(whole) == 1 else 'are'} known of every subject.")
    arms = found.trial.arms
    rows = [
        (str(name), *(f"{r.missing:,} of {r.of:,} ({percent(r.share)})" for r in own.itertuples()))
        for name, own in lost.groupby("what", sort=False)
    ]
    rest = f" Known of every subject: {listed(whole)}." if whole else ""
    columns = (Column("Missing"), *(Column(arm, numeric=True) for arm in arms))
    return Table(columns, tuple(rows), f"Randomised subjects without a value.{rest}")


def _charts(found: Check) -> Iterator[tuple[str, Figure]]:
    import pandas as pd

    steps, lost = found.trial.flow, found.flow
    names = list(steps)[:-1]
    common = [
        f"{steps[name]:,} {name}"
        for k, name in enumerate(names)
        if k == 0 or steps[name] != steps[names[k - 1]]
    ]
    arms = {
        row.arm: [
            f"{row.arm}\n{row.randomised:,} randomised",
            f"{row.with_outcome:,} with an outcome\n{row.without_outcome:,} without",
        ]
        for row in lost.itertuples()
    }
    caption = (
        f"Flow of patients, from the rows of {Path(found.trial.protocol.subjects.file).name} to those in whom "
        f"{found.trial.protocol.endpoint.name} is known."
    )
    yield "flow", figure(patient_flow(common, pd.DataFrame(arms)), f"{PART}-flow", caption)
    if found.balance["difference"].notna().any():
        told = (
            "Standardised differences from the control, without their sign; grey bars reach as far as chance alone "
            "does in 95\xa0% of trials of this size."
        )
        yield "balance", figure(balance(found.balance), f"{PART}-balance", told)
