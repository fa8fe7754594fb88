"""Fidelity: how like synthetic rows are to those that they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import MissingExtraError, StudyError
from understudy.trials.synthetic.cohort import SyntheticCohort
from understudy.trials.synthetic.distance_table import coordinates

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Fidelity:
    """How like synthetic rows are. Made by `fidelity`.

    Parameters
    ----------
    margins : DataFrame
        A row a column: largest difference of shares below a value (Kolmogorov and Smirnov) or, for words, half the sum
        of differences of shares; shares of missing cells in both.
    associations : DataFrame
        Rank correlation of each pair of columns in both.
    propensity : float
        Mean squared error of the propensity score over its mean for as many other patients: 1 is ideal, above 10 a
        logistic regression tells the kinds apart. After Snoke and others, JRSS A 2018, doi:10.1111/rssa.12358, whose
        ideal is of rows drawn given the real ones, and so smaller: by half for as many of either kind.
    downstream : mapping of str to float
        A model of the outcome, learnt on real and on synthetic rows, tried on rows held out: R² or area under the
        curve.
    """

    margins: pd.DataFrame
    associations: pd.DataFrame
    propensity: float
    downstream: dict[str, float]

    def table(self) -> pd.DataFrame:
        """One column of figures."""
        import pandas as pd

        gap = (self.associations["synthetic"] - self.associations["real"]).abs()
        told = {
            "largest difference of a margin": self.margins["difference"].max(),
            "largest difference of missing cells": (
                self.margins["missing_synthetic"] - self.margins["missing_real"]
            )
            .abs()
            .max(),
            "mean difference of rank correlations": gap.mean(),
            "largest difference of rank correlations": gap.max(),
            "propensity score, ratio to other patients": self.propensity,
        } | {f"model of the outcome, {name}": value for name, value in self.downstream.items()}
        return pd.DataFrame({"value": told}).rename_axis("measure")

    def __repr__(self) -> str:
        gap = (self.associations["synthetic"] - self.associations["real"]).abs().max()
        return (
            f"Fidelity(margins within {self.margins['difference'].max():.3f}, "
            f"rank correlations within {gap:.3f}, propensity ratio {self.propensity:.2f})"
        )


def fidelity(cohort: SyntheticCohort, outcome: str = "") -> Fidelity:
    """How like synthetic rows are to those they were made from.

    Parameters
    ----------
    cohort : SyntheticCohort
    outcome : str
        A column that a model shall predict from the others: of numbers, or of two words.

    Raises
    ------
    StudyError
        If there is no such column, or no rows were held out to try the model on.
    MissingExtraError
        Without scikit-learn.
    """
    real, drawn = cohort.source, cohort.rows[list(cohort.columns)]
    downstream = _downstream(cohort, outcome) if outcome else {}
    return Fidelity(_margins(real, drawn), _associations(real, drawn), _propensity(real, drawn), downstream)


def _margins(real: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    rows = {}
    for name in real:
        numeric = is_numeric_dtype(real[name]) and not is_bool_dtype(real[name])
        rows[name] = {
            "measure": "Kolmogorov-Smirnov" if numeric else "total variation",
            "difference": (_largest_gap if numeric else _variation)(
                real[name].dropna(), drawn[name].dropna()
            ),
            "missing_real": real[name].isna().mean(),
            "missing_synthetic": drawn[name].isna().mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("column")


def _largest_gap(real: pd.Series, drawn: pd.Series) -> float:
    if not len(drawn):
        return 1.0
    values = [np.sort(each.to_numpy(float)) for each in (real, drawn)]
    at = np.unique(np.concatenate(values))
    shares = [np.searchsorted(each, at, "right") / len(each) for each in values]
    return float(np.abs(shares[0] - shares[1]).max())


def _variation(real: pd.Series, drawn: pd.Series) -> float:
    shares = [each.astype(str).value_counts(normalize=True) for each in (real, drawn)]
    return float(shares[0].sub(shares[1], fill_value=0.0).abs().sum() / 2)


def _associations(real: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """Rank correlations of all pairs of coordinates that are not of one column, where both vary."""
    import pandas as pd

    found = [_coded(table, real).rank().corr() for table in (real, drawn)]
    names = list(found[0])
    pairs = [
        (a, b) for k, a in enumerate(names) for b in names[k + 1 :] if a.split(" = ")[0] != b.split(" = ")[0]
    ]
    index = pd.MultiIndex.from_tuples(pairs, names=["first", "second"])
    values = {
        kind: [f.loc[a, b] for a, b in pairs] for kind, f in zip(("real", "synthetic"), found, strict=True)
    }
    frame = pd.DataFrame(values, index=index)
    return frame[frame["real"].notna()].fillna({"synthetic": 0.0})


def _coded(table: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Numbers as they are; each level of words but the first as zeros and ones."""
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    found = {}
    for name in like:
        if is_numeric_dtype(like[name]) and not is_bool_dtype(like[name]):
            found[name] = table[name].astype(float)
            continue
        for level in sorted(like[name].dropna().astype(str).unique())[1:]:
            own = (table[name].astype(str) == level).astype(float)
            found[f"{name} = {level}"] = own.where(table[name].notna())
    return pd.DataFrame(found)


