"""Hazards: times to an event, compared by Cox regression and log-rank tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.biostatistics.survival.cox import CoxFit, cox
from understudy.biostatistics.survival.kaplan_meier import kaplan_meier
from understudy.biostatistics.survival.log_rank import log_rank
from understudy.biostatistics.survival.p_value import chi_square
from understudy.biostatistics.survival.profile_likelihood import profile, profile_interval
from understudy.biostatistics.survival.proportional_hazards import proportional_hazards_test
from understudy.trials.analyses.adjustment import design_of, strata_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_DOUBTFUL = 0.05


def cox_analysis(trial: Trial) -> Analysed:
    """Hazard ratio of each arm, with the protocol's covariates and strata; hazards tested for being proportional."""
    rows, told = usable(trial, trial.outcome)
    design = design_of(trial, rows)
    fit = cox(
        rows["time"], rows["event"], design.matrix[:, 1:], names=design.names[1:],
        strata=strata_of(trial, rows), level=trial.protocol.analysis.level,
    )  # fmt: skip
    effects = tuple(_hazard_ratio(trial, rows, fit, arm) for arm in trial.arms[1:])
    tables, doubts = {"coefficients": fit.table(), "survival": survival_table(trial)}, ()
    if not fit.monotone:
        proportional = proportional_hazards_test(fit).table()
        tables["proportional hazards"], doubts = proportional, _doubts(proportional)
    return Analysed("cox", effects, tables, (*told, *doubts_of(fit), *doubts))


def _hazard_ratio(trial: Trial, rows: pd.DataFrame, fit: CoxFit, arm: str) -> Effect:
    value, low, high, error, p = ratio_of(fit, f"arm[{arm}]")
    own = rows[rows["arm"].isin([trial.control, arm])]
    return Effect(
        arm, trial.control, "hazard ratio", value, low, high, error, p, len(own), f"Cox regression, {fit.ties} ties",
        fit.level, int(own["event"].sum()),
    )  # fmt: skip


def ratio_of(fit: CoxFit, name: str) -> tuple[float, float, float, float, float]:
    """A hazard ratio, its limits, the error of its logarithm and p.

    Wald's; where the ratio is infinite or zero (separation) limits are those of the profile likelihood and p is that of
    the likelihood ratio test (Heinze & Schemper 2001, doi:10.1111/j.0006-341X.2001.00114.x, section 2).
    """
    k = fit.names.index(name)
    row = fit.table().iloc[k]
    if name not in fit.monotone:
        return tuple(float(row[each]) for each in ("hazard_ratio", "low", "high", "standard_error", "p"))
    limits = profile_interval(fit).iloc[k]
    statistic = 2 * (fit.log_likelihood - profile(fit.data, k, 0.0, fit.beta))
    low, high = float(limits["hazard_ratio_low"]), float(limits["hazard_ratio_high"])
    return float(row["hazard_ratio"]), low, high, float("nan"), chi_square(max(statistic, 0.0), 1)


def doubts_of(fit: CoxFit) -> tuple[str, ...]:
    """The fit's warnings, for readers of a report."""
    told = [each for each in fit.warnings if not each.startswith("monotone")]
    if fit.monotone:
        told.insert(
            0,
            f"separation: {', '.join(fit.monotone)} orders the events perfectly, so that its hazard ratio has no "
            "finite estimate; its limits are those of the profile likelihood, its p that of the likelihood ratio test",
        )
    return tuple(told)


def _doubts(proportional: pd.DataFrame) -> tuple[str, ...]:
    """Arms whose hazards do not look proportional to the control's."""
    arms = proportional[proportional["covariate"].str.startswith("arm[") & (proportional["p"] < _DOUBTFUL)]
    return tuple(
        f"hazards of {name[4:-1]} are not proportional to the control's (p {p:.2g}): the hazard ratio is an average "
        "over time; look at the curves and at restricted mean times"
        for name, p in zip(arms["covariate"], arms["p"], strict=True)
    )


def log_rank_analysis(trial: Trial) -> Analysed:
    """Log-rank test of each arm, with the hazard ratio of a Cox model of these two arms beside it."""
    rows, told = usable(trial, trial.outcome)
    strata = strata_of(trial, rows)
    effects = []
    for arm in trial.arms[1:]:
        two = rows["arm"].isin([trial.control, arm]).to_numpy()
        own, within = rows[two], None if strata is None else strata[two]
        treated = (own["arm"] == arm).to_numpy(dtype=float)
        test = log_rank(own["time"], own["event"], treated, strata=within)
        fit = cox(
            own["time"], own["event"], {arm: treated}, strata=within, level=trial.protocol.analysis.level
        )
        value, low, high, error, _ = ratio_of(fit, arm)
        effects.append(
            Effect(arm, trial.control, "hazard ratio", value, low, high, error, test.p, len(own),
                   "log-rank test; ratio by Cox regression, efron ties", fit.level, int(own["event"].sum()))
        )  # fmt: skip
        told = (*told, *doubts_of(fit))
    return Analysed("log-rank", tuple(effects), {"survival": survival_table(trial)}, told)


def survival_table(trial: Trial) -> pd.DataFrame:
    """Kaplan-Meier curve of each arm as steps, with limits and numbers at risk."""
    import pandas as pd

    arms, level = trial.subjects["arm"].reindex(trial.outcome.index), trial.protocol.analysis.level
    parts = []
    for arm in trial.arms:
        own = trial.outcome[(arms == arm).to_numpy()]
        curve = kaplan_meier(own["time"], own["event"], level=level)
        begin = pd.DataFrame(
            {"time": [0.0], "at_risk": [float(len(own))], "events": [0.0], "censored": [0.0], "survival": [1.0],
             "standard_error": [0.0], "low": [1.0], "high": [1.0]}
        )  # fmt: skip
        parts.append(pd.concat([begin, curve.table()]).assign(arm=arm))
    return pd.concat(parts, ignore_index=True)
