"""Real-world report: what records of real care say, what stays hidden, and why either can be believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from understudy.causal.study.answer import Answer
from understudy.causal.study.controls import ControlEstimates
from understudy.causal.study.diagnostics import Diagnostic
from understudy.causal.study.result import StudyResult
from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, TableOf, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import MISSING, figures, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.dossier.rwe_sources import methods
from understudy.plot.calibration_effect import calibration_effect
from understudy.plot.covariate_balance import covariate_balance
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.plot.preference_scores import preference_scores

if TYPE_CHECKING:
    import pandas as pd

PART = "rwe"
_MOST_COVARIATES = 12  # on the page; the tables have all


def chapter(found: StudyResult) -> Chapter:
    """What a real-world study says."""
    charts = dict(_charts(found))
    names = found.names
    of = TableOf(found.study.title, f"{names[0]} against {names[1]}", found.study.hash)
    command = f"understudy rwe {_file(found)} --out {PART}"
    return Chapter(
        PART, "What real care shows", "real-world study", of, found.sentences,
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)),
        tuple(methods(found)), command, found.record,
    )  # fmt: skip


def _file(found: StudyResult) -> str:
    return next((name for name in found.study.inputs if name.endswith(".toml")), "study.toml")


def _sections(found: StudyResult, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section(
        "answers", "Answers", [Text(found.study.file.question), _answers(found), charts.get("effects")]
    )
    yield section("diagnostics", "May the estimates be seen?", [Text(_RULE), _diagnostics(found)])
    yield section("population", "Who was compared", [*_attritions(found), _follow_up(found)])
    yield section("propensity", "Who got which treatment", [*_propensity(found), charts.get("preference")])
    yield section("balance", "Are the groups alike?", list(_balance(found, charts)))
    yield section("controls", "Where the answer is known", list(_controls(found, charts)))
    told = (*found.notes, *(f"in the records, {each}" for each in found.doubts))
    yield section("notes", "To be known", [Bullets(tuple(sentences(told)))] if told else [])


_RULE = (
    "Thresholds were fixed in the study file. An estimate that fails one, or for which one could not be evaluated, "
    "stays hidden in every output; so do outcomes by group, which would tell it."
)


def _answers(found: StudyResult) -> Table:
    several = len(found.study.outcomes) > 1
    columns = (
        *([Column("Outcome")] if several else []), Column("Analysis"), Column("Target", numeric=True),
        Column("Comparator", numeric=True), Column("Events", numeric=True),
        Column("Estimate", numeric=True, group="As estimated"),
        Column("95\xa0% interval", numeric=True, group="As estimated"),
        Column("Estimate", numeric=True, group="Calibrated"),
        Column("95\xa0% interval", numeric=True, group="Calibrated"), Column("p", numeric=True, group="Calibrated"),
    )  # fmt: skip
    rows = tuple(_answer(row)[0 if several else 1 :] for _, row in found.table().iterrows())
    (target, comparator), outcome = found.names, found.study.outcomes[0].name
    caption = (
        f"{'' if several else f'Outcome: {outcome}. '}Target: {target}; comparator: {comparator}; persons after "
        "adjustment, events of both together. Intervals by the profile likelihood. Calibrated by negative controls, if "
        "there are any."
    )
    return Table(columns, rows, caption)


def _answer(row: pd.Series) -> tuple[str, ...]:
    head = (row["outcome"], row["analysis"], row["target"], row["comparator"], row["events"])
    if row["hidden_for"]:
        return (*head, "hidden", "", "", "", "")
    return (
        *head, figures(row["estimate"]), _interval(row["low"], row["high"]), figures(row["calibrated"]),
        _interval(row["calibrated_low"], row["calibrated_high"]), figures(row["calibrated_p"]),
    )  # fmt: skip


def _interval(low: float, high: float) -> str:
    if low != low:
        return MISSING
    return f"{figures(low)} to {'∞' if high == float('inf') else figures(high)}"


def _diagnostics(found: StudyResult) -> Table:
    columns = (
        Column("Diagnostic"), Column("Measure"), Column("Value", numeric=True), Column("Must be", numeric=True),
        Column("Verdict"),
    )  # fmt: skip
    rows: list[tuple[str, ...]] = []
    for answer in found.answers:
        rows.append((sentence_case(found.name_of(answer)),))
        rows += [_diagnostic(each) for each in answer.diagnostics.items]
    return Table(columns, tuple(rows), "What each estimate has to pass.", "long")


def _diagnostic(each: Diagnostic) -> tuple[str, ...]:
    verdict = (
        f"waived: {each.waived}" if each.waived else each.verdict.upper() if each.hides else each.verdict
    )
    return (
        sentence_case(each.name),
        each.measure,
        figures(each.value),
        f"{each.side} {each.threshold:g}",
        verdict,
    )


def _attritions(found: StudyResult) -> Iterator[Table]:
    columns = (Column("Rule"), Column("Target", numeric=True), Column("Comparator", numeric=True))
    for name, people in found.material.outcomes.items():
        rows = tuple(tuple(map(str, row)) for row in people.attrition.table().itertuples(index=False))
        yield Table(columns, rows, f"Persons left after each rule; outcome: {name}.")


def _follow_up(found: StudyResult) -> Table:
    frame = found.follow_up()
    columns = tuple(Column(sentence_case(str(name)), numeric=k > 1) for k, name in enumerate(frame))
    rows = tuple(
        (str(row[0]), str(row[1]), *(f"{value:,.0f}" for value in row[2:]))
        for row in frame.itertuples(index=False)
    )
    return Table(columns, rows, "Days followed, to the outcome or the end of the time at risk.")


def _propensity(found: StudyResult) -> Iterator[Text | Table]:
    model = found.material.model
    if model is None:
        return
    low, high = model.area.interval()
    yield Text(
        f"Of {model.fit.coefficients.size:,} covariates that entered, {model.fit.selected.size:,} have a coefficient; "
        f"prior variance {figures(model.variance)}. Area under the curve {figures(model.area.estimate)} "
        f"({_interval(low, high)}): 0.5 is no difference between groups. {percent(model.equipoise(), 1)} of persons "
        "are in equipoise."
    )
    rows = tuple(
        (str(row.name), figures(row.coefficient))
        for row in model.coefficients.head(_MOST_COVARIATES).itertuples(index=False)
    )
    if rows:
        columns = (Column("Covariate"), Column("Coefficient", numeric=True))
        yield Table(columns, rows, "The largest coefficients of the propensity model, log odds.")


def _balance(found: StudyResult, charts: dict[str, Figure]) -> Iterator[Figure | Table]:
    for answer in found.answers:
        name = f"balance-{_key(found, answer)}"
        if answer.balance is not None and name in charts:
            yield charts[name]
            yield _least_alike(found, answer)


def _least_alike(found: StudyResult, answer: Answer) -> Table:
    frame = answer.balance.table(_MOST_COVARIATES).drop(columns="covariate_id")
    titles = {"target": "Target", "comparator": "Comparator", "difference": "Difference"}
    columns = (
        Column("Covariate"),
        *(
            Column(titles[name.partition("_")[0]], numeric=True, group=sentence_case(name.partition("_")[2]))
            for name in frame.columns[1:]
        ),
    )
    rows = tuple(tuple(map(str, row)) for row in frame.itertuples(index=False))
    return Table(
        columns, rows, f"{sentence_case(found.name_of(answer))}: covariates that differ most afterwards."
    )


def _controls(found: StudyResult, charts: dict[str, Figure]) -> Iterator[Text | Figure]:
    for name, each in found.controls.items():
        if each is not None:
            yield Text(_control_text(name, each))
        if f"controls-{name}" in charts:
            yield charts[f"controls-{name}"]


def _control_text(name: str, each: ControlEstimates) -> str:
    head = f"{sentence_case(name)}: "
    if each.null is None:
        return head + "; ".join(each.notes) + "."
    raw, calibrated = each.check.below()
    count, null = len(each.controls), each.null
    return (
        f"{head}{count} outcomes that neither treatment causes have a systematic error with mean {figures(null.mean)} "
        f"and standard deviation {figures(null.sd)} (log ratio). {raw} of {count} would be called effects at p < 0.05; "
        f"{calibrated} after calibration by the others."
    )


def _charts(found: StudyResult) -> Iterator[tuple[str, Figure]]:
    seen = found.table().query("hidden_for == ''")
    if len(seen):
        yield "effects", _effects(found, seen)
    shares = None if found.material.model is None else found.material.model.shares(names=found.names)
    if shares is not None and len(shares):
        caption = (
            "Those in the grey band might have got either. Bins of fewer than five persons are left out."
        )
        yield "preference", figure(preference_scores(shares), f"{PART}-preference", caption)
    limit = found.study.file.diagnostics.largest_difference
    for answer in found.answers:
        if answer.balance is not None:
            name = f"balance-{_key(found, answer)}"
            yield name, _balance_figure(found, answer, limit, name)
    for name, each in found.controls.items():
        if each is not None and each.null is not None:
            yield f"controls-{name}", _controls_figure(name, each)


def _key(found: StudyResult, answer: Answer) -> str:
    return "-".join(found.name_of(answer).replace(",", "").split())


def _balance_figure(found: StudyResult, answer: Answer, limit: float, name: str) -> Figure:
    balance = answer.balance
    count, share = len(balance.covariates), balance.share_balanced(limit)
    caption = (
        f"{sentence_case(found.name_of(answer))}: absolute standardised differences of {count:,} covariates; "
        f"{percent(share, 1)} are below {limit:g} afterwards, the largest is {figures(balance.largest)}."
    )
    return figure(covariate_balance(balance.differences(), threshold=limit), f"{PART}-{name}", caption)


def _controls_figure(name: str, each: ControlEstimates) -> Figure:
    rows = each.controls.table().assign(kind="negative control")
    chart = calibration_effect(rows, mean=each.null.mean, sd=each.null.sd, measure="Estimate")
    caption = (
        f"{sentence_case(name)}: estimates of negative controls by their standard errors. Below the dashed lines "
        "p < 0.05; in the shaded area p < 0.05 after calibration."
    )
    return figure(chart, f"{PART}-controls-{'-'.join(name.split())}", caption)


def _effects(found: StudyResult, seen: pd.DataFrame) -> Figure:
    several = len(found.study.outcomes) > 1
    label = seen["analysis"] + (", " + seen["outcome"] if several else "")
    rows = seen.assign(label=label, value=seen["estimate"])
    hidden = len(found.answers) - len(seen)
    caption = (
        f"Estimates that may be seen; {hidden} more {'is' if hidden == 1 else 'are'} hidden."
        if hidden
        else "All estimates, uncalibrated."
    )
    return figure(
        forest(rows, measure=sentence_case(rows["measure"].iloc[0]), ratio=True), f"{PART}-effects", caption
    )


def _numbers(found: StudyResult) -> Iterator[ReportedNumber]:
    for answer in found.answers:
        head = f"{answer.outcome}, {answer.analysis}"
        for each in answer.diagnostics.items:
            if each.value == each.value:
                yield ReportedNumber(f"{each.measure}, {head}", each.value, source=f"diagnostic: {each.name}")
        if not answer.hidden:
            yield from _estimates(head, answer)


def _estimates(head: str, answer: Answer) -> Iterator[ReportedNumber]:
    estimate, calibrated = answer.estimate, answer.calibrated
    low, high = estimate.interval
    yield ReportedNumber(
        f"{estimate.measure}, {head}", estimate.exp, low=low, high=high, level=estimate.level,
        error=estimate.standard_error, source="profile likelihood",
    )  # fmt: skip
    if calibrated is not None:
        value, low, high = calibrated.ratios
        yield ReportedNumber(
            f"calibrated {estimate.measure}, {head}", value, low=low, high=high, level=estimate.level,
            error=calibrated.standard_error, source="empirical calibration by negative controls",
        )  # fmt: skip
