"""Words: names of drugs and events, codes and dates, as all sources write them after reading."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# Years by code of FAERS (file ASC_NTS, AGE_COD) and of ICH E2B(R2) (A.2.4 and B.1.2.2b), 365.25 days a year.
YEARS = {
    "DEC": 10.0,
    "YR": 1.0,
    "MON": 1 / 12,
    "WK": 7 / 365.25,
    "DY": 1 / 365.25,
    "HR": 1 / 8766,
    "800": 10.0,
    "801": 1.0,
    "802": 1 / 12,
    "803": 7 / 365.25,
    "804": 1 / 365.25,
    "805": 1 / 8766,
}
# Days by code of a duration (ASC_NTS, DUR_COD; a month as a twelfth of a year).
DAYS = {
    "YR": 365.25,
    "MON": 365.25 / 12,
    "WK": 7.0,
    "DAY": 1.0,
    "DY": 1.0,
    "HR": 1 / 24,
    "MIN": 1 / 1440,
    "SEC": 1 / 86400,
}
KILOGRAMS = {"KG": 1.0, "LBS": 0.45359237, "GMS": 0.001}  # a pound is 0.45359237 kg by definition
# Years: the longest life that is confirmed, Robine and Allard, Science 1998, doi:10.1126/science.279.5358.1831h
OLDEST = 122.5
_MONTHS = {name: k + 1 for k, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split())}  # noqa: SIM905
_COMPACT = re.compile(r"(\d{4})(\d{2})?(\d{2})?")
_DASHED = re.compile(r"(\d{4})-(\d{1,2})(?:-(\d{1,2})(?:T.*)?)?")
_NAMED = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3})[- ](\d{4})")


def plain_names(texts: pd.Series) -> pd.Series:
    """Names in capitals, with single blanks and without a full stop at the end.

    Examples
    --------
    >>> import pandas as pd
    >>> plain_names(pd.Series(["Acetyl  salicylic acid.", None])).tolist()
    ['ACETYL SALICYLIC ACID', '']
    """
    return _by_value(texts, lambda text: " ".join(text.upper().split()).rstrip(". "))


def plain_codes(texts: pd.Series) -> pd.Series:
    """Codes in capitals, empty where there is none."""
    return _by_value(texts, lambda text: text.strip().upper())


def iso_dates(texts: pd.Series) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Dates as ISO 8601 text, as exact as they were told, and where something stands that is no date.

    20140305, 201403, 2014, 2014-03-05 and 05-MAR-2014 are read; 03/04/2014 is not: it has two meanings.

    Examples
    --------
    >>> import pandas as pd
    >>> dates, unread = iso_dates(pd.Series(["20140305", "2014", "05-MAR-2014", "03/04/2014", ""]))
    >>> dates.tolist(), unread.tolist()
    (['2014-03-05', '2014', '2014-03-05', '', ''], [False, False, False, True, False])
    """
    read = _by_value(texts, _iso)
    told = _by_value(texts, str.strip) != ""
    return read, (told & (read == "")).to_numpy(bool)


def shape_of(text: str) -> str:
    """A text with its digits as 9 and its letters as A: what it looks like, not what it says."""
    return re.sub(r"[A-Za-z]", "A", re.sub(r"\d", "9", text.strip()))[:20]


def numbers(texts: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers, NaN where there are none, and where something stands that is no number."""
    import pandas as pd

    stripped = _by_value(texts, str.strip)
    read = pd.to_numeric(stripped.replace("", np.nan), errors="coerce").to_numpy(float)
    return read, (stripped != "").to_numpy(bool) & ~np.isfinite(read)


def _by_value(texts: pd.Series, change) -> pd.Series:
    """`change` of each text, computed once for each different one; nothing becomes the empty text."""
    import pandas as pd

    codes, values = pd.factorize(texts.to_numpy(dtype=object))
    changed = np.array([change(str(each)) for each in values] + [""], dtype=object)
    return pd.Series(changed[codes], index=texts.index, dtype=object)


def _iso(text: str) -> str:
    text = text.strip()
    parts = _COMPACT.fullmatch(text) or _DASHED.fullmatch(text)
    if parts:
        return _checked(*(int(each) if each else 0 for each in parts.groups()))
    if named := _NAMED.fullmatch(text):
        return _checked(int(named[3]), _MONTHS.get(named[2].upper(), 13), int(named[1]))
    return ""


def _checked(year: int, month: int, day: int) -> str:
    """ISO text of a date; zeros for what is unknown; empty if there is no such day."""
    from calendar import monthrange

    if not 1900 <= year <= 2100 or not 0 <= month <= 12 or (day and not month):
        return ""
    if not month:
        return f"{year:04}"
    if not day:
        return f"{year:04}-{month:02}"
    return f"{year:04}-{month:02}-{day:02}" if day <= monthrange(year, month)[1] else ""
