"""Calibration view: calibrated estimates on the terminal, and in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.json_numbers import finite, finite_rows
from understudy.app.terminal import console, print_json
from understudy.causal.calibration import Assessment, assess, read_controls

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_METHODS = {"likelihood": "maximum likelihood", "quadrature": "quadrature", "mcmc": "mcmc"}
_MOST = 30  # estimates on the terminal; the file has all


def run(
    file: Path, method: str, legacy: bool, level: float, seed: int, out: Path | None, as_json: bool
) -> None:
    """Read, calibrate, write and print."""
    if out is not None:
        from understudy.dossier.study_problems import require_own_folder

        require_own_folder(file.parent, out, f"--out {out}")
    form = "legacy" if legacy else "absolute"
    found = assess(read_controls(file), method=_METHODS[method], form=form, level=level, seed=seed)
    plain = _plain(found)
    if out is not None:
        _write(found, plain, out)
    print_json(plain) if as_json else _show(found, out)


def _plain(found: Assessment) -> dict[str, Any]:
    null = found.null
    told: dict[str, Any] = {
        "controls": {
            "negative": len(found.controls.negative),
            "positive": len(found.controls.positive),
            "of_interest": len(found.controls.of_interest),
            "left_out": len(found.controls.dropped),
        },
        "null": {"method": null.method, "rows": finite_rows(null.table())},
        "error_model": {"form": found.model.form, "rows": finite_rows(found.model.table())},
        "estimates": finite_rows(found.estimates()),
        "notes": list(found.notes),
    }
    if found.check is not None:
        raw, calibrated = found.check.below()
        told["leave_one_out"] = finite(
            {"controls": len(found.check.names), "raw": raw, "calibrated": calibrated}
        )
    return told


def _show(found: Assessment, out: Path | None) -> None:
    from rich.text import Text

    to, controls = console(), found.controls
    to.print(Text(repr(controls).splitlines()[0]))
    to.print()
    to.print(_null_table(found))
    if len(controls.positive):
        model = found.model
        to.print()
        to.print(Text(repr(model).splitlines()[0]))
    if found.check is not None:
        raw, calibrated = found.check.below()
        n = len(found.check.names)
        to.print()
        to.print(
            Text(
                f"Negative controls with p < 0.05, of which there should be 1 in 20: {raw} of {n} as they are, "
                f"{calibrated} of {n} calibrated by the others."
            )
        )
    _show_estimates(found, to)
    for note in found.notes:
        to.print(Text(f"Note: {note}", style="yellow"))
    if out is not None:
        to.print(f"Written: {out}", markup=False, soft_wrap=True)


def _null_table(found: Assessment) -> Table:
    """The null distribution, with intervals where it is Bayesian."""
    from rich.table import Table

    bayesian = found.null.posterior is not None
    columns = ("systematic error", "estimate", *(("95 % interval",) if bayesian else ()))
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in found.null.table().itertuples():
        digits = 2 if row.quantity == "precision" else 4
        interval = (f"{row.low:.{digits}f} to {row.high:.{digits}f}",) if bayesian else ()
        table.add_row(row.quantity, f"{row.estimate:.{digits}f}", *interval)
    return table


def _show_estimates(found: Assessment, to: Console) -> None:
    from rich.table import Table

    rows = found.estimates()
    if rows.empty:
        return
    share = f"{100 * found.level:g} %"
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("estimate", f"raw ({share})", "p", f"calibrated ({share})", "p"):
        table.add_column(name)
    for row in rows.head(_MOST).itertuples():
        raw = _interval(row.rr, row.rr_low, row.rr_high)
        calibrated = _interval(row.calibrated_rr, row.calibrated_rr_low, row.calibrated_rr_high)
        p = _p(row.calibrated_p)
        if row.calibrated_p_low == row.calibrated_p_low:
            p += f" ({_p(row.calibrated_p_low)} to {_p(row.calibrated_p_high)})"
        table.add_row(row.name, raw, _p(row.p), calibrated, p)
    to.print()
    to.print(table)
    if len(rows) > _MOST:
        to.print(f"… and {len(rows) - _MOST} more; --out writes all")
    to.print()


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}" if value < 0.1 else f"{value:.3f}"


def _write(found: Assessment, plain: dict[str, Any], out: Path) -> None:
    """Tables, charts and JSON; all is made before anything is written."""
    files = {f"{name}.csv": table.to_csv(index=False) for name, table in found.tables().items()}
    files["calibration.json"] = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    files |= _charts(found)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")


def _charts(found: Assessment) -> dict[str, str]:
    from understudy.plot.calibration_effect import calibration_effect
    from understudy.plot.p_value_calibration import p_value_calibration
    from understudy.plot.svg import svg

    null = found.null
    told = (
        f"Estimates by standard error. Below the dashed lines p is under 0.05 without calibration, in the shaded area "
        f"with it: the null distribution has mean {null.mean:.3f} and standard deviation {null.sd:.3f}."
    )
    chart = calibration_effect(found.points(), mean=null.mean, sd=null.sd)
    files = {"effect.svg": svg(chart, name="effect", title="Effect of calibration", description=told) + "\n"}
    if found.check is not None:
        raw, calibrated = found.check.below()
        told = (
            f"Share of {len(found.check.names)} negative controls with p below each level: at 0.05 it is {raw} raw and "
            f"{calibrated} calibrated, each by a null distribution of all others."
        )
        chart = p_value_calibration(found.check.curve())
        title = "Calibration of p-values"
        files["calibration.svg"] = svg(chart, name="calibration", title=title, description=told) + "\n"
    return files
