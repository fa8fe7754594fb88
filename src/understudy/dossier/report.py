"""Report: one HTML page, and the tables behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from understudy.core.text_files import write_texts
from understudy.dossier import figures, result_tables
from understudy.dossier.fit_section import fit_section
from understudy.dossier.html_page import html
from understudy.dossier.model_section import model_section
from understudy.dossier.number import MISSING, is_number, listed
from understudy.dossier.page import Bullets, Column, Section, Table, Text, section
from understudy.dossier.provenance_section import provenance_section
from understudy.dossier.report_content import ReportContent
from understudy.dossier.study_fit import FILE
from understudy.dossier.summary import summarise
from understudy.dossier.tables import TABLE_NAMES, tables
from understudy.dossier.typical_section import check_section, regimens_section, typical_summary
from understudy.plot.label import sentence_case

__all__ = ["ReportContent", "render", "summary_of", "write"]

REPORT, TABLES = "report.html", "tables"


def render(content: ReportContent) -> str:
    """The report as one HTML page that needs nothing else: styles and drawings are in it, scripts are not.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    str
        Everything that a user wrote is escaped.
    """
    byline = f"Understudy dossier · made {_day(content.created)} · model {content.model.name}"
    return html(content.title, byline, _sections(content), summary_of(content))


def summary_of(content: ReportContent) -> tuple[str, ...]:
    """The sentences at the head of the report: of a population, or of a mechanism's typical patient."""
    return typical_summary(content) if content.typical else summarise(content)


def write(content: ReportContent, folder: str | Path) -> tuple[Path, ...]:
    """Write ``report.html``, ``tables/*.csv``, and ``fit.json`` where the study asks for a fit.

    All is made before anything is written, and each file takes its place whole. A table or fit of an earlier report
    that this one does not have is removed; other files stay.

    Parameters
    ----------
    content : ReportContent
    folder : path
        Made where it does not exist.

    Returns
    -------
    tuple of Path
        The files.
    """
    folder = Path(folder)
    texts = {REPORT: render(content)} | {f"{TABLES}/{name}": text for name, text in tables(content).items()}
    texts |= {FILE: content.fit.text} if content.fit else {}
    written = write_texts(folder, texts)
    for name in (FILE, *(f"{TABLES}/{name}" for name in TABLE_NAMES)):
        if name not in texts:
            (folder / name).unlink(missing_ok=True)
    return written


def _sections(content: ReportContent) -> Iterator[Section | None]:
    yield _question(content)
    yield _records(content)
    yield model_section(content)
    yield fit_section(content)
    yield from _found_in_typical(content) if content.typical else _found_in_population(content)
    yield _domain(content)
    yield provenance_section(content.record)


def _found_in_typical(content: ReportContent) -> Iterator[Section | None]:
    yield regimens_section(content)
    yield check_section(content)


def _found_in_population(content: ReportContent) -> Iterator[Section | None]:
    yield section(
        "fit",
        "Fit to the observations",
        [
            # The chapter Fit shows observed against predicted already, with residuals that tell more.
            *(figures.fit_figures(content) if content.fit is None else ()),
            *figures.check_figures(content),
            figures.individual_figure(content),
        ],
    )
    yield _forecast(content)
    yield section(
        "attainment",
        "Target attainment",
        [
            figures.attainment_figure(content),
            result_tables.attainment_table(content),
            figures.stratum_figure(content),
            figures.profile_figure(content),
        ],
    )
    yield section("doses", "Dose for each patient", [_left_out(content), result_tables.dose_table(content)])


def _question(content: ReportContent) -> Section | None:
    target = content.target
    words = content.described(target.output)
    level = words if words == target.output else f"{words} ({target.output})"
    goal = f"Target: {level} within {content.range_text}, both ends included."
    regimens = Table(
        (Column("Regimen"), Column("Doses")),
        content.regimens,
        "Candidate regimens."
        if content.typical
        else "Candidate regimens, each started without drug in the body.",
    )
    return section(
        "question",
        "Question and assumptions",
        [
            Text(content.question.strip()) if content.question.strip() else None,
            Text(goal),
            regimens if content.regimens else None,
            Text("Assumed", "heading") if content.assumptions else None,
            Bullets(content.assumptions) if content.assumptions else None,
        ],
    )


def _records(content: ReportContent) -> Section | None:
    if content.records is None:
        return None
    facts = [
        (sentence_case(str(item)), str(value), str(detail))
        for item, value, detail in content.records.to_frame().itertuples(index=False)
    ]
    excluded = [
        (str(row["id"]), f"{row['row']:g}" if is_number(row["row"]) else MISSING, str(row["reason"]))
        for _, row in content.exclusions.iterrows()
    ]
    columns = (Column("Item"), Column("Value"), Column("Detail"))
    left_out = Table(
        (Column("Patient"), Column("Row", numeric=True), Column("Reason")),
        tuple(excluded),
        "Left out of the evaluation.",
    )
    return section(
        "records",
        "Records",
        [
            Table(columns, tuple(facts), "What is in the records.", "facts"),
            left_out if excluded else Text("No patient and no row was left out."),
        ],
    )


def _forecast(content: ReportContent) -> Section | None:
    return section(
        "forecast",
        "Forecast of held-back levels",
        [
            Text(content.forecast_sentence) if content.forecast_sentence else None,
            figures.forecast_figure(content),
            result_tables.forecast_scores(content),
        ],
    )


def _left_out(content: ReportContent) -> Text | None:
    if not content.failures or not len(content.doses):
        return None
    return Text(
        f"Without {listed(content.failures, most=40)}: see “Left out of the evaluation” under Records.",
        "alert",
    )


def _domain(content: ReportContent) -> Section | None:
    return section(
        "domain",
        "Tested domain and limits",
        [
            Text(f"Tested on: {_ended(content.tested)}") if content.tested.strip() else None,
            Text(f"Limits: {_ended(content.limits)}", "alert") if content.limits.strip() else None,
        ],
    )


def _ended(text: str) -> str:
    return text.strip().rstrip(".") + "."


def _day(created: str) -> str:
    """The moment without the T and the seconds, where it is an ISO one."""
    return created[:16].replace("T", " ") + " UTC" if created[10:11] == "T" else created
