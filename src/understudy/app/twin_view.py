"""Twin view: twins, their forecasts, doses and samples to come on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.app.terminal import console, note, print_json
from understudy.app.terminal_number import column, single, with_unit
from understudy.app.twin import TwinAnswer, TwinQuestion, answer, forecast_table
from understudy.core.unit_label import unit_label

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from understudy.inference.twins.choose_dose import DoseChoice

_MOST_ROWS, _MOST_DOSES, _MOST_PATIENTS = 40, 5, 12
_METHODS = {
    "map": "mode of the posterior",
    "laplace": "normal approximation around the mode of the posterior",
    "sir": "draws from the posterior by importance resampling",
    "nuts": "draws from the posterior by the No-U-Turn sampler",
}


def run(question: TwinQuestion, out: Path | None, as_json: bool) -> None:
    """Answer a question and print the answer; write its last table to a CSV file where one is named."""
    found = answer(question)
    if as_json:
        print_json(found.to_json())
    else:
        _show(found, question, console())
    if out:
        _last_table(found).to_csv(out, index=False)
        console(stderr=as_json).print(f"Written: {out}", markup=False, soft_wrap=True)


def _last_table(found: TwinAnswer) -> pd.DataFrame:
    if found.samples is not None:
        return found.samples
    if found.choice is not None:
        return found.choice.table
    return found.parameters if found.forecast is None else forecast_table(found.forecast)


def _show(found: TwinAnswer, question: TwinQuestion, to: Console) -> None:
    twins = found.twins
    to.print(twins.model.name, style="bold", markup=False, highlight=False)
    count, seen = len(twins.patients), int(twins.observations.sum())
    told = (
        f"{count} patient{'s' if count != 1 else ''}, {seen} observations; {_METHODS[twins.settings.method]}"
    )
    to.print(told, style="dim", markup=False, highlight=False)
    to.print()
    to.print(_parameters(found))
    _left_out(count, _MOST_PATIENTS, "patients", to)
    if found.forecast is not None:
        _show_forecast(found, question, to)
    if found.choice is not None:
        _show_doses(found, to)
    if found.samples is not None:
        _show_samples(found, question, to)
    for name, text in [*twins.failures.items(), *twins.doubts.items()][:5]:
        note(f"patient {name}: {text}")


def _heading(text: str, detail: str, to: Console) -> None:
    to.print()
    to.print(text, style="bold", markup=False, highlight=False)
    to.print(detail, style="dim", markup=False, highlight=False)
    to.print()


def _parameters(found: TwinAnswer) -> Table:
    """A row a patient and parameter."""
    units = _units(found)
    shown = found.parameters[found.parameters["patient"].isin(found.twins.patients[:_MOST_PATIENTS])]
    table = _table("patient", "parameter", "mode", "median", "90 % interval", "unit")
    before = None
    for row in shown.itertuples():
        low, high = single(row.lower), single(row.upper)
        same = row.patient == before
        table.add_row(
            "" if same else row.patient, row.parameter, single(row.mode), single(row.median), f"{low} to {high}",
            with_unit("", units.get(row.parameter, "1")).strip(),
        )  # fmt: skip
        before = row.patient
    return table


def _show_forecast(found: TwinAnswer, question: TwinQuestion, to: Console) -> None:
    frame = forecast_table(found.forecast)
    unit = found.forecast.time_unit
    _heading(
        "Forecast",
        f"{question.regimen or 'no further dose'}, {_begin(found, unit)}; true levels, without measurement error",
        to,
    )
    several = frame["output"].nunique() > 1
    table = _table(
        "patient", *(["output"] if several else []), f"time\n{unit}", "median", "90 % interval", "unit"
    )
    shown, before = frame.head(_MOST_ROWS), None
    cells = {name: column(shown[name].to_numpy()) for name in ("median", "lower", "upper")}
    for k, row in enumerate(shown.itertuples()):
        who = "" if row.patient == before else row.patient
        before = row.patient
        table.add_row(
            who, *([row.output] if several else []), single(row.time, 6), cells["median"][k],
            f"{cells['lower'][k]} to {cells['upper'][k]}", with_unit("", row.unit).strip(),
        )  # fmt: skip
    to.print(table)
    _left_out(len(frame), _MOST_ROWS, "rows", to)


def _begin(found: TwinAnswer, unit: str) -> str:
    if found.since is None:
        return "from a patient without drug on"
    return (
        "from the last record on"
        if found.since == "last"
        else f"in the place of what was given from {found.since:g} {unit} on"
    )


def _show_doses(found: TwinAnswer, to: Console) -> None:
    choice, unit = found.choice, found.twins.model.structural.time_unit
    start, end = choice.window
    detail = (
        f"{choice.target.output} {choice.measure} from {start:g} to {end:g} {unit}, {_begin(found, unit)}"
    )
    _heading("Doses", detail, to)
    to.print(_doses(choice))
    to.print()
    for patient in choice.table["patient"].unique()[:_MOST_PATIENTS]:
        to.print(choice.sentence(patient), markup=False, highlight=False)
    most = int(choice.table.groupby("patient").size().max())
    _left_out(most, _MOST_DOSES, "regimens", to)


def _doses(choice: DoseChoice) -> Table:
    """The first regimens of each patient."""
    risks = [f"P({limit})" for limit in choice.limits]
    middle = "share" if choice.measure == "time" else f"median\n{unit_label(choice.target.unit)}"
    judged = ["allowed"] if risks or choice.at_least else []
    headings = ["in\ntarget", "below", "above", middle, "90 %\ninterval", *map(_broken, risks), *judged]
    table = _table("patient", "regimen", *headings)
    for patient in choice.table["patient"].unique()[:_MOST_PATIENTS]:
        for k, row in enumerate(choice.of(patient).head(_MOST_DOSES).to_dict("records")):
            span = f"{single(row['lower'], 3)} to {single(row['upper'], 3)}"
            shares = [_percent(row[name]) for name in ("within", "below", "above")]
            allowed = ["yes" if row["allowed"] else "no"] if judged else []
            numbers = [*shares, single(row["median"], 3), span, *(_percent(row[name]) for name in risks)]
            table.add_row("" if k else patient, row["regimen"], *numbers, *allowed)
    return table


def _broken(risk: str) -> str:
    """The heading of a risk, over two lines."""
    return risk.removeprefix("P(").removesuffix(")").replace(" above ", "\nabove ")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _show_samples(found: TwinAnswer, question: TwinQuestion, to: Console) -> None:
    unit = found.twins.model.structural.time_unit
    doses = question.regimen or "no further dose"
    wanted = question.next_sample.partition(" at ")[0].strip()
    said = unit_label(_units(found).get(wanted, "1"))
    to_know = f"to know {question.next_sample} better{f' (sd in {said})' if said not in ('', '1') else ''}"
    _heading("Next sample", f"{to_know}; {doses}, {_begin(found, unit)}", to)
    table = _table(
        "patient", f"time\n{unit}", "sd\nnow", "sd\nexpected", "variance\ntaken away", "information\nnats"
    )
    before = None
    frame = found.samples[found.samples["rank"] <= _MOST_DOSES]
    for row in frame.head(_MOST_ROWS).itertuples():
        table.add_row(
            "" if row.patient == before else row.patient, single(row.time, 4), single(row.sd), single(row.sd_expected),
            f"{_percent(row.reduction)} ± {100 * row.se:.0f}", f"{row.information:.2f}",
        )  # fmt: skip
        before = row.patient
    to.print(table)
    _left_out(int(found.samples["rank"].max()), _MOST_DOSES, "times", to)


def _units(found: TwinAnswer) -> dict[str, str]:
    """Units of parameters and outputs."""
    structural = found.twins.model.structural
    return {item.name: item.unit for item in (*structural.parameters, *structural.outputs)}


def _left_out(count: int, most: int, what: str, to: Console) -> None:
    if count > most:
        to.print(
            f"{most} of {count:,} {what}; --out file.csv has all", style="dim", markup=False, highlight=False
        )


def _table(*headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    words = {"patient", "parameter", "regimen", "output", "unit", "allowed"}
    for heading in headings:
        table.add_column(heading, justify="left" if heading in words else "right", no_wrap=True)
    return table
