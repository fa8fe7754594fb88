"""Findings: tables of what was found in a trial, with what chance does in its copies beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.trials.responders.chance import adjusted_p, false_discovery_rates, share_as_good
from understudy.trials.responders.evaluation import calibration, in_order, ranked, ranked_error, within_folds

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.responders.search import Scored, Search, Statistics

# Groups of subjects by their foretold effect; rules that are told.
GROUPS, TOLD = 4, 10
_REACH = 1.959963984540054


def interval(values: NDArray[np.float64]) -> dict[str, float]:
    """Mean with its 95 % limits, by the normal distribution."""
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else np.nan
    return {"effect": float(mean), "low": float(mean - _REACH * error), "high": float(mean + _REACH * error)}


def score_table(search: Search, scored: Scored, statistics: Statistics) -> pd.DataFrame:
    """Calibration slope, AUTOC and Qini with limits and p."""
    import pandas as pd

    members = search.learner.members
    effects, scores = within_folds(scored.effects, members), within_folds(scored.scores, members)
    slope, error = calibration(effects, scores)
    ordered = in_order(effects, scores)
    rows = [("calibration slope", slope[0], error[0], statistics.slope)]
    for kind, copies in (("AUTOC", statistics.autoc), ("Qini", statistics.qini)):
        error = ranked_error(ordered[0], kind, search.learner.seed)
        rows.append((kind, ranked(ordered, kind)[0][0], error, copies))
    table = [
        {"measure": name, "value": float(value), "low": value - _REACH * error, "high": value + _REACH * error,
         "p": share_as_good(copies)}
        for name, value, error, copies in rows
    ]  # fmt: skip
    return pd.DataFrame(table)


def group_table(search: Search, scored: Scored) -> pd.DataFrame:
    """Quarters of the score within folds, the least favoured first: foretold and seen effects."""
    import pandas as pd

    place = np.empty(scored.effects.shape[1], dtype=int)
    for own in search.learner.members:
        place[own] = np.argsort(np.argsort(scored.effects[0, own], kind="stable")) * GROUPS // own.size
    rows = []
    for group in range(GROUPS):
        own = place == group
        seen = interval(scored.mean[0] + scored.scores[0, own])
        foretold = float(scored.mean[0] + scored.effects[0, own].mean())
        row = {
            "group": group + 1,
            "subjects": int(own.sum()),
            "foretold": foretold,
            "seen": seen.pop("effect"),
        }
        rows.append(row | seen)
    return pd.DataFrame(rows)


def coefficient_table(search: Search, names: tuple[str, ...], statistics: Statistics) -> pd.DataFrame:
    """What each feature does to the effect, for a standard deviation of it."""
    import pandas as pd

    beta = statistics.coefficients
    z = beta / beta[1:].std(axis=0)
    table = pd.DataFrame(
        {"covariate": names, "effect": beta[0], "z": z[0], "p": adjusted_p(np.abs(z)),
         "fdr": false_discovery_rates(np.abs(z))}
    )  # fmt: skip
    return table.sort_values("z", key=np.abs, ascending=False, ignore_index=True)


def rule_table(search: Search, scored: Scored, statistics: Statistics) -> pd.DataFrame:
    """The best rules: effects in and out of them, p adjusted for all rules, and the false-discovery rate."""
    import pandas as pd

    names = ["rule", "subjects", "inside", "inside_low", "inside_high", "outside", "outside_low", "outside_high",
             "difference", "z", "p", "fdr"]  # fmt: skip
    if not search.rules.conditions:
        return pd.DataFrame(columns=names)
    z, effects = statistics.rules[0], scored.mean[0] + scored.scores[0]
    p, rates = adjusted_p(statistics.rules), false_discovery_rates(statistics.rules)
    rows = []
    for k in best_rules(statistics):
        own = search.rules.members[k]
        row = {"rule": str(search.rules.conditions[k]), "subjects": int(own.sum())}
        for name, part in (("inside", effects[own]), ("outside", effects[~own])):
            told = interval(part)
            row |= {name: told["effect"], f"{name}_low": told["low"], f"{name}_high": told["high"]}
        row |= {"difference": row["inside"] - row["outside"], "z": z[k], "p": p[k], "fdr": rates[k]}
        rows.append(row)
    return pd.DataFrame(rows, columns=names)


def best_rules(statistics: Statistics) -> NDArray[np.int64]:
    """Numbers of the rules that are told, the best first; effects are larger in them than elsewhere."""
    order = np.argsort(-statistics.rules[0], kind="stable")[:TOLD]
    return order[statistics.rules[0][order] > 0]


def held_out_table(search: Search, scored: Scored) -> pd.DataFrame:
    """Effects where the best rule of all other folds holds, and elsewhere: choosing it has not flattered them."""
    import pandas as pd

    columns = ["where", "subjects", "effect", "low", "high"]
    if not search.rules.conditions:
        return pd.DataFrame(columns=columns)
    own = search.rules.held_out(scored.scores[0], search.learner.folds)
    effects, rows = scored.mean[0] + scored.scores[0], []
    for name, part in (("in the best rule of other folds", own), ("elsewhere", ~own)):
        if part.any():
            rows.append({"where": name, "subjects": int(part.sum()), **interval(effects[part])})
    return pd.DataFrame(rows, columns=columns)


def policy_table(search: Search, scored: Scored, statistics: Statistics) -> pd.DataFrame:
    """Value of treating nobody, all, and whom the score favours; gains over the first two, good being high."""
    import pandas as pd

    untreated = search.untreated(scored)[0]
    treated = untreated + scored.mean[0] + scored.scores[0]
    favoured = scored.mean[0] + scored.effects[0] > 0
    rows = []
    for name, treat in (
        ("treat nobody", np.zeros(favoured.size, dtype=bool)),
        ("treat all", np.ones(favoured.size, dtype=bool)),
        ("treat whom the score favours", favoured),
    ):
        got = np.where(treat, treated, untreated)
        row = {"policy": name, "treated": float(treat.mean())}
        for key, values in (("value", search.outcome.direction * got), ("over_nobody", got - untreated),
                            ("over_all", got - treated)):  # fmt: skip
            told = interval(values)
            row |= {key: told["effect"], f"{key}_low": told["low"], f"{key}_high": told["high"]}
        rows.append(row | {"p": share_as_good(statistics.policy) if treat is favoured else np.nan})
    return pd.DataFrame(rows)
