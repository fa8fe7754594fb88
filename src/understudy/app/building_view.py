"""Building view: what bootstrap, profile, sir, search and compare found, on the terminal and in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from understudy.app.fit_view import population_and_records, show
from understudy.app.named_value import named_texts
from understudy.app.progress import shown_progress
from understudy.app.terminal import console, note, print_json
from understudy.app.terminal_number import single
from understudy.core.errors import FormatError, SimulationError
from understudy.inference.estimation.fitting import fit
from understudy.inference.fit import Fit

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from understudy.data.records import Records
    from understudy.model.population_model import PopulationModel

# Columns of words, which begin at the left.
_WORDS = ("direction", "parameter", "covariate", "kind", "against", "selected")
_CHARTS = (".html", ".svg", ".png")


@dataclass(frozen=True)
class Asked:
    """What all of these commands are asked, as it was written."""

    file: str
    data: Path | None
    units: tuple[str, ...]
    estimated: Path | None
    method: str
    seed: int
    jobs: int
    out: Path | None
    quiet: bool
    json: bool

    def read(self, endings: Sequence[str] = (".csv", *_CHARTS)) -> tuple[PopulationModel, Records]:
        """The model and the records; a file that could not be written is refused before any work is done."""
        if self.out is not None and self.out.suffix not in endings:
            raise FormatError(
                f"{self.out.suffix or 'a name without an ending'} is not written here", place=f"--out {self.out}",
                repair=f"one of {', '.join(endings)}",
            )  # fmt: skip
        return population_and_records(self.file, self.data, self.units)

    def fitted(self, model: PopulationModel, records: Records) -> Fit:
        """The fit that is given, or that is made first."""
        if self.given is not None:
            return Fit.read(self.given)
        return fit(model, records, self.method, seed=self.seed)

    @property
    def given(self) -> Path | None:
        """A fit that was made before: the file itself, or what --fit names."""
        return self.estimated or (Path(self.file) if self.file.endswith(".json") else None)

    @property
    def hidden(self) -> bool:
        """Whether no progress is shown."""
        return self.quiet or self.json


def run_bootstrap(
    asked: Asked, samples: int, stratify: str, interval: str, level: float, checkpoint: Path | None
) -> None:
    """Bootstrap, and print what comes of it.

    Raises
    ------
    UnderstudyError
        As reading and estimating do.
    """
    from understudy.inference.building.bootstrap import bootstrap
    from understudy.plot.estimate_uncertainty import resampled_estimates

    model, records = asked.read()
    given = asked.fitted(model, records) if asked.given else model
    with shown_progress(asked.hidden) as tell:
        found = bootstrap(
            given, records, samples, stratify=stratify, interval=interval, level=level, method=asked.method,
            seed=asked.seed, jobs=asked.jobs, checkpoint=checkpoint, progress=tell,
        )  # fmt: skip
    table = found.table()
    _put(asked, table, lambda: resampled_estimates(found.estimates(), table))
    if asked.json:
        return print_json(
            {
                "used": len(found.used),
                "failures": dict(found.failures),
                "estimates": _plain(table.reset_index()),
            }
        )
    _tell(repr(found).splitlines()[0], table, asked.out)
    for reason, count in found.failures.items():
        note(f"{count} of {samples} failed: {reason}")


def run_profile(asked: Asked, parameters: tuple[str, ...], level: float) -> None:
    """Profile, and print what comes of it.

    Raises
    ------
    UnderstudyError
        As reading and estimating do.
    """
    import pandas as pd

    from understudy.inference.building.likelihood_profile import profile
    from understudy.plot.estimate_uncertainty import likelihood_profile

    model, records = asked.read()
    given = asked.fitted(model, records)
    names = parameters or tuple(name for name in given.estimates if name not in given.fixed)
    if len(names) > 1 and asked.out is not None and asked.out.suffix in _CHARTS:
        raise SimulationError("a chart shows one profile", place="--out", repair="name one: --parameter")
    found = []
    with shown_progress(asked.hidden) as tell:
        for k, name in enumerate(names):
            tell("Following profiles", k / len(names))
            found.append(profile(given, records, name, level=level, method=asked.method, seed=asked.seed))
        tell("Following profiles", 1.0)
    table = pd.DataFrame(
        {
            "estimate": [p.estimate for p in found],
            "low": [p.low for p in found],
            "high": [p.high for p in found],
        },
        index=pd.Index(names, name="name"),
    )
    first = found[0]
    _put(asked, table, lambda: likelihood_profile(first.table(), first.parameter, first.rise, first.interval))
    if asked.json:
        return print_json(_plain(table.reset_index()))
    _tell(f"Likelihood profiles: {100 * level:g} % intervals", table, asked.out)
    for each in found:
        for text in each.notes:
            note(f"{each.parameter}: {text}")


def run_sir(asked: Asked, samples: str, resamples: str, inflation: float, level: float) -> None:
    """Sample and resample, and print what comes of it.

    Raises
    ------
    UnderstudyError
        As reading and estimating do.
    """
    from understudy.inference.building.sir import sir
    from understudy.plot.estimate_uncertainty import resampling_check

    model, records = asked.read()
    given = asked.fitted(model, records)
    with shown_progress(asked.hidden) as tell:
        found = sir(
            given, records, samples=_numbers(samples, "--samples"), resamples=_numbers(resamples, "--resamples"),
            inflation=inflation, level=level, method=asked.method, seed=asked.seed, jobs=asked.jobs, progress=tell,
        )  # fmt: skip
    table = found.table()
    _put(asked, table, lambda: resampling_check(found.rise_quantiles()))
    if asked.json:
        rounds = _plain(found.diagnostics().reset_index())
        return print_json({"estimates": _plain(table.reset_index()), "iterations": rounds})
    _tell(repr(found).splitlines()[0], table, None)
    console().print()
    _print(found.diagnostics())
    _written(asked.out)


def run_search(
    asked: Asked, candidates: tuple[str, ...], forward: float, backward: float, checkpoint: Path | None
) -> None:
    """Search, and print the log and the final model.

    Raises
    ------
    UnderstudyError
        As reading and estimating do.
    """
    from understudy.inference.building.covariate_search import search_covariates

    model, records = asked.read((".csv", ".json"))
    with shown_progress(asked.hidden) as tell:
        found = search_covariates(
            model, records, candidates_in(candidates), forward=forward, backward=backward, method=asked.method,
            seed=asked.seed, jobs=asked.jobs, checkpoint=checkpoint, progress=tell,
        )  # fmt: skip
    log = found.table()
    if asked.out is not None:
        found.fit.write(asked.out) if asked.out.suffix == ".json" else log.to_csv(asked.out, index=False)
    if asked.json:
        return print_json({"log": _plain(log), "fit": found.fit.to_json()})
    console().print(repr(found).splitlines()[0], style="bold", markup=False, soft_wrap=True)
    shown = log.drop(columns="status").assign(selected=["*" if each else "" for each in log["selected"]])
    for name in ("objective", "change"):
        shown[name] = [f"{value:.3f}" if np.isfinite(value) else "" for value in log[name]]
    shown["df"] = [str(df) if df else "" for df in log["df"]]
    _print(shown.set_index("step"))
    console().print()
    show(found.fit)
    _written(asked.out)
    for step in found.failed:
        note(f"{step.direction} {step.effect}: {step.fit.status}")
    if not found.fit.succeeded:
        raise typer.Exit(1)


def run_compare(files: tuple[Path, ...], nested: tuple[str, ...], as_json: bool) -> None:
    """Read fits, and print them side by side.

    Raises
    ------
    UnderstudyError
        For a file that is no fit, or fits that cannot be compared.
    """
    from understudy.inference.building.comparison import compare

    named = {path.stem: Fit.read(path) for path in files}
    if len(named) < len(files):
        raise SimulationError("two files have the same name", repair="rename one of them")
    found = compare(named, named_texts(nested, "--nested") if nested else None)
    table = found.table()
    if as_json:
        return print_json(_plain(table.reset_index()))
    # What did not succeed is told below, with its reason.
    shown = table.drop(columns=["method", "succeeded", "warnings"])
    for name in ("objective", "aic", "bic", "change"):
        shown[name] = [f"{value:.3f}" if np.isfinite(value) else "" for value in table[name]]
    shown["df"] = [str(df) if df else "" for df in table["df"]]
    _print(shown)
    for name, text in table["warnings"].items():
        if text:
            note(f"{name}: {text}")


def candidates_in(texts: Sequence[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Candidates as they are written on the command line.

    Examples
    --------
    >>> candidates_in(["CL=WT:power:linear", "V=WT,SEX"])
    {'CL': {'WT': ('power', 'linear')}, 'V': {'WT': (), 'SEX': ()}}
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for text in texts:
        parameter, sign, covariates = text.partition("=")
        if not sign or not parameter.strip() or not covariates.strip(" ,"):
            raise SimulationError(
                f"{text!r} is no candidate",
                place="--effect",
                repair="such as CL=WT,SEX or CL=WT:power:linear",
            )
        for each in filter(None, (part.strip() for part in covariates.split(","))):
            name, *kinds = each.split(":")
            found.setdefault(parameter.strip(), {})[name] = tuple(kinds)
    return found


def _numbers(text: str, option: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() for part in parts):
        raise SimulationError(f"{text!r} are no numbers", place=option, repair="such as 500,1000")
    return [int(part) for part in parts]


def _put(asked: Asked, table: pd.DataFrame, chart: Any) -> None:
    """Write the table or the chart where that is asked for."""
    if asked.out is None:
        return
    if asked.out.suffix == ".csv":
        table.to_csv(asked.out)
        return
    made: alt.TopLevelMixin = chart()
    more = {".html": {"inline": True}, ".png": {"scale_factor": 2}}
    made.save(asked.out, **more.get(asked.out.suffix, {}))


def _tell(head: str, table: pd.DataFrame, out: Path | None) -> None:
    console().print(head, style="bold", markup=False, highlight=False, soft_wrap=True)
    _print(table)
    _written(out)


def _written(out: Path | None) -> None:
    if out is not None:
        console().print(f"Written: {out}", markup=False, soft_wrap=True)


def _print(table: pd.DataFrame) -> None:
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    drawn.add_column(str(table.index.name or ""))
    for name in table.columns:
        words = name in _WORDS
        drawn.add_column(str(name), justify="left" if words else "right")
    for label, *cells in table.itertuples():
        drawn.add_row(str(label), *map(_cell, cells))
    console().print(drawn)


def _cell(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{value:.2g}" if 0 < abs(value) < 1e-4 else single(float(value))
    return "" if value is None else str(value)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON, which knows no number that is not finite."""
    rows = table.to_dict("records")
    lost = lambda value: isinstance(value, (float, np.floating)) and not np.isfinite(value)  # noqa: E731
    return [
        {name: None if lost(v) else v.item() if isinstance(v, np.generic) else v for name, v in row.items()}
        for row in rows
    ]
