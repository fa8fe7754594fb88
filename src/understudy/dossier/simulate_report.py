"""Simulate report: what a new trial would show: power, type I error, duration, patients, when it stops."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, command_of, made_sections, sentences
from understudy.dossier.effect_texts import resampled_note
from understudy.dossier.figures import figure
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.plot.label import sentence_case
from understudy.plot.power_curve import power_curve
from understudy.plot.stopping_limits import stopping_limits
from understudy.trials.new_trial import SEEN, NewTrial, effect_text

if TYPE_CHECKING:
    import pandas as pd

PART = "simulate"
NULL = "null"
_LEVEL = 0.95
_MOST_DECIMALS = 2
_METHODS = (
    Method("power, type I error, duration, patients", "simulated trials; Wilson's intervals of shares",
           source="Wilson 1927, doi:10.1080/01621459.1927.10502953"),
    Method("assurance", "power averaged over the normal distribution of the effect seen",
           source="O'Hagan, Stevens and Campbell 2005, doi:10.1002/pst.175"),
)  # fmt: skip
_SPENT = Method(
    "limits of the looks", "alpha spent over the looks, by numerical integration",
    source="Lan and DeMets 1983, doi:10.1093/biomet/70.3.659; Jennison and Turnbull 2000, Group Sequential Methods",
)  # fmt: skip


def chapter(found: NewTrial) -> Chapter:
    """What a new trial would show."""
    charts, settings = dict(_charts(found)), found.record.settings
    command = command_of(found.trial, PART, arm=settings["arm"], trials=settings["trials"])
    return Chapter(
        PART, "A new trial", "to be run again, simulated", found.trial, summary(found),
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)),
        (*_METHODS, *((_SPENT,) if found.limits is not None else ())), command, found.record,
    )  # fmt: skip


def summary(found: NewTrial) -> tuple[str, ...]:
    """Power, assurance, type I error and cost in sentences."""
    rows, unit = _by_scenario(found), f"{found.trial.protocol.endpoint.unit}s"
    power, spent = rows[SEEN]["rejected any"], rows[SEEN]
    seen = f"{found.measure} {effect_text(found.effects[SEEN])}"
    sure = f"{percent(found.assurance, 1)} (assurance, Monte Carlo error {percent(found.assurance_error, 1)})"
    told = [
        f"If the effect is as seen ({seen}), {_share(power)} of new trials are significant; averaged over how sure "
        f"this trial is of it, {sure}."
    ]
    if power["upper"] < found.trial.protocol.design.alpha:
        told.append(
            "The effect as seen is to the disadvantage of the treated arm, which a one-sided test for benefit does not "
            "show."
        )
    if NULL in rows:
        told.append(
            f"Without an effect {_share(rows[NULL]['rejected any'])} are: {_judged(found, rows[NULL])}."
        )
    lasting, patients = spent["duration"]["estimate"], spent["patients"]["estimate"]
    told.append(
        f"If it is as seen, the new trial takes {figures(lasting)} {unit} and {figures(patients)} patients, on average."
    )
    return tuple(told)


def _judged(found: NewTrial, null: Mapping[str, Any]) -> str:
    """The type I error against its nominal level."""
    alpha, row = found.trial.protocol.design.alpha, null["rejected any"]
    said = f"the level is {percent(alpha, 1)}, one-sided"
    if row["lower"] > alpha:
        return f"more than the level, which is {percent(alpha, 1)}, one-sided"
    return (
        f"{said}, which the simulation does not contradict"
        if row["upper"] >= alpha
        else f"{said}, and is not used up"
    )


def _share(row: Mapping[str, Any]) -> str:
    return (
        f"{percent(row['estimate'], 1)} ({100 * _LEVEL:g}\xa0% interval of the simulation "
        f"{100 * row['lower']:.1f} to {percent(row['upper'], 1)})"
    )


def _by_scenario(found: NewTrial) -> dict[str, dict[str, Any]]:
    """Scenario → measure → row."""
    made: dict[str, dict[str, Any]] = {}
    for row in found.table().to_dict("records"):
        made.setdefault(row["scenario"], {})[row["measure"]] = row
    return made


def _called(scenario: str) -> str:
    return "no effect" if scenario == NULL else scenario


def _numbers(found: NewTrial) -> Iterator[ReportedNumber]:
    unit, made = found.trial.protocol.endpoint.unit, f"{found.characteristics.trials:,} simulated trials"
    for row in found.table().to_dict("records"):
        what = row["measure"].replace("rejected any", "significant")
        yield ReportedNumber(
            f"{_called(row['scenario'])}: {what}", row["estimate"], unit if what == "duration" else "", row["lower"],
            row["upper"], _LEVEL, row["standard_error"], made,
        )  # fmt: skip
    yield ReportedNumber("assurance", found.assurance, error=found.assurance_error, source="simulated trials")
    for row in found.curve.to_dict("records") if found.curve is not None else ():
        name = f"power, {found.measure} {row['effect']:.4g}, {row['patients']} patients"
        yield ReportedNumber(
            name, row["power"], low=row["lower"], high=row["upper"], level=_LEVEL, error=row["standard_error"],
            source=f"{found.record.settings['curve']:,} simulated trials",
        )  # fmt: skip


def _sections(found: NewTrial, charts: dict[str, Figure]) -> Iterator[Section | None]:
    aside = resampled_note(found.trial, found.record.settings["arm"])
    yield section("design", "The design", [_design(found)])
    yield section("operating", "What it would show", [_scenarios(found)])
    stops = [] if found.limits is None else [_limits(found), charts["limits"], _stopping(found)]
    yield section("looks", "When it stops", stops)
    missing = Text("Drawn for designs of two arms, whose effect is one number.", "quiet")
    asked = found.record.settings["curve"]
    yield section(
        "power", "Power over effects and sizes", [charts.get("power") or (missing if asked else None)]
    )
    yield section("exposed", "Patients exposed", [_arms(found)])
    yield section("notes", "To be known", [Bullets(tuple(sentences((*found.notes, *aside))))])


def _design(found: NewTrial) -> Table:
    """The keys of the protocol's design, with what they mean."""
    section = found.trial.protocol.design
    rows = tuple(
        (name.replace("_", " "), _plain(value), type(section).model_fields[name].description or "")
        for name, value in section.model_dump(mode="json", exclude_unset=True).items()
        if name != "effects"
    )
    return Table(
        (Column("Key"), Column("Value"), Column("Meaning")), rows, "The new trial, as [design] has it."
    )


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(
            f"{name.replace('_', ' ')} {_plain(each)}" for name, each in value.items() if each is not None
        )
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return {"True": "yes", "False": "no"}.get(
        str(value), f"{value:g}" if isinstance(value, float) else str(value)
    )


