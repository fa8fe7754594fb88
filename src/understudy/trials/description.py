"""Description: what a trial's tables hold, arm by arm, before anything is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def outcome_tables(trial: Trial) -> dict[str, pd.DataFrame]:
    """`outcome_table` of every endpoint by its name, the primary one first; of a hierarchy its outcomes."""
    trials = [part for each in (trial, *trial.secondary) for part in (each.parts or (each,))]
    return {each.protocol.endpoint.name: outcome_table(each) for each in trials}


def outcome_table(trial: Trial) -> pd.DataFrame:
    """The endpoint of each arm: subjects, and events or measurements. No arms are compared.

    Returns
    -------
    DataFrame
        A row an arm, texts.

    Examples
    --------
    >>> from understudy.trials import load_trial
    >>> outcome_table(load_trial("examples/leukaemia/trial.toml"))
            subjects    events   at risk
    arm
    placebo       21  21 (100 %)  182 weeks
    6-MP          21    9 (43 %)  359 weeks
    """
    import pandas as pd

    rows, arms = {}, trial.subjects["arm"].reindex(trial.outcome.index)
    for arm in trial.arms:
        subjects, own = trial.subjects[trial.subjects["arm"] == arm], trial.outcome[(arms == arm).to_numpy()]
        rows[arm] = {"subjects": str(len(subjects))} | _described(trial, own)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def _described(trial: Trial, own: pd.DataFrame) -> dict[str, str]:
    endpoint, found = trial.protocol.endpoint, {}
    for name in ("event", "cause"):
        if name in own:
            count, subjects = int((own[name] > 0).sum()), own.index.nunique()
            several = f"{count} ({count / max(subjects, 1):.2g} a subject)"
            found["events"] = several if endpoint.kind == "recurrent" else _share(count, subjects)
    if "time" in own and endpoint.kind != "longitudinal":
        begun = own.get("start", 0.0)
        total = float((own["time"] - begun).sum())
        found["at risk"] = (
            f"{total:,.0f} {endpoint.unit}s" if total >= 1000 else f"{total:.4g} {endpoint.unit}s"
        )
    if "value" in own:
        found |= {"known": str(own.index.nunique()), "mean (SD)": _mean(own["value"])}
        found |= {"rows": str(len(own))} if endpoint.kind == "longitudinal" else {}
    return found


def baseline_table(trial: Trial) -> pd.DataFrame:
    """Covariates of each arm: mean and standard deviation, or count and share of each category.

    Randomisation makes arms alike but for chance, so there are no p values (CONSORT 2010, doi:10.1136/bmj.c869).

    Returns
    -------
    DataFrame
        A row a covariate or category, a column an arm, texts.
    """
    import pandas as pd

    groups = {arm: trial.subjects[trial.subjects["arm"] == arm] for arm in trial.arms}
    rows: dict[str, dict[str, str]] = {}
    for name in trial.covariates:
        if name in trial.categorical:
            for value in sorted(trial.subjects[name].dropna().unique(), key=str):
                shares = {arm: _share(int((g[name] == value).sum()), len(g)) for arm, g in groups.items()}
                rows[f"{name} {value}"] = shares
        else:
            rows[name] = {arm: _mean(g[name]) for arm, g in groups.items()}
        missing = {arm: int(g[name].isna().sum()) for arm, g in groups.items()}
        if any(missing.values()):
            rows[f"{name} missing"] = {arm: str(count) for arm, count in missing.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(groups)).rename_axis("covariate")


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.0f} %)" if of else "0"


def _mean(values: pd.Series) -> str:
    return f"{values.mean():.4g} ({values.std():.3g})"
