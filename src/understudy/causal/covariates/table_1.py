"""Table 1: who the two groups are, for a publication.

Which conditions and drugs it shows by default, where they occur, follows FeatureExtraction's own table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.causal.covariate_matrix import CovariateMatrix
from understudy.causal.covariates.summary import summary
from understudy.causal.masking import masked

if TYPE_CHECKING:
    import pandas as pd

Part = tuple[str, int, tuple[int, ...]]  # heading, analysis, concepts; without concepts, all of the analysis

_GENERAL = (
    *(4006969, 438409, 4212540, 255573, 201606, 4182210, 440383, 201820, 318800, 192671, 439727, 432867),
    *(316866, 4104000, 433736, 80180, 255848, 140168, 4030518, 80809, 435783, 4279309, 81893, 81902),
    *(197494, 4134440),
)
_CARDIOVASCULAR = (313217, 381591, 317576, 321588, 316139, 4185932, 321052, 440417, 444247)
_NEOPLASMS = (4044013, 432571, 40481902, 443392, 4112853, 4180790, 443388, 197508, 200962)
_MEDICATION = (
    *(21601782, 21602796, 21604686, 21604389, 21603932, 21601387, 21602028, 21600960, 21601664, 21601744),
    *(21601461, 21600046, 21603248, 21600712, 21603890, 21601853, 21604254, 21604489, 21604752),
)
DEFAULT_PARTS: tuple[Part, ...] = (
    ("Age group", 3, ()),
    ("Sex", 1, ()),
    ("Race", 4, ()),
    ("Ethnicity", 5, ()),
    ("Medical history: general", 210, _GENERAL),
    ("Medical history: cardiovascular disease", 210, _CARDIOVASCULAR),
    ("Medical history: neoplasms", 210, _NEOPLASMS),
    ("Medication use", 410, _MEDICATION),
    ("Charlson comorbidity index", 901, ()),
    ("CHADS2", 903, ()),
    ("CHA2DS2-VASc", 904, ()),
    ("DCSI", 902, ()),
)


def table_1(
    matrix: CovariateMatrix, treatment: ArrayLike, parts: Sequence[Part] = DEFAULT_PARTS
) -> pd.DataFrame:
    """Characteristics of the two groups: percentages of those who have them, or mean and standard deviation.

    Parameters
    ----------
    matrix : CovariateMatrix
        As built, before `tidy`.
    treatment : array of 0 and 1, shape (n,)
    parts : sequence of (heading, analysis, concepts)
        What is shown, in this order; of an analysis without concepts, everything. Parts that nobody has are left out.

    Returns
    -------
    DataFrame
        characteristic, target, comparator, standardised_difference, all text; small counts are masked.

    Examples
    --------
    >>> import pandas as pd
    >>> from scipy.sparse import csc_matrix
    >>> covariates = pd.DataFrame({"covariate_id": [8507001, 8532001], "name": ["sex: male", "sex: female"]})
    >>> covariates = covariates.assign(analysis_id=1, concept_id=[8507, 8532], binary=True)
    >>> male = np.arange(40) % 4 > 0
    >>> matrix = CovariateMatrix(csc_matrix(np.c_[male, ~male].astype(float)), np.arange(40), covariates)
    >>> table_1(matrix, np.arange(40) < 24)
      characteristic  target comparator standardised_difference
    0        entries      24         16
    1            Sex
    2           male  75.0 %     masked
    3         female  25.0 %         <5
    """
    import pandas as pd

    told = summary(matrix, treatment)
    treated = np.asarray(treatment).astype(bool)
    rows = [("entries", masked(int(treated.sum())), masked(int((~treated).sum())), "")]
    for heading, analysis, concepts in parts:
        own = (matrix.covariates["analysis_id"] == analysis).to_numpy()
        if concepts:
            own = own & matrix.covariates["concept_id"].isin(concepts).to_numpy()
        if own.any():
            rows += _part(heading, told[own], bool(matrix.covariates["binary"][own].all()))
    return pd.DataFrame(rows, columns=["characteristic", "target", "comparator", "standardised_difference"])


def _part(heading: str, told: pd.DataFrame, binary: bool) -> Iterator[tuple[str, str, str, str]]:
    """Rows of a part: a heading with its levels under it, or one line for a number."""
    if binary:
        yield heading, "", "", ""
    for _, row in told.iterrows():
        name = str(row["name"]).split(": ", 1)[-1] if binary else heading
        cells = (_cell(row, group, binary) for group in ("target", "comparator"))
        difference = row["standardised_difference"]
        yield (f"  {name}" if binary else name, *cells, "" if np.isnan(difference) else f"{difference:z.2f}")


def _cell(row: pd.Series, group: str, binary: bool) -> str:
    mean, count = row[f"{group}_mean"], row[f"{group}_count"]
    if np.isnan(mean):
        return str(count) if count != "0" else ""
    return f"{100 * mean:.1f} %" if binary else f"{mean:.2f} ({row[f'{group}_sd']:.2f})"
