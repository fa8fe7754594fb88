"""Responders tables: what a search for responders found, as tables of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.dossier.effect_texts import p_text
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Column, Table
from understudy.plot.label import sentence_case
from understudy.trials.responders.responders import Responders

if TYPE_CHECKING:
    import pandas as pd

_INTERVAL = "95\xa0% interval"
# Rules whose arms are shown; the file has all.
_SHOWN_RULES = 5


def calibration_table(found: Responders) -> Table:
    """Slope, AUTOC and Qini."""
    rows = tuple(
        (_MEANING[r["measure"]], figures(r["value"]), _interval(r), _p(r["p"]))
        for _, r in found.calibration.iterrows()
    )
    caption = (
        "How well the score foretells effects in subjects who had no part in it. p is the share of "
        f"{found.copies:,} copies with permuted arms that look at least as good."
    )
    return Table((Column("Measure"), *_numeric("Value", _INTERVAL, "p")), rows, caption)


_MEANING = {
    "calibration slope": "Slope of seen on foretold effects; one is perfect",
    "AUTOC": "AUTOC: how much more the foremost gain than all",
    "Qini": "Qini: the same, weighted by how many they are",
}


def group_table(found: Responders) -> Table:
    """Quarters of the score."""
    rows = tuple(
        (
            f"{r['group']:.0f}",
            f"{r['subjects']:,.0f}",
            figures(r["foretold"]),
            figures(r["seen"]),
            _interval(r),
        )
        for _, r in found.groups.iterrows()
    )
    caption = f"{sentence_case(found.measure)}, higher is better, in quarters of the score, the least favoured first."
    return Table(_numeric("Quarter", "Subjects", "Foretold", "Seen", _INTERVAL), rows, caption)


def policy_table(found: Responders) -> Table:
    """Values and gains of policies."""
    columns = (
        Column("Policy"), *_numeric("Treated", "Value", _INTERVAL, "Over nobody", _INTERVAL, "Over all", _INTERVAL)
    )  # fmt: skip
    rows = tuple(
        (
            sentence_case(r["policy"]), percent(r["treated"]), figures(r["value"]), _interval(r, "value_"),
            *_gain(r, "nobody"), *_gain(r, "all"),
        )
        for _, r in found.policy.iterrows()
    )  # fmt: skip
    value = {
        "continuous": "the mean measurement", "binary": "the share with the event",
        "survival": f"the {found.measure.partition(' of ')[2]}",
    }[found.trial.protocol.endpoint.kind]  # fmt: skip
    p = found.policy["p"].iloc[-1]
    caption = (
        f"Value: {value} if all subjects were treated so, each as other folds advise. Gains are {found.measure}, "
        f"higher is better. In {percent(p)} of the copies the score gains as much over the better of nobody and all."
    )
    return Table(columns, rows, caption)


def rule_table(found: Responders) -> Table | None:
    """The best rules."""
    if found.rules.empty:
        return None
    columns = (
        Column("Where"), *_numeric("Subjects", "Effect there", _INTERVAL, "Elsewhere", _INTERVAL, "z", "p", "FDR")
    )  # fmt: skip
    rows = tuple(
        (
            r["rule"], f"{r['subjects']:,}", figures(r["inside"]), _interval(r, "inside_"), figures(r["outside"]),
            _interval(r, "outside_"), figures(r["z"]), _p(r["p"]), figures(r["fdr"], 2),
        )
        for _, r in found.rules.iterrows()
    )  # fmt: skip
    caption = (
        f"The best rules by {found.measure}, higher is better. p is the share of {found.copies:,} copies whose best "
        "rule looks at least as good; FDR the share of false ones among all rules as good as this."
    )
    return Table(columns, rows, caption)


def held_out_table(found: Responders) -> Table | None:
    """Effects of rules chosen in other folds."""
    if found.held_out.empty:
        return None
    rows = tuple(
        (sentence_case(r["where"]), f"{r['subjects']:,}", figures(r["effect"]), _interval(r))
        for _, r in found.held_out.iterrows()
    )
    caption = (
        "What is left of it if the rule is chosen in the other folds each time: choosing does not flatter it."
    )
    return Table((Column("Where"), *_numeric("Subjects", "Effect", _INTERVAL)), rows, caption)


def subgroup_table(found: Responders) -> Table | None:
    """Counts of each arm in and out of the best rules, and the endpoint's usual measure."""
    if found.subgroups.empty:
        return None
    kind = found.trial.protocol.endpoint.kind
    heads, cells, caption = {
        "continuous": (("Treated, mean", "Control, mean"), _means, "Means of measurements as they are."),
        "binary": (
            ("Treated, with event", "Control, with event", "Difference of risks", _INTERVAL), _risks,
            "Differences of risks as they are, Newcombe's intervals.",
        ),
        "survival": (
            ("Treated, events", "Control, events", "Hazard ratio", _INTERVAL), _hazards,
            "Hazard ratios up to the horizon, Cox regression, without covariates.",
        ),
    }[kind]  # fmt: skip
    rows: list[tuple[str, ...]] = []
    for _, r in found.subgroups.head(2 * _SHOWN_RULES).iterrows():
        if r["where"] == "inside":
            rows.append((r["rule"],))
        rows.append((sentence_case(r["where"]), f"{r['treated']:,}", f"{r['control']:,}", *cells(r)))
    return Table((Column("Rule"), *_numeric("Treated", "Control", *heads)), tuple(rows), caption)


def coefficient_table(found: Responders) -> Table:
    """What covariates do to the effect."""
    rows = tuple(
        (r["covariate"], figures(r["effect"]), figures(r["z"]), _p(r["p"]), figures(r["fdr"], 2))
        for _, r in found.coefficients.iterrows()
    )
    caption = (
        "For a standard deviation of the covariate, all together in one regression; shrunk. p adjusted for all "
        "covariates by permuted copies; FDR the share of false ones among all with such a z."
    )
    return Table((Column("Covariate"), *_numeric("Change of effect", "z", "p", "FDR")), rows, caption)


def _numeric(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title, numeric=True) for title in titles)


def _interval(row: pd.Series, before: str = "") -> str:
    low, high = row[f"{before}low"], row[f"{before}high"]
    return f"{figures(low)} to {figures(high)}" if low == low else figures(None)


def _gain(row: pd.Series, against: str) -> tuple[str, str]:
    """Gain over a policy; of that policy itself there is none to tell."""
    if row["policy"] == f"treat {against}":
        return figures(None), figures(None)
    return figures(row[f"over_{against}"]), _interval(row, f"over_{against}_")


def _p(p: float) -> str:
    return p_text(p).removeprefix("p ").removeprefix("= ")


def _means(row: pd.Series) -> tuple[str, ...]:
    return figures(row["treated_mean"]), figures(row["control_mean"])


def _risks(row: pd.Series) -> tuple[str, ...]:
    counts = f"{row['treated_events']:,}", f"{row['control_events']:,}"
    return (*counts, figures(row["risk_difference"]), _interval(row, "risk_"))


def _hazards(row: pd.Series) -> tuple[str, ...]:
    counts = f"{row['treated_events']:,}", f"{row['control_events']:,}"
    return (*counts, figures(row["hazard_ratio"]), _interval(row, "hazard_"))
