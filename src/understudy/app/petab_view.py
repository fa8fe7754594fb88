"""PEtab view: a problem's likelihood and simulations on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from understudy.app.named_value import named_values
from understudy.app.terminal import console, note, print_json
from understudy.app.terminal_number import column
from understudy.core.errors import FormatError
from understudy.formats.load import load
from understudy.formats.petab.likelihood import Likelihood
from understudy.formats.petab.problem import PetabProblem

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_MOST_ROWS = 40


def run(
    path: Path, parameters: tuple[str, ...], gradient: bool, out: Path | None, jobs: int, as_json: bool
) -> None:
    """Evaluate a problem, and print what comes of it.

    Raises
    ------
    FormatError, SimulationError, MissingExtraError
        As reading and evaluating do.
    """
    if out is not None and out.suffix != ".tsv":
        raise FormatError("a simulation table is a .tsv file", place=f"--out {out}", repair="name it so")
    problem = load(path)
    if not isinstance(problem, PetabProblem):
        raise FormatError("this is no PEtab problem", place=str(path), repair="name its YAML file")
    given = named_values(parameters, dict.fromkeys(problem.parameters, "1"), "--parameter")
    found = problem.log_likelihood(given, gradient=gradient, jobs=jobs)
    if as_json:
        print_json(_as_json(found))
    else:
        _show(problem, found)
    if out is not None:
        _together(found).to_csv(out, sep="\t", index=False)
        if not as_json:
            console().print(f"Written: {out}", markup=False, soft_wrap=True)
    for text in found.messages:
        note(text)
    if not math.isfinite(found.log_likelihood):
        raise typer.Exit(1)


def _as_json(found: Likelihood) -> dict:
    plain = lambda value: value if value is not None and math.isfinite(value) else None  # noqa: E731
    table = _together(found)
    return {
        "log_likelihood": plain(found.log_likelihood),
        "chi_square": plain(found.chi_square),
        "log_prior": plain(found.log_prior),
        "log_posterior": plain(found.log_posterior),
        "gradient": None if found.gradient is None else {k: plain(v) for k, v in found.gradient.items()},
        "simulations": [plain(float(value)) for value in table["simulation"]],
        "messages": list(found.messages),
    }


def _together(found: Likelihood) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(found.simulations, ignore_index=True)


def _show(problem: PetabProblem, found: Likelihood) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(problem.name, style="bold"))
    to.print(Text(_counts(problem), style="dim"))
    to.print()
    to.print(_pairs(list(_numbers(found))))
    if found.gradient is not None:
        to.print()
        to.print(Text("gradient of the log-likelihood, on the parameters' scales", style="bold"))
        scales = {name: problem.parameters[name].scale for name in found.gradient}
        labels = {"lin": "{}", "log": "ln {}", "log10": "log10 {}"}
        to.print(_pairs([(labels[scales[n]].format(n), f"{v:.6g}") for n, v in found.gradient.items()]))
    to.print()
    to.print(_measurements(problem, found))
    if problem.measurements > _MOST_ROWS:
        to.print(
            Text(f"{_MOST_ROWS} of {problem.measurements} measurements; --out FILE.tsv has all", style="dim")
        )


def _counts(problem: PetabProblem) -> str:
    measured = _counted(problem.measurements, "measurement")
    experiments = _counted(sum(len(part.experiments) for part in problem.parts), "experiment")
    parameters = _counted(len(problem.estimated), "parameter")
    return f"PEtab {problem.version}: {measured} in {experiments}, {parameters} to estimate"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _numbers(found: Likelihood) -> Iterator[tuple[str, str]]:
    yield "log-likelihood", _digits(found.log_likelihood)
    yield "chi-square", _digits(found.chi_square)
    if found.log_prior is not None and found.log_posterior is not None:
        yield "log-prior", _digits(found.log_prior)
        yield "log-posterior, unnormalised", _digits(found.log_posterior)


def _digits(value: float) -> str:
    """A number to be compared with other programs' in all digits that solving gives."""
    return "–" if math.isnan(value) else f"{value:.8g}"


def _pairs(rows: list[tuple[str, str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _measurements(problem: PetabProblem, found: Likelihood) -> Table:
    """What was measured and simulated, no more rows than can be read."""
    from rich import box
    from rich.table import Table

    measured = [each for part in problem.parts for each in part.measurements][:_MOST_ROWS]
    simulated = _together(found)["simulation"].tolist()[: len(measured)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("observable", "experiment", "time", "measured", "simulated", "residual"):
        table.add_column(heading, justify="left" if heading in ("observable", "experiment") else "right")
    values = column([each.value for each in measured] + simulated)
    columns = (
        [each.observable for each in measured],
        [each.experiment or "–" for each in measured],
        [f"{each.time:g}" for each in measured],
        values[: len(measured)],
        values[len(measured) :],
        [f"{value:.2f}" if math.isfinite(value) else "–" for value in found.residuals[: len(measured)]],
    )
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    return table