def _propensity(real: pd.DataFrame, drawn: pd.DataFrame) -> float:
    """By logistic regression on coordinates and their products.

    Of k coefficients on N rows, a share c of them drawn, none of which is real: the mean is k c (1 - c) / N.
    """
    points = np.vstack(coordinates((real, drawn), real))
    k, m = np.triu_indices(points.shape[1])
    wide = np.hstack([points, points[:, k] * points[:, m]])
    wide = _independent(wide)
    kind = np.repeat([0, 1], [len(real), len(drawn)])
    share = kind.mean()
    scores = _logistic(wide, kind, 1e6)
    ideal = wide.shape[1] * (1 - share) * share / len(kind)
    return float(np.mean((scores.predict_proba(wide)[:, 1] - share) ** 2) / ideal)


def _independent(points: np.ndarray) -> np.ndarray:
    """Columns, scaled, none of which is made of the others: the ideal counts them."""
    from scipy.linalg import qr

    scaled = points - points.mean(axis=0)
    spread = scaled.std(axis=0)
    scaled = scaled[:, spread > 1e-9] / spread[spread > 1e-9]
    triangle, order = qr(scaled, mode="r", pivoting=True)
    size = np.abs(np.diag(triangle[: scaled.shape[1]]))
    return scaled[:, np.sort(order[: int((size > 1e-6 * size[0]).sum())])]


def _logistic(points: np.ndarray, kind: np.ndarray, freedom: float):
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise MissingExtraError(
            "scikit-learn is not installed", place="fidelity", repair="pip install 'understudy[trials]'"
        ) from None
    return LogisticRegression(C=freedom, max_iter=2000).fit(points, kind)


def _downstream(cohort: SyntheticCohort, outcome: str) -> dict[str, float]:
    from pandas.api.types import is_numeric_dtype

    if outcome not in cohort.columns:
        known = ", ".join(cohort.columns)
        raise StudyError(f"there is no column {outcome!r}", place="outcome", repair=f"one of {known}")
    if len(cohort.held_out) < 10:
        raise StudyError("too few rows were held out", place="outcome", repair="hold out a quarter of them")
    real = cohort.source
    levels = sorted(real[outcome].dropna().astype(str).unique())
    numeric = is_numeric_dtype(real[outcome]) and len(levels) > 2
    if not numeric and len(levels) != 2:
        raise StudyError(
            f"{outcome} has {len(levels)} levels", place="outcome", repair="give numbers or two levels"
        )
    tables = [t[t[outcome].notna()] for t in (real, cohort.rows, cohort.held_out)]
    own, drawn, others = coordinates(
        tuple(t.drop(columns=outcome) for t in tables), real.drop(columns=outcome)
    )
    target = [
        t[outcome].to_numpy(float) if numeric else (t[outcome].astype(str) == levels[1]).to_numpy()
        for t in tables
    ]
    measure = _explained if numeric else _told_apart
    return {
        "learnt on real rows": measure(own, target[0], others, target[2]),
        "learnt on synthetic rows": measure(drawn, target[1], others, target[2]),
    }


def _explained(points: np.ndarray, target: np.ndarray, others: np.ndarray, truth: np.ndarray) -> float:
    from sklearn.linear_model import Ridge

    told = Ridge(1.0).fit(points, target).predict(others)
    return float(1 - ((truth - told) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def _told_apart(points: np.ndarray, target: np.ndarray, others: np.ndarray, truth: np.ndarray) -> float:
    from understudy.biostatistics.diagnostic_accuracy import area_under_curve

    if target.all() or not target.any():
        return 0.5
    return area_under_curve(_logistic(points, target, 1.0).predict_proba(others)[:, 1], truth).estimate
