"""Pool view: pooled effects of sites on the terminal, and in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.json_numbers import finite_rows
from understudy.app.terminal import console, print_json
from understudy.causal.synthesis import Evidence, PooledEffect, SiteProfile, pool
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 1000.0  # ratio that is printed as a number


def run(files: list[Path], controls: Path | None, level: float, out: Path | None, as_json: bool) -> None:
    """Read, pool, write and print."""
    if out is not None:
        from understudy.dossier.study_problems import require_own_folder

        for file in files:
            require_own_folder(file.parent, out, f"--out {out}")
    sites = [SiteProfile.read(file) for file in files]
    found = pool(sites, _controls(controls), level)
    plain = _plain(found, level)
    if out is not None:
        _write(found, plain, out, level)
    print_json(plain) if as_json else _show(found, out, level)


def _controls(folder: Path | None) -> list[SiteProfile]:
    """All files of a folder."""
    if folder is None:
        return []
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not files:
        problem = Problem(
            "no site files", "name a folder of JSON files of negative controls", value=str(folder)
        )
        raise DataError([problem], place="--controls")
    return [SiteProfile.read(file.name, folder) for file in files]


def _plain(found: Evidence, level: float) -> dict[str, Any]:
    told: dict[str, Any] = {
        "measure": found.sites[0].measure,
        "analysis": found.sites[0].analysis,
        "level": level,
        "sites": finite_rows(found.by_site(level)),
        "pooled": finite_rows(found.table()),
        "notes": list(found.notes),
    }
    if found.corrected is not None:
        bias = found.corrected.bias
        told["bias"] = {"controls": bias.controls, "mean": bias.mean, "sd": bias.sd}
        told["corrected"] = finite_rows(found.corrected.table(level).reset_index())
    return told


def _show(found: Evidence, out: Path | None, level: float) -> None:
    from math import exp

    from rich.table import Table
    from rich.text import Text

    to, share = console(), f"{100 * level:g} %"
    to.print(Text(f"{found.sites[0].analysis}: {found.sites[0].measure} of {len(found.sites)} sites"))
    to.print()
    table = Table(
        "", found.sites[0].measure, f"{share} interval", box=None, pad_edge=False, header_style="bold"
    )
    for row in found.by_site(level).itertuples():
        table.add_row(row.site, _number(row.ratio), f"{_number(row.low)} to {_number(row.high)}")
    for pooled in (found.fixed, found.random):
        low, high = pooled.ratio_interval
        name = Text(pooled.method, style="bold")
        table.add_row(name, _number(pooled.ratio), f"{_number(low)} to {_number(high)}")
    low, high = (exp(each) for each in found.random.prediction)
    table.add_row("  in one more site", "", f"{_number(low)} to {_number(high)}")
    if found.corrected is not None:
        for name, row in found.corrected.table(level).iterrows():
            ends = (exp(row[each]) for each in ("low", "high"))
            table.add_row(f"{name}, one effect", _number(exp(row["median"])), " to ".join(map(_number, ends)))
    to.print(table)
    to.print()
    to.print(Text(_heterogeneity(found.random)))
    if found.corrected is not None:
        chance = found.corrected.corrected.above(0.0)
        to.print(Text(f"{found.corrected.bias!r}"))
        to.print(Text(f"Probability of an effect above one: {chance:.3f} after the bias is taken off."))
    for note in found.notes:
        to.print(Text(f"Note: {note}", style="yellow"))
    if out is not None:
        to.print(f"Written: {out}", markup=False, soft_wrap=True)


def _heterogeneity(random: PooledEffect) -> str:
    median, _, low, high = random.heterogeneity
    share = f"{100 * random.level:g} %"
    return f"Sites differ by an sd of {median:.2f} ({share}: {low:.2f} to {high:.2f}) of the log ratio."


def _number(value: float) -> str:
    if value != value:
        return "–"
    if value > _LARGEST:
        return "∞" if value == float("inf") else f"> {_LARGEST:g}"
    if value == 0:
        return "0"
    return "< 0.001" if 0 < value < 1e-3 else f"{value:.3g}" if value >= 10 else f"{value:.2f}"


def _write(found: Evidence, plain: dict[str, Any], out: Path, level: float) -> None:
    """Tables, chart and JSON; all is made before anything is written."""
    from understudy.plot.forest import forest
    from understudy.plot.svg import svg

    measure = found.sites[0].measure
    told = f"Each of {len(found.sites)} sites, and all together, with {100 * level:g} % intervals."
    chart = forest(_rows(found, level), measure=measure.capitalize(), ratio=True)
    files = {
        "sites.csv": found.by_site(level).to_csv(index=False),
        "pooled.csv": found.table().to_csv(index=False),
        "pooled.json": json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "forest.svg": svg(chart, name="forest", title=f"{measure.capitalize()} by site", description=told)
        + "\n",
    }
    if found.corrected is not None:
        files["corrected.csv"] = found.corrected.table(level).to_csv()
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")


def _rows(found: Evidence, level: float) -> pd.DataFrame:
    """Of the chart; limits that are too far out run off the axis."""
    import pandas as pd

    sites = found.by_site(level).rename(columns={"site": "label", "ratio": "value"})
    pooled = [(each.method, each.ratio, *each.ratio_interval) for each in (found.fixed, found.random)]
    rows = pd.concat(
        [sites, pd.DataFrame(pooled, columns=["label", "value", "low", "high"])], ignore_index=True
    )
    limits = {
        "low": rows["low"].mask(rows["low"] < 1e-2, 0.0),
        "high": rows["high"].mask(rows["high"] > 1e2, float("inf")),
    }
    inside = rows["value"].between(1e-2, 1e2)
    return rows.assign(**limits, value=rows["value"].where(inside))