def _scenarios(found: NewTrial) -> Table:
    unit = found.trial.protocol.endpoint.unit
    futile = (found.table().query("measure == 'stopped for futility'")["estimate"] > 0).any()
    columns = (
        Column("If the truth is", manner="label"), Column(sentence_case(found.measure), numeric=True),
        Column("Significant", numeric=True), Column("95\xa0% interval", numeric=True),
        *((Column("Stopped for futility", numeric=True),) if futile else ()),
        Column(f"Duration ({unit}s)", numeric=True), Column("Patients", numeric=True), Column("Looks", numeric=True),
    )  # fmt: skip
    rows = []
    for name, own in _by_scenario(found).items():
        effect, shown = found.effects.get(name), own["rejected any"]
        rows.append(
            (_called(name), "none" if effect is None else effect_text(effect), _with_error(shown, 100, "\xa0%"),
             f"{100 * shown['lower']:.1f} to {percent(shown['upper'], 1)}",
             *((_with_error(own["stopped for futility"], 100, "\xa0%"),) if futile else ()),
             _with_error(own["duration"]), _with_error(own["patients"]),
             f"{own['looks']['estimate']:.2f}")
        )  # fmt: skip
    caption = (
        f"{found.characteristics.trials:,} simulated trials of each scenario; means ± Monte Carlo errors. Significant "
        "trials are type I errors where there is no effect, and power where there is one."
    )
    return Table(columns, tuple(rows), caption)


