"""Synthesise report: rows like those of a table, how like they are, and whether they tell who was in it."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, TableOf, command, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import figures, like, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, section
from understudy.plot.label import sentence_case
from understudy.plot.margins import margins
from understudy.plot.nearest import correlations, nearest
from understudy.trials.synthetic.appraisal import Appraisal

PART = "synthesise"
# Columns whose margins are drawn, and pairs that are printed; tables have all.
_MOST_PANELS, _MOST_PAIRS = 18, 12
_VINE = "pyvinecopulib"


def chapter(found: Appraisal) -> Chapter:
    """What is known of a synthetic cohort."""
    charts, cohort = dict(_charts(found)), found.cohort
    named = next(iter(found.record.inputs))
    made = len(cohort.rows)
    of = TableOf(
        f"{made:,} synthetic rows like those of {named}",
        f"made from {len(cohort.source):,} rows",
        cohort.hash,
    )
    return Chapter(
        PART, "Synthetic rows", "synthetic cohort, no patients", of, found.sentences,
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)), tuple(_methods(found)),
        _command(found, named), found.record,
    )  # fmt: skip


def _command(found: Appraisal, named: str) -> str:
    settings, rows = found.record.settings, len(found.cohort.rows)
    return command(
        PART, named, columns=",".join(settings["columns"]), categorical=",".join(settings["categorical"]) or None,
        method=found.record.method, rows=None if rows == len(found.cohort.source) else rows,
        held_out=settings["held_out"], outcome=found.outcome or None, seed=found.record.seed,
    )  # fmt: skip


def _methods(found: Appraisal) -> Iterator[Method]:
    yield Method(
        "associations", "normals behind the cells, known, between thresholds or missing",
        source="Hoff 2007, doi:10.1214/07-AOAS107",
    )  # fmt: skip
    if found.record.method == "vine":
        source = "Aas, Czado, Frigessi and Bakken 2009, doi:10.1016/j.insmatheco.2007.02.001"
        yield Method("copula", "regular vine of pair copulas chosen by AIC", _VINE, source)
    yield Method(
        "propensity score", "logistic regression with all products", "scikit-learn",
        "Snoke, Raab, Nowok, Dibben and Slavkovic 2018, doi:10.1111/rssa.12358",
    )  # fmt: skip
    if found.privacy:
        yield Method(
            "distance to the closest row", "in standard deviations of the table's columns",
            source="Platzer and Reutterer 2021, doi:10.3389/fdata.2021.679939",
        )  # fmt: skip
        yield Method(
            "membership inference", "area under the curve of the distance to the closest synthetic row",
            source="DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595",
        )  # fmt: skip


def _numbers(found: Appraisal) -> Iterator[ReportedNumber]:
    for name, row in found.table().iterrows():
        yield ReportedNumber(str(name), float(row["value"]), source="synthetic rows against the table")
    if found.privacy:
        area = found.privacy.membership
        low, high = area.interval()
        yield ReportedNumber(
            "membership inference, area under the curve", area.estimate, low=low, high=high, level=0.95,
            error=area.error, source="rows held out",
        )  # fmt: skip
        yield ReportedNumber("copies, share of synthetic rows", found.privacy.copies, source="counted")


def _sections(found: Appraisal, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section("standing", "What these rows are", [Bullets(tuple(sentences(found.notes)))])
    yield section("margins", "Margins", [charts.get("margins"), _margins(found)])
    yield section("associations", "Associations", [charts.get("correlations"), _pairs(found)])
    yield section("likeness", "Likeness as a whole", [_likeness(found)])
    yield section("privacy", "Privacy", [charts.get("distances"), _privacy(found)])


def _margins(found: Appraisal) -> Table:
    columns = (
        Column("Column", manner="label"), Column("Difference", numeric=True), Column("Measure"),
        Column("Missing, table", numeric=True), Column("Missing, synthetic", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            str(name), f"{row['difference']:.3f}", row["measure"], percent(row["missing_real"], 1),
            percent(row["missing_synthetic"], 1),
        )
        for name, row in found.fidelity.margins.iterrows()
    )  # fmt: skip
    caption = (
        "Numbers: largest difference of shares below a value. Words: half the sum of differences of shares. "
        "Between as "
        f"many other patients both are about {figures(1.2 / len(found.cohort.source) ** 0.5, 2)}."
    )
    return Table(columns, rows, caption)


def _pairs(found: Appraisal) -> Table | None:
    pairs = found.fidelity.associations
    if not len(pairs):
        return None
    gap = (pairs["synthetic"] - pairs["real"]).abs()
    shown = pairs.loc[gap.sort_values(ascending=False, kind="stable").index[:_MOST_PAIRS]]
    columns = (
        Column("Columns", manner="label"),
        Column("Table", numeric=True),
        Column("Synthetic", numeric=True),
    )
    rows = tuple(
        (f"{first} and {second}", like(row["real"], 1.0), like(row["synthetic"], 1.0))
        for (first, second), row in shown.iterrows()
    )
    more = f" The {len(rows)} of {len(pairs):,} pairs that differ most." if len(pairs) > len(rows) else ""
    return Table(columns, rows, f"Rank correlations; levels of words as zeros and ones.{more}")


def _likeness(found: Appraisal) -> Table:
    rows = tuple(
        (sentence_case(str(name)), figures(float(row["value"])))
        for name, row in found.table().iterrows()
        if str(name).startswith(("propensity", "model"))
    )
    caption = "A propensity score of 1 is what as many other patients would give."
    if found.fidelity.downstream:
        caption += " The model: R² of numbers, area under the curve of two words, in rows held out."
    return Table((Column("Measure", manner="label"), Column("Value", numeric=True)), rows, caption)


def _privacy(found: Appraisal) -> Table | None:
    if found.privacy is None:
        return None
    columns = (
        Column("Measure", manner="label"),
        Column("Rows they were made from", numeric=True),
        Column("Rows held out, or chance", numeric=True),
    )
    rows = tuple(
        (sentence_case(str(name)), figures(row["source"]), figures(row["held out"]))
        for name, row in found.privacy.table().iterrows()
    )
    return Table(
        columns, rows, "Rows held out had no part in the synthetic ones. Distances in standard deviations."
    )


def _charts(found: Appraisal) -> Iterator[tuple[str, Figure]]:
    cohort = found.cohort
    shown = list(cohort.columns)[:_MOST_PANELS]
    more = (
        f" The first {len(shown)} of {len(cohort.columns)} columns."
        if len(shown) < len(cohort.columns)
        else ""
    )
    caption = f"Columns of the table (dark) and of synthetic rows (blue), shares of known cells.{more}"
    yield "margins", figure(margins(cohort.source[shown], cohort.rows[shown]), f"{PART}-margins", caption)
    if len(found.fidelity.associations):
        yield (
            "correlations",
            figure(
                correlations(found.fidelity.associations), f"{PART}-correlations",
                f"Rank correlations of {len(found.fidelity.associations):,} pairs of columns. On the line "
                "both are equal.",
            ),
        )  # fmt: skip
    if found.privacy:
        yield (
            "distances",
            figure(
                nearest(found.privacy.distances, found.privacy.distances_held_out), f"{PART}-distances",
                "How near synthetic rows come to real ones. Were rows learnt by heart, the blue curve would "
                "lie to the "
                "left of the dashed one.",
            ),
        )  # fmt: skip
