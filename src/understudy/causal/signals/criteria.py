"""Criteria: what makes a pair a signal, stated before anyone looks at the table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# Measures by the names that criteria use and the columns of the table that hold them.
MEASURES = {
    "n": "n",
    "expected": "expected",
    "prr": "prr",
    "prr025": "prr_low",
    "chi2": "chi_square",
    "ror": "ror",
    "ror025": "ror_low",
    "ic": "ic",
    "ic025": "ic_low",
    "ebgm": "ebgm",
    "eb05": "ebgm_low",
}
NAMED = {
    "ebgm": "EB05 > 2 and n >= 3",
    "evans": "PRR >= 2 and chi2 >= 4 and n >= 3",
    "ror": "ROR025 > 1 and n >= 3",
    "ic": "IC025 > 0",
}
DEFAULT = NAMED["ebgm"]
_SIGNS = {">": gt, ">=": ge, "<": lt, "<=": le}
_TERM = re.compile(r"\s*([A-Za-z]\w*)\s*(>=|<=|≥|≤|>|<)\s*(\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Criteria:
    """Comparisons that must all hold.

    Parameters
    ----------
    text : str
        As it was stated.
    terms : tuple of (str, str, float)
        Column of the table, sign, number.
    """

    text: str
    terms: tuple[tuple[str, str, float], ...]

    def met(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Rows for which all hold; a measure that is not there is never met."""
        found = np.ones(len(table), bool)
        for column, sign, number in self.terms:
            values = table[column].to_numpy(float)
            found &= np.isfinite(values) & _SIGNS[sign](np.nan_to_num(values), number) | (
                np.isposinf(values) & (sign in (">", ">="))
            )
        return found


def criteria_of(text: str = DEFAULT) -> Criteria:
    """Criteria from their text: comparisons joined by "and" or commas, or one of the names ebgm, evans, ror, ic.

    ``ebgm`` is EB05 > 2 and n >= 3; ``evans`` PRR >= 2, chi2 >= 4 and n >= 3 (Evans 2001, doi:10.1002/pds.677);
    ``ror`` ROR025 > 1 and n >= 3; ``ic`` IC025 > 0 (Norén 2013, doi:10.1177/0962280211403604).

    Parameters
    ----------
    text : str
        Of n, expected, PRR, PRR025, chi2, ROR, ROR025, IC, IC025, EBGM, EB05.

    Raises
    ------
    SimulationError
        If it cannot be read, or there is no such measure.

    Examples
    --------
    >>> criteria_of("EB05 > 2, n >= 3").terms
    (('ebgm_low', '>', 2.0), ('n', '>=', 3.0))
    """
    stated = NAMED.get(text.strip().lower(), text)
    terms = [_term(each) for each in re.split(r",|\band\b", stated, flags=re.I)]
    return Criteria(stated, tuple(terms))


def _term(text: str) -> tuple[str, str, float]:
    found = _TERM.fullmatch(text)
    if not found:
        raise SimulationError(
            f"cannot read {text.strip()!r}", place="the criteria", repair="write as in: EB05 > 2 and n >= 3"
        )
    name = found[1].lower()
    if name not in MEASURES:
        near = get_close_matches(name, MEASURES, 1, 0.5)
        raise SimulationError(
            f"there is no measure {found[1]!r}",
            place="the criteria",
            repair=f"did you mean {near[0].upper()}?" if near else f"known are {', '.join(MEASURES)}",
        )
    return MEASURES[name], found[2].replace("≥", ">=").replace("≤", "<="), float(found[3])
