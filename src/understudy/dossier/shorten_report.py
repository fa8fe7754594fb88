"""Shorten report: short forms of a questionnaire, what each size is worth held out, and in whom."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, TableOf, command, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import MISSING, compact, is_number, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.plot.dot_intervals import dot_intervals
from understudy.plot.short_forms import area_by_size, decisions_by_cut
from understudy.trials.questionnaire.short_form import TreeForm
from understudy.trials.questionnaire.shortening import Shortening

PART = "shorten"
_SEARCHES = {
    "subsets": ("all subsets of each size, by area under the curve", "understudy", ""),
    "beam": ("the best 20 of each size, each with one item more", "understudy", ""),
    "tree": (
        "a tree of questions",
        "scikit-learn",
        "Breiman, Friedman, Olshen and Stone 1984, doi:10.1201/9781315139470",
    ),
}


def chapter(found: Shortening) -> Chapter:
    """What the short forms say."""
    charts, asked = dict(_charts(found)), found.questionnaire
    named, hashed = next(iter(found.record.inputs.items()))
    counted = f"{len(asked.positive):,} subjects, {int(asked.positive.sum()):,} cases"
    of = TableOf(f"A shorter form of {len(asked.items)} items", counted, hashed)
    return Chapter(
        PART, "A shorter questionnaire", "questionnaire shortened", of, found.sentences,
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)), tuple(_methods(found)),
        _command(found, named), found.record,
    )  # fmt: skip


def _command(found: Shortening, named: str) -> str:
    asked, reading = found.record.settings, found.questionnaire.reading
    valid, cut = reading.get("valid", ()), reading.get("cut")
    return command(
        PART, named, items=",".join(reading.get("items", found.questionnaire.items)),
        cut=None if cut is None else f"{cut:g}",
        outcome=reading.get("outcome") or None, answers=":".join(f"{value:g}" for value in valid) or None,
        missing=",".join(f"{v:g}" for v in reading.get("missing", ())) or None, by=reading.get("by"),
        sizes=":".join(map(str, asked["sizes"])), method=found.method, loss=asked["loss"], folds=asked["parts"],
        seed=found.record.seed,
    )  # fmt: skip


def _methods(found: Shortening) -> Iterator[Method]:
    how, by, source = _SEARCHES[found.method]
    yield Method("choice of items", how, by, source)
    yield Method(
        "figures held out", f"nested cross-validation in {found.record.settings['parts']} folds",
        source="Varma and Simon 2006, doi:10.1186/1471-2105-7-91",
    )  # fmt: skip
    yield Method(
        "standard error of an area", "by structural components",
        source="DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595",
    )  # fmt: skip
    yield Method("alpha", "internal consistency", source="Cronbach 1951, doi:10.1007/BF02310555")


def _numbers(found: Shortening) -> Iterator[ReportedNumber]:
    low, high = found.nested.interval()
    yield ReportedNumber(
        "area under the curve of the whole procedure", found.nested.area, low=low, high=high, level=0.95,
        error=found.nested.error, source="nested cross-validation",
    )  # fmt: skip
    for each in found.forms:
        low, high = each.held_out.interval()
        yield ReportedNumber(
            f"area under the curve, {each.size} items", each.held_out.area, low=low, high=high, level=0.95,
            error=each.held_out.error, source="cross-validation",
        )  # fmt: skip
    row = found.table().loc[found.best.size]
    for name in ("sensitivity", "specificity", "kappa"):
        yield ReportedNumber(f"{name}, {found.best.size} items", float(row[name]), source="cross-validation")


def _sections(found: Shortening, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section("forms", "Forms by size", [charts["sizes"], _forms(found)])
    yield section("decisions", "Decisions", [charts["cuts"], _tree(found)])
    yield section("subgroups", "Subgroups", [charts.get("subgroups"), _subgroups(found)])
    yield section("notes", "To be known", [Bullets(tuple(sentences(found.notes)))])


def _forms(found: Shortening) -> Table:
    columns = (
        Column("Items", numeric=True), Column("Which"), Column("Case from", numeric=True),
        Column("In sample", numeric=True, group="Area under the curve"),
        Column("Held out", numeric=True, group="Area under the curve"),
        Column("95\xa0% interval", numeric=True, group="Area under the curve"),
        Column("Sensitivity", numeric=True), Column("Specificity", numeric=True), Column("Kappa", numeric=True),
    )  # fmt: skip
    table, rows = found.table(), []
    for each in found.forms:
        row, (low, high) = table.loc[each.size], each.held_out.interval()
        rows.append((
            str(each.size), ", ".join(found.names(each.form.items)), f"{each.form.cut:.3g}", f"{row['auc']:.4f}",
            f"{row['auc_held_out']:.4f}", f"{low:.4f} to {high:.4f}", percent(row["sensitivity"], 1),
            percent(row["specificity"], 1), f"{row['kappa']:.3f}",
        ))  # fmt: skip
    loss = found.record.settings["loss"]
    caption = (
        f"Sensitivity, specificity and kappa of decisions held out. {found.best.size} items were taken: the "
        "fewest within "
        f"{loss:g} of the largest area held out."
    )
    return Table(columns, tuple(rows), caption)


def _tree(found: Shortening) -> Text | None:
    form = found.best.form
    if not isinstance(form, TreeForm):
        return None
    return Text(f"The tree asks at most {found.best.size} questions; `--rules` prints them.", "quiet")


def _subgroups(found: Shortening) -> Table | None:
    if not found.questionnaire.groups:
        return None
    columns = (
        Column("Subgroup", manner="label"), Column("Subjects", numeric=True), Column("Cases", numeric=True),
        Column("Area", numeric=True), Column("Sensitivity", numeric=True), Column("Specificity", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            f"{column} {value}", f"{row['subjects']:,.0f}", f"{row['cases']:,.0f}",
            f"{row['auc']:.4f}" if is_number(row["auc"]) else MISSING, percent(row["sensitivity"], 1),
            percent(row["specificity"], 1),
        )
        for (column, value), row in found.subgroups(found.best.size).iterrows()
    )  # fmt: skip
    return Table(
        columns,
        rows,
        "Areas in sample, decisions held out; no figures where nobody, or everybody, is a case.",
    )


def _charts(found: Shortening) -> Iterator[tuple[str, Figure]]:
    best = found.best
    yield (
        "sizes",
        figure(
            area_by_size(found.table().reset_index(), best.size), f"{PART}-sizes",
            f"Area under the curve by number of items. {best.size} were taken. In sample forms look better "
            "than they are: "
            "items were chosen there.",
        ),
    )  # fmt: skip
    yield (
        "cuts",
        figure(
            decisions_by_cut(found.cuts(best.size).reset_index(), best.form.cut), f"{PART}-cuts",
            f"What each cut-off of {', '.join(found.names(best.form.items))} decides, in sample. Dashed: the "
            "one taken, "
            f"{compact(best.form.cut, 3)}.",
        ),
    )  # fmt: skip
    if found.questionnaire.groups:
        rows = found.subgroups(best.size).reset_index().dropna(subset=["auc"])
        rows = rows.assign(
            label=rows["column"] + " " + rows["value"], low=(rows["auc"] - 1.959964 * rows["auc_error"]).clip(0, 1),
            high=(rows["auc"] + 1.959964 * rows["auc_error"]).clip(0, 1),
        ).rename(columns={"auc": "area"})  # fmt: skip
        rows = rows.rename(columns={"value": "level", "area": "value"})[["label", "value", "low", "high"]]
        if len(rows):
            chart = dot_intervals(rows, measure="Area under the curve", reference=best.area.estimate)
            yield (
                "subgroups",
                figure(
                    chart,
                    f"{PART}-subgroups",
                    "Areas in subgroups, with 95\xa0% intervals. Dashed: in all subjects.",
                ),
            )