def _with_error(row: Mapping[str, Any], factor: float = 1.0, unit: str = "") -> str:
    """A mean or share with its Monte Carlo error to one figure; alone where no trial differs from another."""
    value, error = factor * row["estimate"], factor * row["standard_error"]
    if not error > 0:
        return f"{value:g}{unit}"
    decimals = min(max(-math.floor(math.log10(error)), 0), _MOST_DECIMALS)
    if error < 0.5 * 10.0**-_MOST_DECIMALS:
        return f"{value:,.{decimals}f}{unit}"
    return f"{value:,.{decimals}f} ± {error:.{decimals}f}{unit}"


def _counted(found: NewTrial) -> str:
    return "Events" if found.trial.protocol.design.events else "Patients"


def _limits(found: NewTrial) -> Table:
    futile = found.limits["lower"].map(abs).lt(float("inf")).any()
    columns = (
        Column("Look", numeric=True), Column(_counted(found), numeric=True), Column("Information", numeric=True),
        Column("Z of success", numeric=True), Column("p, one-sided", numeric=True),
        *((Column("Z of futility", numeric=True),) if futile else ()),
    )  # fmt: skip
    rows = tuple(
        (f"{r.look}", f"{r.size:,}", percent(r.information), figures(r.upper, 4), figures(r.p_upper),
         *((figures(r.lower, 3),) if futile else ()))
        for r in found.limits.itertuples()
    )  # fmt: skip
    return Table(columns, rows, "Limits of each look: beyond them the trial ends.")


def _stopping(found: NewTrial) -> Table:
    """Of each scenario: where trials end, and how."""
    table = found.characteristics.looks_table()
    kept = table[table.groupby("decision")["estimate"].transform("max") > 0]
    looks = sorted(set(kept["look"]))
    columns = (
        Column("If the truth is", manner="label"), Column("The trial ends with"),
        *(Column(f"At look {look}", numeric=True) for look in looks),
    )  # fmt: skip
    words = {"reject": "success", "futility": "futility", "no rejection": "no success"}
    rows = tuple(
        (_called(str(scenario)), words[decision], *_shares(own, looks))
        for (scenario, decision), own in kept.groupby(["scenario", "decision"], sort=False)
    )
    return Table(columns, rows, "Share of trials, ± Monte Carlo error.")


def _shares(own: pd.DataFrame, looks: list[int]) -> Iterator[str]:
    """Of one scenario and ending, at each look; a dash where no trial came so far."""
    by_look = own.set_index("look")
    for look in looks:
        yield _with_error(by_look.loc[look], 100, "\xa0%") if look in by_look.index else "–"


def _arms(found: NewTrial) -> Table:
    columns = (
        Column("If the truth is", manner="label"), Column("Arm"), Column("Patients", numeric=True),
        Column("5 to 95\xa0% of trials", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (_called(r["scenario"]), r["arm"], _with_error(r), f"{r['p05']:,.0f} to {r['p95']:,.0f}")
        for _, r in found.characteristics.arms_table().iterrows()
    )
    return Table(columns, rows, "Enrolled by the time the trial ends; means ± Monte Carlo errors.")


def _charts(found: NewTrial) -> Iterator[tuple[str, Figure]]:
    if found.limits is not None:
        counted = _counted(found)
        chart = stopping_limits(found.limits, counted=counted)
        caption = f"Limits of Z at each look, by {counted.lower()}: at or beyond them the trial ends."
        yield "limits", figure(chart, f"{PART}-limits", caption)
    if found.curve is not None:
        yield "power", _power(found, found.curve)


def _power(found: NewTrial, curve: pd.DataFrame) -> Figure:
    rows = curve.assign(size=[f"{n:,} patients" for n in curve["patients"]])
    design, ratio = found.trial.protocol.design, " ratio" in found.measure
    chart = power_curve(rows, measure=sentence_case(found.measure), ratio=ratio, wanted=design.power)
    caption = (
        f"Power over the {found.measure}, from no effect to the largest that was simulated, for half of the patients "
        f"and events, as planned, and half as many again. {found.record.settings['curve']:,} simulated trials of each "
        f"point; bars are 95\xa0% intervals of the simulation, the dashed line is a power of {percent(design.power)}."
    )
    return figure(chart, f"{PART}-power", caption)
