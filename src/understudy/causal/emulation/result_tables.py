"""Result tables: what results are shown as, numbers and data frames; small counts are masked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.estimates import Estimates
from understudy.causal.emulation.g_formula import GFormula
from understudy.causal.emulation.marginal_structural_model import StructuralEffect
from understudy.causal.emulation.point_effect import PointEffect
from understudy.causal.emulation.sequential_emulation import SequentialEmulation
from understudy.causal.emulation.weight_model import FittedChance
from understudy.causal.emulation.weight_summary import WeightSummary, shown
from understudy.core.reported_number import ReportedNumber

if TYPE_CHECKING:
    import pandas as pd

_MAIN = "robust over persons"


def sequential_numbers(found: SequentialEmulation) -> tuple[ReportedNumber, ...]:
    """Odds ratios of treatment, and the difference of incidence at the end of the curves."""
    numbers = [_ratio(found.effects, name, f"odds ratio, {name}") for name in found.effects.names]
    if found.curves is None:
        return tuple(numbers)
    last = found.curves.table().iloc[-1]
    for name, words in (("untreated", "incidence untreated"), ("treated", "incidence treated"),
                        ("difference", "difference of incidence")):  # fmt: skip
        numbers.append(
            ReportedNumber(
                f"{words}, follow-up time {int(last.followup_time)}", float(last[name]), "",
                float(last[f"{name}_low"]), float(last[f"{name}_high"]), found.curves.level, source=found.curves.source,
            )
        )  # fmt: skip
    return tuple(numbers)


def sequential_tables(found: SequentialEmulation) -> dict[str, pd.DataFrame]:
    """Counts, coefficients, curves, weights and their regressions."""
    tables = {
        "counts": found.counts(),
        "coefficients": coefficient_table(found.model.coefficients, found.model.separable),
    }
    tables["model"] = _model_table(found)
    if found.curves is not None:
        tables["curves"] = found.curves.table()
    return tables | weight_tables(found.weights, found.chances)


def _model_table(found: SequentialEmulation) -> pd.DataFrame:
    import pandas as pd

    sequence, model = found.sequence, found.model
    rows = {
        "estimand": sequence.estimand, "persons": shown(sequence.persons), "trials": shown(sequence.trials),
        "expanded_rows": shown(sequence.expanded), "rows_used": shown(sequence.rows),
        "outcomes": shown(sequence.events), "persons_with_outcome": shown(sequence.persons_with_outcome),
        "deviance": model.deviance, "small_sample_factor": model.small_sample_factor,
    }  # fmt: skip
    return pd.DataFrame([rows])


def point_numbers(found: tuple[PointEffect, ...]) -> tuple[ReportedNumber, ...]:
    """The difference by each method, and the ratio of a binary outcome."""
    numbers = []
    for each in found:
        numbers.append(_number(each.differences, "treated - untreated", f"difference, {each.method}"))
        if each.ratios is not None:
            numbers.append(_number(each.ratios, "treated / untreated", f"risk ratio, {each.method}"))
    return tuple(numbers)


def point_tables(found: tuple[PointEffect, ...]) -> dict[str, pd.DataFrame]:
    """Estimates by method, with a bootstrap's, and how alike the groups are."""
    import pandas as pd

    estimates = pd.concat(
        {each.method: each.table() for each in found}, names=["method", "name"]
    ).reset_index()
    tables = {"estimates": estimates}
    copies = [
        (
            each.method, float(each.bootstrap.standard_errors[0]), *_ends(each),
            len(each.resamples.values), each.resamples.failed,
        )
        for each in found if each.resamples is not None
    ]  # fmt: skip
    if copies:
        names = ["method", "standard_error", "low", "high", "resamples", "failed"]
        tables["bootstrap"] = pd.DataFrame(copies, columns=names)
    weighted = [each for each in found if each.weights is not None]
    if weighted:
        tables["weights"] = pd.concat([
            each.weights.table().assign(method=each.method) for each in weighted
        ], ignore_index=True)  # fmt: skip
        tables["balance"] = weighted[0].overlap.table()
    return tables


