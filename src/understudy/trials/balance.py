"""Balance: covariates of each arm in numbers, and how far arms are apart in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_LEVEL = 0.95


def covariate_numbers(trial: Trial) -> pd.DataFrame:
    """Covariates of each arm: a row an arm and covariate, or category of one.

    Returns
    -------
    DataFrame
        Columns ``covariate``, ``level`` (empty for a number), ``arm``, ``known``, ``missing``, ``mean``, ``sd``,
        ``median``, ``q25``, ``q75``, ``count`` and ``share`` (of the known).
    """
    import pandas as pd

    rows = []
    for name in trial.covariates:
        for arm in trial.arms:
            cells = trial.subjects.loc[(trial.subjects["arm"] == arm).to_numpy(), name]
            own = {
                "covariate": name,
                "arm": arm,
                "known": int(cells.notna().sum()),
                "missing": int(cells.isna().sum()),
            }
            rows += [own | each for each in _levels(trial, name, cells)]
    columns = [
        "covariate",
        "level",
        "arm",
        "known",
        "missing",
        "mean",
        "sd",
        "median",
        "q25",
        "q75",
        "count",
        "share",
    ]
    return pd.DataFrame(rows, columns=columns)


def _levels(trial: Trial, name: str, cells: pd.Series) -> list[dict[str, object]]:
    known = cells.dropna()
    if name not in trial.categorical:
        low, middle, high = known.quantile([0.25, 0.5, 0.75]) if len(known) else (np.nan,) * 3
        numbers = {"mean": known.mean(), "sd": known.std(), "median": middle, "q25": low, "q75": high}
        return [{"level": ""} | numbers]
    counts = {each: int((known == each).sum()) for each in levels_of(trial, name)}
    return [
        {"level": str(each), "count": count, "share": count / len(known) if len(known) else np.nan}
        for each, count in counts.items()
    ]


def levels_of(trial: Trial, name: str) -> list[object]:
    """Categories of a covariate, in the order of their names."""
    return sorted(trial.subjects[name].dropna().unique(), key=str)


def standardised_differences(trial: Trial) -> pd.DataFrame:
    """How far each arm is from the control in each covariate, in standard deviations.

    A difference of means over the root of the mean variance (Austin 2009, doi:10.1002/sim.3697); of categories the
    distance of their shares by their mean covariance, which has no sign (Yang and Dalton 2012, SAS Global Forum 335).
    Chance alone keeps 95 % of them within the limit, as randomisation makes the squared difference chi-squared with one
    degree of freedom, or one fewer than there are categories, times the sum of inverse sizes.

    Returns
    -------
    DataFrame
        Columns ``covariate``, ``arm``, ``difference`` (not-a-number where nothing varies) and ``chance``.

    Examples
    --------
    >>> from understudy.trials import load_trial
    >>> standardised_differences(load_trial("examples/leukaemia/trial.toml"))["difference"].tolist()
    [0.0]
    """
    import pandas as pd

    rows = []
    for name in trial.covariates:
        cells = {
            arm: trial.subjects.loc[(trial.subjects["arm"] == arm).to_numpy(), name].dropna()
            for arm in trial.arms
        }
        for arm in trial.arms[1:]:
            found = _difference(trial, name, cells[arm], cells[trial.control])
            rows.append({"covariate": name, "arm": arm, "difference": found[0], "chance": found[1]})
    return pd.DataFrame(rows, columns=["covariate", "arm", "difference", "chance"])


def _difference(trial: Trial, name: str, treated: pd.Series, control: pd.Series) -> tuple[float, float]:
    """Difference, and the limit of what chance does."""
    from scipy.special import chdtri

    if not len(treated) or not len(control):
        return np.nan, np.nan
    if name not in trial.categorical:
        difference, freedom = _of_means(treated.to_numpy(float), control.to_numpy(float)), 1
    else:
        levels = levels_of(trial, name)
        difference, freedom = _of_shares(treated, control, levels), max(len(levels) - 1, 1)
    spread = chdtri(freedom, 1 - _LEVEL) * (1 / len(treated) + 1 / len(control))
    return difference, float(np.sqrt(spread))


def _of_means(treated: np.ndarray, control: np.ndarray) -> float:
    if min(treated.size, control.size) < 2:
        return np.nan
    variance = (treated.var(ddof=1) + control.var(ddof=1)) / 2
    return float((treated.mean() - control.mean()) / np.sqrt(variance)) if variance > 0 else np.nan


def _of_shares(treated: pd.Series, control: pd.Series, levels: list[object]) -> float:
    """Mahalanobis distance of the shares of all categories but the first."""
    if len(levels) < 2:
        return np.nan
    p, q = (np.array([(own == each).mean() for each in levels[1:]]) for own in (treated, control))
    covariance = sum(np.diag(each) - np.outer(each, each) for each in (p, q)) / 2
    return float(np.sqrt(max((p - q) @ np.linalg.pinv(covariance) @ (p - q), 0.0)))
