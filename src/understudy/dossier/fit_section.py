"""Fit section: how the parameters were estimated, what came of it, and whether it deserves belief."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from understudy.core.unit_label import unit_label
from understudy.dossier.diagnosis_report import visual_figure
from understudy.dossier.figures import figure
from understudy.dossier.number import MISSING, figures, is_number, like, listed, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.dossier.report_content import ReportContent
from understudy.dossier.study_fit import StudyFit
from understudy.inference.diagnostics.estimates import value_in
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel
from understudy.plot.goodness_of_fit import residual_panels
from understudy.plot.label import sentence_case

if TYPE_CHECKING:
    import pandas as pd

_KINDS = {
    "sandwich": "sandwich of second derivatives and of subjects' gradients",
    "R": "second derivatives of the objective",
    "S": "subjects' gradients",
}
_SLOPES = {"sensitivities": "exact, by sensitivities", "differences": "by differences"}


def fit_section(content: ReportContent) -> Section | None:
    """Method, objective, estimates beside those that the model brought, random effects, and charts.

    Parameters
    ----------
    content : ReportContent
    """
    found = content.fit
    if found is None:
        return None
    return section(
        "estimation",
        "Fit",
        [
            Text(_opening(found)),
            *_doubts(found.fit),
            Table((Column("Item"), Column("Value")), tuple(_facts(found)), "How it was estimated.", "facts"),
            _estimates(found),
            _random_effects(found),
            Text(_second(found)) if found.refit else None,
            *_charts(content, found),
        ],
    )


def _opening(found: StudyFit) -> str:
    fit, whence = found.fit, f"Read from {found.origin}: " if found.origin else ""
    patients = f" of {len(fit.effects):,} patients" if fit.effects is not None else ""
    count = len(fit.estimates.keys() - set(fit.fixed))
    sentence = (
        f"{fit.method} estimated {count} parameters from {fit.observations:,} measurements{patients} in "
        f"{found.records_named}. It ended: {fit.status}."
    )
    return (
        whence
        + sentence
        + " These estimates stand in the place of the model's own parameters in all that follows."
    )


def _doubts(fit: Fit) -> Iterator[Text | Bullets]:
    if fit.warnings:
        yield Text("What is doubtful about it:", "alert")
        yield Bullets(tuple(sentence_case(text).rstrip(".") + "." for text in fit.warnings))


def _facts(found: StudyFit) -> Iterator[tuple[str, str]]:
    fit = found.fit
    error = f" ± {figures(fit.objective_error, 2)}" if fit.objective_error else ""
    facts = {
        "Method": fit.method,
        "Objective": f"{fit.objective:,.3f}{error}; minus twice the log-likelihood, without constants",
        "Akaike, Bayes": f"{fit.aic:,.2f}, {fit.bic:,.2f}" if is_number(fit.bic) else f"{fit.aic:,.2f}",
        "Convergence": sentence_case(fit.status),
        "Iterations": f"{fit.iterations:,}",
        "Derivatives": _SLOPES.get(str(fit.details.get("slopes", "")), str(fit.details.get("slopes", ""))),
        "Starts": listed(f"{value:,.3f}" if is_number(value) else "failed" for value in fit.details.get("starts", ())),
        "Standard errors": _KINDS.get(fit.covariance_kind, fit.covariance_kind) or "none",
        "Condition number": f"{figures(fit.condition_number)} of the estimates' correlations"
        if is_number(fit.condition_number)
        else "",
        "Held": listed(fit.fixed),
        "Parameters drawn": f"{len(found.drawn):,} sets, seed {found.seed}" if found.drawn else "none",
    }  # fmt: skip
    yield from ((name, text) for name, text in facts.items() if text)


def estimate_frame(found: StudyFit) -> pd.DataFrame:
    """Estimates as a table: one row a parameter, in its own unit; not-a-number where something is not known.

    Parameters
    ----------
    found : StudyFit

    Returns
    -------
    DataFrame
        parameter, unit, estimate, standard_error, relative, low, high (95 % interval), before (the model's own value),
        difference_in_errors.
    """
    import pandas as pd

    fit, units = found.fit, {p.name: p.unit for p in found.before.fixed}
    rows = []
    for name, value in fit.table()["estimate"].items():
        error, before = fit.standard_errors.get(name, np.nan), value_in(found.before, name)
        held = name in fit.fixed
        low, high = (np.nan, np.nan) if held or not is_number(error) else fit.interval(name)
        relative = error / abs(value) if value else np.nan
        rows.append(
            (name, units.get(name, "1"), value, error, relative, low, high, before, (value - before) / error)
        )
    columns = ["parameter", "unit", "estimate", "standard_error", "relative", "low", "high", "before"]
    return pd.DataFrame(rows, columns=[*columns, "difference_in_errors"])


def _estimates(found: StudyFit) -> Table:
    known = {p.name: p.description for p in found.before.fixed}
    rows = [
        (
            _code(str(row["parameter"])),
            sentence_case(known.get(str(row["parameter"]), "")) or _meaning(str(row["parameter"])),
            unit_label(row["unit"]) or MISSING,
            figures(row["estimate"], 4),
            *_certainty(row, str(row["parameter"]) in found.fit.fixed),
            figures(row["before"], 4),
            _signed(row["difference_in_errors"]),
        )
        for row in estimate_frame(found).to_dict("records")
    ]
    group = _whose(found.before)
    columns = (
        Column("Parameter", manner="label"),
        Column("Meaning"),
        Column("Unit"),
        Column("Estimate", numeric=True, group="This fit"),
        Column("SE", numeric=True, group="This fit"),
        Column("RSE", "percent", numeric=True, group="This fit"),
        Column("95\xa0% interval", numeric=True, group="This fit"),
        Column("Value", numeric=True, group=group),
        Column("Difference, in SE", numeric=True, group=group),
    )
    caption = (
        "Estimates. SE: standard error; RSE: SE over estimate; the interval is the normal distribution's, of "
        "logarithms for variances and where there is a bound. The difference is this fit's estimate less the "
        f"{group.lower()} value, in standard errors of this fit."
    )
    return Table(columns, tuple(rows), caption)


def _code(name: str) -> Markup:
    return Markup("<code>{}</code>").format(name)


def _whose(before: PopulationModel) -> str:
    """What the model's own values are called: published where they have a source."""
    sources = [item.source for item in (*before.fixed, *before.random)]
    return "Published" if any(sources) else "Model's own"


def _meaning(name: str) -> str:
    inside = name.removeprefix("omega(").removesuffix(")")
    return f"Covariance of {inside.replace(',', ' and ')}" if "," in inside else "Variance between patients"


def _certainty(row: dict, held: bool) -> tuple[str, str, str]:
    if held:
        return "held", MISSING, MISSING
    if not is_number(row["standard_error"]):
        return (MISSING,) * 3
    low, high = (like(row[end], row["estimate"], 3) for end in ("low", "high"))
    return figures(row["standard_error"]), f"{100 * row['relative']:.1f}", f"{low} to {high}"


def _signed(value: float) -> str:
    if not is_number(value):
        return MISSING
    # What is shown as nothing has no sign.
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


def _random_effects(found: StudyFit) -> Table | None:
    """Standard deviations, shrinkage and correlations; the lower triangle, block by block."""
    model = found.model
    names = [
        name for name, variance in zip(model.eta_names, np.diag(model.omega), strict=True) if variance > 0
    ]
    if not names:
        return None
    shown = names[:-1] if any(_correlation(model, a, b) for a in names for b in names if a != b) else []
    rows = [
        (
            _code(name),
            figures(math.sqrt(value_in(model, f"omega({name})"))),
            figures(math.sqrt(value_in(found.before, f"omega({name})"))),
            percent(_shrinkage(found.fit, name)),
            *(
                _told(_correlation(model, name, other), k < names.index(name))
                for k, other in enumerate(shown)
            ),
        )
        for name in names
    ]
    columns = (
        Column("Random effect", manner="label"),
        Column("SD", numeric=True, group="This fit"),
        Column("SD", numeric=True, group=_whose(found.before)),
        Column("Shrinkage", numeric=True, group=""),
        *(Column(name, numeric=True, group="Correlation with") for name in shown),
    )
    alone = "" if shown else " No two of them are correlated in this model."
    return Table(columns, tuple(rows), f"Random effects. SD: square root of the variance.{alone}")


def _correlation(model: PopulationModel, one: str, other: str) -> float:
    spread = value_in(model, f"omega({one})") * value_in(model, f"omega({other})")
    return value_in(model, f"omega({one},{other})") / math.sqrt(spread)


def _told(correlation: float, below: bool) -> str:
    return figures(correlation, 2) if below and correlation else ""


def _shrinkage(fit: Fit, name: str) -> float | None:
    """Of an effect between occasions the mean over them."""
    own = [v for key, v in fit.shrinkage.items() if key == name or key.removeprefix(f"{name}_").isdecimal()]
    return float(np.mean(own)) if own else None


def _second(found: StudyFit) -> str:
    changes = [
        (abs(found.refit.estimates[name] - value) / found.fit.standard_errors.get(name, np.nan), name)
        for name, value in found.fit.estimates.items()
    ]
    known = [change for change in changes if is_number(change[0])]
    moved = (
        f" {max(known)[1]} moved most, by {max(known)[0]:.2f} standard errors of the fit above."
        if known
        else ""
    )
    return (
        f"For the forecast of held-back levels {found.refit.method} estimated the same parameters from the "
        f"{found.refit.observations:,} measurements that were not held back; it ended: {found.refit.status}.{moved}"
    )


def _charts(content: ReportContent, found: StudyFit) -> Iterator[Figure]:
    table = found.goodness.table
    for output in content.observed_outputs:
        own, words = table[table["DVID"] == output], _words(content, output)
        if own["CWRESI"].notna().any():
            large = float((own["CWRESI"].abs() > 1.96).sum() / own["CWRESI"].notna().sum())
            yield figure(
                residual_panels(own, **words),
                f"estimation-{output}",
                f"Observed {words['output']} against population and individual predictions, and conditional weighted "
                "residuals (CWRESI) over time and prediction. The blue line is a robust local regression; it should "
                "lie on the thin line. Dashed lines hold 95\xa0% of the residuals of a true model; "
                f"{percent(large)} lie beyond them.",
            )
        if (found.corrected.quantiles["output"] == output).any():
            yield visual_figure(found.corrected, output, words, "estimation-vpc")


def _words(content: ReportContent, output: str) -> dict[str, str]:
    return {"output": content.described(output), "unit": content.unit(output), "time_unit": content.time_unit}