def _ends(each: PointEffect) -> tuple[float, float]:
    drawn = each.resamples.values[:, 1] - each.resamples.values[:, 0]
    tail = (1 - each.differences.level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def course_numbers(found: StructuralEffect) -> tuple[ReportedNumber, ...]:
    """The effect of treatment by the marginal structural model."""
    one, what = (_number, "difference") if found.measure.startswith("difference") else (_ratio, "odds ratio")
    name = f"{what}, {found.effect}"
    numbers = [one(found.coefficients, found.effect, name)]
    if found.effect in found.unweighted.names:
        numbers.append(one(found.unweighted, found.effect, f"{name}, without weights"))
    return tuple(numbers)


def course_tables(found: StructuralEffect) -> dict[str, pd.DataFrame]:
    """Coefficients with weights and without, and the weights."""
    import pandas as pd

    tables = {
        "coefficients": coefficient_table(found.coefficients),
        "unweighted": coefficient_table(found.unweighted),
    }
    if found.resamples is not None:
        low, high = found.resamples.interval(found.coefficients.level)
        row = (
            found.effect,
            float(found.resamples.standard_error),
            float(low),
            float(high),
            len(found.resamples.values),
        )
        tables["bootstrap"] = pd.DataFrame(
            [row], columns=["name", "standard_error", "low", "high", "resamples"]
        )
    return tables | weight_tables(found.weights, found.chances)


def g_numbers(found: GFormula) -> tuple[ReportedNumber, ...]:
    """The outcome under each strategy, and its difference from the first."""
    table, what = found.table(), "mean" if found.measure else "incidence"
    first, numbers = table.strategy.iloc[0], []
    for row in table.itertuples(index=False):
        limits = (
            {}
            if np.isnan(row.outcome_low)
            else {"low": row.outcome_low, "high": row.outcome_high, "level": 0.95}
        )
        numbers.append(
            ReportedNumber(f"{what}, {row.strategy}", row.outcome, source="parametric g-formula", **limits)
        )
        if row.strategy != first:
            limits = {
                k: v
                for k, v in zip(("low", "high"), (row.difference_low, row.difference_high), strict=True)
                if limits
            }
            level = {"level": 0.95} if limits else {}
            name = f"difference, {row.strategy} - {first}"
            numbers.append(
                ReportedNumber(name, row.difference, source="parametric g-formula", **limits, **level)
            )
    return tuple(numbers)


def g_tables(found: GFormula) -> dict[str, pd.DataFrame]:
    """Strategies, their curves, and the natural course beside what was seen."""
    tables = {"strategies": found.table()}
    if not found.measure:
        tables["curves"] = found.curves()
    return tables | {"natural_course": found.natural_course()}


def coefficient_table(found: Estimates, separable: tuple[str, ...] = ()) -> pd.DataFrame:
    """Coefficients with intervals, a row each; separable ones without numbers."""
    import pandas as pd

    table = found.table().drop(columns="degrees_of_freedom").reset_index().assign(status="estimated")
    lost = pd.DataFrame({"name": separable, "status": "separable"}).reindex(columns=table.columns)
    return pd.concat([table, lost], ignore_index=True) if len(lost) else table


def weight_tables(
    summary: WeightSummary | None, chances: tuple[FittedChance, ...]
) -> dict[str, pd.DataFrame]:
    """The distribution of weights, and the regressions behind."""
    return {} if summary is None else {"weights": summary.table(), "weight_models": chance_table(chances)}


def chance_table(chances: tuple[FittedChance, ...]) -> pd.DataFrame:
    """One row a coefficient of a weight model."""
    import pandas as pd

    rows = [
        (each.label, name, float(value), shown(each.rows))
        for each in chances
        for name, value in each.coefficients.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "name", "estimate", "rows"])


def _ratio(found: Estimates, one: str, name: str) -> ReportedNumber:
    """The exponential of an estimate of a logarithm."""
    return _number(replace(found, scale="exp"), one, name)


def _number(found: Estimates, one: str, name: str) -> ReportedNumber:
    each = found[one]
    return ReportedNumber(name, each.value, "", each.low, each.high, found.level, each.standard_error, _MAIN)
