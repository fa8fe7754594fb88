"""Design view: the expected precision of a study on the terminal, and in files."""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.app.design_question import DesignQuestion
from understudy.app.nca_view import require_writable
from understudy.app.terminal import console, note, print_json
from understudy.app.terminal_number import single
from understudy.core.unit_label import unit_label
from understudy.core.units import UNKNOWN
from understudy.design.information import Information, expected_information
from understudy.design.optimise import optimise_design
from understudy.design.optimum import Optimum
from understudy.design.population_design import Design

if TYPE_CHECKING:
    from rich.table import Table

_ROUGH = 0.5  # relative standard errors above this are shown in yellow: the parameter will hardly be known


def run(
    question: DesignQuestion, out: Path | None, plot: Path | None, jobs: int, quiet: bool, as_json: bool
) -> None:
    """Compute, print and write.

    Raises
    ------
    UnderstudyError
        For a file that could not be written, before anything is computed, and for what the design refuses.
    """
    require_writable(out, "--out", (".json",))
    require_writable(plot, "--plot", (".html", ".svg", ".png"))
    found = _answer(question, jobs)
    last = found.found if isinstance(found, Optimum) else found
    tests = [_test(last, each) for each in question.power]
    data = found.to_json() | {"power": tests}
    if out is not None:
        out.write_text(json_format.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    if plot is not None:
        _draw(found, plot)
    if as_json:
        print_json(data)
        return
    _show(found, tests, quiet)
    for path in (out, plot):
        if path is not None:
            console().print(f"Written: {path}", markup=False, soft_wrap=True)


def _answer(question: DesignQuestion, jobs: int) -> Information | Optimum:
    if question.optimise is None:
        return expected_information(question.model, question.design, jobs=jobs, **question.how)
    return optimise_design(question.model, question.design, jobs=jobs, **question.how, **question.optimise)


def _test(found: Information, asked: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {"power": 0.8, "null": 0.0, "level": 0.05} | dict(asked)
    name, how = str(wanted.pop("parameter", "")), {k: float(v) for k, v in wanted.items()}
    now = found.power(name, how["null"], how["level"])
    return {"parameter": name, **how, "now": now, "patients": found.patients_for_power(name, **how)}


def _show(found: Information | Optimum, tests: list[dict[str, Any]], quiet: bool) -> None:
    to = console()
    last = found.found if isinstance(found, Optimum) else found
    method = f"{last.method.upper()}, {'block-diagonal' if last.kind == 'block' else 'full'} information"
    to.print(f"Expected precision of {last.model.name}", style="bold", markup=False)
    to.print(_facts(last, method), style="dim", markup=False)
    to.print()
    if not quiet:
        if isinstance(found, Optimum):
            _show_design(found.start.design, "start")
            _show_design(found.design, "found")
        else:
            _show_design(last.design, "")
    to.print(_table(found, last))
    if isinstance(found, Optimum):
        to.print(f"\n{_verdict(found)}", markup=False)
    for test in tests:
        to.print(
            f"{test['parameter']} differs from {test['null']:g}: power {100 * test['now']:.0f} %; "
            f"{100 * test['power']:.0f} % with {test['patients']} patients", markup=False,
        )  # fmt: skip
    rough = [name for name, share in last.relative.items() if share > _ROUGH]
    if rough:
        note(f"hardly known: {', '.join(rough)}")


def _facts(found: Information, method: str) -> str:
    design = found.design
    return f"{design.patients:g} patients, {design.samples:g} samples; {method}; D-criterion {found.d_criterion:.5g}"


def _show_design(design: Design, heading: str) -> None:
    to = console()
    for k, line in enumerate(repr(design).splitlines()[1:]):
        label = f"{heading}: " if heading and k == 0 else " " * (len(heading) + 2) if heading else ""
        to.print(f"{label}{line.strip()}", markup=False)
    to.print()


def _verdict(found: Optimum) -> str:
    if not np.isfinite(found.efficiency):
        return "The start does not inform every parameter; what was found does."
    change = 100 * (found.efficiency - 1)
    saved = f"{found.criterion}-efficiency {found.efficiency:.3f}: the start would need {abs(change):.0f} % "
    saved += "more patients for as much" if change >= 0 else "fewer patients for as much"
    bound = (
        f"; at least {100 * found.at_least:.1f} % of the best by these candidates"
        if found.at_least is not None
        else ""
    )
    return saved + bound


def _table(found: Information | Optimum, last: Information) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    both = isinstance(found, Optimum) and np.isfinite(found.efficiency)
    units = {p.name: unit_label(p.unit) for p in last.model.fixed if UNKNOWN not in p.unit}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("parameter")
    table.add_column("unit")
    for heading in ("value", "standard error", *(["relative, start", "found"] if both else ["relative"])):
        table.add_column(heading, justify="right")
    for name, value in zip(last.names, last.values, strict=True):
        cells = [name, units.get(name, ""), single(value, 4), single(last.standard_errors[name], 3)]
        cells += [_share(found.start.relative[name])] if both else []
        share = last.relative[name]
        table.add_row(*cells, Text(_share(share), style="yellow" if share > _ROUGH else ""))
    return table


def _share(value: float) -> str:
    return f"{100 * value:.1f} %" if np.isfinite(value) else "–"


def _draw(found: Information | Optimum, path: Path) -> None:
    from understudy.design.typical_course import typical_course
    from understudy.plot.design import design_chart

    last = found.found if isinstance(found, Optimum) else found
    start = None
    end = max(max(own) for group in last.design.groups for own in group.times.values())
    if isinstance(found, Optimum):
        start = found.start.design
        end = max(end, *(max(own) for group in start.groups for own in group.times.values()))
    curves, samples = typical_course(last.model, last.design, end)
    before = None if start is None else typical_course(last.model, start)[1][["group", "output", "time"]]
    chart = design_chart(curves, samples, time_unit=last.model.structural.time_unit, start=before)
    chart.save(str(path), **({"scale_factor": 2} if path.suffix == ".png" else {}))
