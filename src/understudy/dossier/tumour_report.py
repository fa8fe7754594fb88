"""Tumour report: courses of lesions, forecasts of later sizes, and how death follows size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, TableOf, command, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.plot.courses import courses
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.plot.model_survival import model_survival
from understudy.plot.tumour import spider, waterfall
from understudy.trials.tumour.forecast import METHODS
from understudy.trials.tumour.lesion_study import LesionStudy
from understudy.trials.tumour.resistance import CLASSES

PART = "tumour"
# Patients whose courses are shown: from the best forecast to the worst, evenly.
_SHOWN = 8


def chapter(found: LesionStudy) -> Chapter:
    """What the lesions say."""
    charts, lesions = dict(_charts(found)), found.lesions
    named, hashed = next(iter(found.record.inputs.items()), ("lesions.csv", found.record.hash))
    counted = f"{len(lesions.patients):,} patients, {len(lesions.table):,} patient-days"
    of = TableOf(f"Lesions of {named}", counted, hashed)
    return Chapter(
        PART, "Tumours", "lesions", of, found.sentences, made_sections(_sections(found, charts)), charts,
        found.tables(),
        tuple(_numbers(found)), tuple(_methods(found)), _command(found, named), found.record,
    )  # fmt: skip


def _command(found: LesionStudy, named: str) -> str:
    asked = found.record.settings
    names = (
        "patient",
        "day",
        "size",
        "survival",
        "time",
        "dead",
        "arm",
        "treated",
        "association",
        "patients",
        "draws",
    )
    return command(
        PART, named, **{name: asked.get(name) for name in names}, too_small=f"{asked['too_small']:g}",
        forecast=found.forecasts is not None or None, direct=asked.get("direct") or None, seed=found.record.seed,
    )  # fmt: skip


def _methods(found: LesionStudy) -> Iterator[Method]:
    yield Method(
        "response and progression", "RECIST 1.1", source="Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026"
    )
    if found.forecasts:
        yield Method(
            "twin", "growth inhibition, first-order conditional estimation, a twin of the first visits",
            source="Claret 2009, doi:10.1200/JCO.2008.21.0807",
        )  # fmt: skip
    if found.survival:
        yield Method(
            "size and survival", "joint model: linear mixed course, hazard constant in pieces, adaptive quadrature",
            source="Wulfsohn and Tsiatis 1997, doi:10.2307/2533118; Rizopoulos 2012, doi:10.1016/j.csda.2011.09.007",
        )  # fmt: skip
        yield Method(
            "hazard ratios of trials",
            "Cox regression in virtual patients",
            source="Cox 1972, JRSS B 34:187-220",
        )


def _numbers(found: LesionStudy) -> Iterator[ReportedNumber]:
    for name, count in found.lesions.resistance_counts().items():
        yield ReportedNumber(f"patients, {name}", count, source="counted")
    if found.forecasts:
        for _, row in found.forecasts.scores.iterrows():
            yield ReportedNumber(
                f"mean absolute error, {row['method']}", row["mae"], "mm", source="patients held out"
            )
            yield ReportedNumber(
                f"difference from the last size, {row['method']}", row["difference"], "mm", row["low"], row["high"],
                0.95,
                source="bootstrap",
            )  # fmt: skip
        yield ReportedNumber("coverage of intervals", found.forecasts.coverage, source="patients held out")
    if found.survival and found.trial:
        for each in found.survival.model.associations:
            yield ReportedNumber(
                f"hazard ratio by a unit of the logarithm, {each.name}", float(np.exp(each.value)), "",
                float(np.exp(each.low)), float(np.exp(each.high)), 0.95, each.standard_error, "joint model",
            )  # fmt: skip
        trial = found.trial
        yield ReportedNumber(
            "hazard ratio of simulated trials", trial.estimate, "", trial.low, trial.high, 0.95, trial.parameter_error,
            "joint model",
        )  # fmt: skip
        yield ReportedNumber(
            "Monte Carlo error of its logarithm", trial.monte_carlo_error, source="virtual patients"
        )
        yield ReportedNumber("power of such trials", trial.power, source="virtual patients")


def _sections(found: LesionStudy, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section("courses", "Courses", [charts["waterfall"], charts["spider"], _classes(found)])
    if found.forecasts:
        yield section(
            "forecasts",
            "Forecasts of later sizes",
            [_scores(found), charts["differences"], charts["forecasts"]],
        )
    if found.survival:
        yield section(
            "survival",
            "Size and survival",
            [
                _estimates(found),
                charts["survival"],
                charts["ratios"],
                _trials(found),
                Text(_LIMITS, "quiet"),
            ],
        )
    yield section("notes", "To be known", [Bullets(tuple(sentences(_notes(found))))])


_LIMITS = (
    "The model supposes that death follows size alone, or size and arm where treatment may act directly; that "
    "logarithms of sizes fall early and then grow along a line; and that who leaves without dying leaves for reasons "
    "that sizes already tell."
)


def _notes(found: LesionStudy) -> Iterator[str]:
    lesions = found.lesions
    yield (
        f"{lesions.too_small:,} rows were too small to measure, and count as {lesions.rules.too_small:g} mm; "
        f"{lesions.raised:,} were raised to {lesions.rules.floor:g} mm; {lesions.missing:,} had no size; "
        f"{lesions.merged:,} were merged with another of the day"
    )
    yield "shrinkage and growth are of the lesions in the table, not of sums that RECIST 1.1 asks for"
    if found.forecasts:
        yield "who is not seen later has no forecast to be tried on: figures are of patients with five visits or more"
    yield from found.notes


def _classes(found: LesionStudy) -> Table:
    table, counts = found.table(), found.lesions.resistance_counts()
    columns = (
        Column("Course", manner="label"), Column("Patients", numeric=True), Column("Share", numeric=True),
        Column("Progression, median day", numeric=True), Column("Shrinkage before, median", numeric=True),
    )  # fmt: skip
    rows = []
    for kind, count in counts.items():
        own = table[table["kind"] == kind]
        day = own["day"].median() if count and own["day"].notna().any() else None
        shrunk = percent(own["shrinkage"].median()) if count else "–"
        rows.append((sentence_case(kind), f"{count:,}", percent(count / len(table)), figures(day), shrunk))
    caption = (
        "Progression: the first visit 20\xa0% and 5\xa0mm above the lowest size. Acquired resistance had "
        "shrunk by 30\xa0% "
        "before; early progression came within four months, with less than 10\xa0% of shrinkage."
    )
    return Table(columns, tuple(rows), caption)


def _scores(found: LesionStudy) -> Table:
    columns = (
        Column("Forecast", manner="label"), Column("Mean error", "mm", numeric=True),
        Column("Median error", "mm", numeric=True), Column("Against the last size", "mm", numeric=True),
    )  # fmt: skip
    last = METHODS["previous"]
    rows = tuple(
        (
            sentence_case(row["method"]), figures(row["mae"]), figures(row["median"]),
            "" if row["method"] == last
            else f"{figures(row['difference'], 2)} ({figures(row['low'], 2)} to {figures(row['high'], 2)})",
        )
        for _, row in found.forecasts.scores.iterrows()
    )  # fmt: skip
    told = found.forecasts
    caption = (
        f"Of {len(told.errors):,} patients held out, {len(told.table):,} sizes. {percent(told.interval)} "
        "intervals of the "
        f"twin held {percent(told.coverage, 1)}. Differences with 95\xa0% intervals over patients."
    )
    return Table(columns, rows, caption)


def _estimates(found: LesionStudy) -> Table:
    model = found.survival.model
    columns = (
        Column("Acts on death", manner="label"), Column("Hazard ratio of a unit", numeric=True),
        Column("95\xa0% interval", numeric=True), Column("p", numeric=True), Column("By two stages", numeric=True),
    )  # fmt: skip
    own = list(zip(model.associations, model.two_stages.parameters.association, strict=True))
    if found.survival.direct:
        own.append((model.estimates["covariate 1"], model.two_stages.parameters.covariates[0]))
    rows = tuple(
        (
            "Treatment, beside its effect on size" if each.name == "covariate 1" else sentence_case(each.name),
            figures(np.exp(each.value)), f"{figures(np.exp(each.low))} to {figures(np.exp(each.high))}",
            figures(each.p_value, 2), figures(np.exp(two)),
        )
        for each, two in own
    )  # fmt: skip
    caption = (
        f"{model.patients:,} patients, {model.measurements:,} sizes as logarithms, {model.events:,} deaths; a "
        "unit is a "
        "factor of 2.7 in size. Two stages take expected courses for true ones, which pulls ratios towards one."
    )
    return Table(columns, rows, caption)


def _trials(found: LesionStudy) -> Table:
    trial = found.trial
    rows = (
        ("Patients an arm", f"{trial.patients:,}"),
        ("Power, two-sided 5\xa0%, in favour of treatment", percent(trial.power)),
        ("Standard deviation of the logarithm by parameters", figures(trial.parameter_error, 2)),
        ("Monte Carlo error of the logarithm", figures(trial.monte_carlo_error, 2)),
        ("Draws of parameters, a trial each", f"{trial.draws:,}"),
    )
    columns = (Column("Simulated trials", manner="label"), Column("Value", numeric=True))
    return Table(columns, rows, "Everyone is followed as long as the longest of the table's patients.")


def _charts(found: LesionStudy) -> Iterator[tuple[str, Figure]]:
    best = found.best_changes()
    once = len(found.lesions.patients) - len(best)
    unseen = f" {once:,} patients without a later visit are not shown." if once else ""
    yield (
        "waterfall",
        figure(
            waterfall(best, CLASSES), f"{PART}-waterfall",
            "Best change of each patient. A share of the first size; dashed: −30\xa0% and +20\xa0%; growth "
            "beyond 100\xa0% is "
            f"cut.{unseen}",
        ),
    )  # fmt: skip
    yield (
        "spider",
        figure(
            spider(found.changes(), CLASSES), f"{PART}-spider",
            "Every course, by class. Dashed: −30\xa0% and +20\xa0%; growth beyond 150\xa0% is cut.",
        ),
    )  # fmt: skip
    if found.forecasts:
        yield "differences", _differences(found)
        yield "forecasts", _forecasts(found)
    if found.survival:
        yield "survival", _survival(found)
        yield "ratios", _ratios(found)


def _differences(found: LesionStudy) -> Figure:
    rows = found.forecasts.scores.rename(columns={"method": "label", "difference": "value"})
    rows = rows[rows["label"] != METHODS["previous"]]
    chart = forest(rows, measure="Difference of errors from the last size (mm)", ratio=False)
    return figure(
        chart, f"{PART}-differences", "Below zero a forecast is better than the last size carried forward."
    )


def _forecasts(found: LesionStudy) -> Figure:
    told, errors = found.forecasts, found.forecasts.errors["twin"].sort_values(kind="stable")
    places = [round(k * (len(errors) - 1) / (_SHOWN - 1)) for k in range(_SHOWN)]
    shown = [str(errors.index[k]) for k in dict.fromkeys(places)]
    later = told.table.rename(
        columns={"patient": "subject", "day": "time", "twin": "forecast", "lower": "low", "upper": "high"}
    ).astype({"subject": str})
    rows = found.changes()[["patient", "day"]].assign(value=found.lesions.table["size"])
    rows = rows.rename(columns={"patient": "subject", "day": "time"}).astype({"subject": str})
    first = later.groupby("subject")["time"].min()
    known = rows[rows["time"] < rows["subject"].map(first).fillna(-1.0)]
    chart = courses(known, later, measure="size", unit="mm", time_unit="day", subjects=shown, own_scales=True)
    return figure(
        chart, f"{PART}-forecasts",
        "From the patient forecast best by the twin to the one forecast worst: known sizes filled, later ones hollow, "
        f"forecasts with {percent(told.interval)} intervals.",
    )  # fmt: skip


def _survival(found: LesionStudy) -> Figure:
    settings = found.record.settings
    curves = found.survival.curves(found.record.seed)
    names = {True: str(settings["treated"]), False: "control"}
    curves = curves.assign(arm=curves["treated"].map(names))
    return figure(
        model_survival(curves, arms=[names[False], names[True]], event="death", unit="year"), f"{PART}-survival",
        "Survival as it was seen (steps, with 95\xa0% limits) and as the joint model has it in virtual "
        "patients (dashed). "
        "The model saw these patients.",
    )  # fmt: skip


def _ratios(found: LesionStudy) -> Figure:
    import pandas as pd

    trial, (seen, low, high) = found.trial, found.survival.observed
    rows = [
        ("seen, Cox regression", seen, low, high),
        ("model, by its parameters", trial.estimate, trial.low, trial.high),
        (f"trials of {trial.patients:,} an arm", trial.estimate, trial.trial_low, trial.trial_high),
    ]
    frame = pd.DataFrame(rows, columns=["label", "value", "low", "high"])
    return figure(
        forest(frame, measure="Hazard ratio of death, treated against control", ratio=True), f"{PART}-ratios",
        "What was seen, what the model says by all that its parameters leave open, and where 95\xa0% of its "
        "trials lie.",
    )  # fmt: skip
