"""FAERS columns: what the quarterly files may and must hold, in their old and their new layout.

Names and layouts: FDA, FAERS Quarterly Data Extract, ASC_NTS (2012Q4 and later) and LAERS (until 2012Q3), with the
spellings that single quarters have (gndr_cod, outc_code, lot_nbr, i_f_code).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from understudy.core.errors import DataError, Problem

# What the field of a column that is not free text may look like; empty fields always may.
_NUMBER, _DATE, _CODE = (
    re.compile(text)
    for text in (
        r"-?\d+(\.\d+)?",
        r"\d{4,8}|\d{4}-\d\d(-\d\d)?|\d{1,2}-[A-Za-z]{3}-\d{4}",
        r"[A-Za-z0-9]{1,5}",
    )
)


@dataclass(frozen=True)
class Layout:
    """Columns of one of the files.

    Parameters
    ----------
    needed : tuple of str
        Columns without which the file tells nothing, by their new names.
    wanted : tuple of str
        Others that are read where they are.
    shapes : mapping of str to pattern
        What fields of columns that are not free text look like.
    others : mapping of str to str
        Older names and what they became.
    """

    needed: tuple[str, ...]
    wanted: tuple[str, ...]
    shapes: dict[str, re.Pattern[str]]
    others: dict[str, str]

    def columns(self, header: Sequence[str], place: str) -> dict[int, str]:
        """Which position holds which column that is read.

        Raises
        ------
        DataError
            If a column is missing, or stands twice.
        """
        names = [self.others.get(each, each) for each in header]
        problems = [
            Problem(f"there is no column {each}", f"the header has {', '.join(header)}", row=1, column=each)
            for each in self.needed
            if each not in names
        ]
        problems += [
            Problem("the column stands twice", "keep one of them", row=1, column=each)
            for each in sorted(set(names))
            if names.count(each) > 1 and each in self.needed + self.wanted
        ]
        if problems:
            raise DataError(problems, place=place)
        return {k: each for k, each in enumerate(names) if each in self.needed + self.wanted}

    def plausible(self, header: Sequence[str], row: Sequence[str]) -> bool:
        """Whether every field that is not free text looks like one of its column."""
        names = (self.others.get(each, each) for each in header)
        return all(
            not value.strip() or name not in self.shapes or bool(self.shapes[name].fullmatch(value.strip()))
            for name, value in zip(names, row, strict=True)
        )


_KEYS = {"isr": "primaryid", "case": "caseid"}
_KEY_SHAPES = {name: re.compile(r"\d+(-\d+)?") for name in ("primaryid", "caseid", "drug_seq")}

LAYOUTS = {
    "DEMO": Layout(
        ("primaryid", "caseid"),
        (
            *("caseversion", "event_dt", "fda_dt", "init_fda_dt", "age", "age_cod", "sex", "wt", "wt_cod"),
            *("occp_cod", "reporter_country", "occr_country", "rept_cod"),
        ),
        {
            **_KEY_SHAPES,
            **dict.fromkeys(("caseversion", "age", "wt", "foll_seq"), _NUMBER),
            **dict.fromkeys(("event_dt", "mfr_dt", "init_fda_dt", "fda_dt", "rept_dt", "death_dt"), _DATE),
            **dict.fromkeys(
                ("i_f_cod", "rept_cod", "age_cod", "age_grp", "sex", "e_sub", "wt_cod", "to_mfr", "occp_cod"),
                _CODE,
            ),
        },
        {**_KEYS, "gndr_cod": "sex", "i_f_code": "i_f_cod"},
    ),
    "DRUG": Layout(
        ("primaryid", "drug_seq", "role_cod", "drugname"),
        ("prod_ai", "dechal", "rechal"),
        {
            **_KEY_SHAPES,
            **dict.fromkeys(("role_cod", "dechal", "rechal", "cum_dose_unit"), _CODE),
            **dict.fromkeys(("val_vbm", "exp_dt"), _NUMBER),
        },
        {**_KEYS, "lot_nbr": "lot_num"},
    ),
    "REAC": Layout(("primaryid", "pt"), (), _KEY_SHAPES, _KEYS),
    "OUTC": Layout(
        ("primaryid", "outc_cod"), (), {**_KEY_SHAPES, "outc_cod": _CODE}, {**_KEYS, "outc_code": "outc_cod"}
    ),
    "RPSR": Layout(("primaryid", "rpsr_cod"), (), {**_KEY_SHAPES, "rpsr_cod": _CODE}, _KEYS),
    "THER": Layout(
        ("primaryid", "drug_seq"),
        ("start_dt", "end_dt", "dur", "dur_cod"),
        {**_KEY_SHAPES, "start_dt": _DATE, "end_dt": _DATE, "dur": _NUMBER, "dur_cod": _CODE},
        {**_KEYS, "dsg_drug_seq": "drug_seq"},
    ),
    "INDI": Layout(
        ("primaryid", "drug_seq", "indi_pt"), (), _KEY_SHAPES, {**_KEYS, "indi_drug_seq": "drug_seq"}
    ),
}
REQUIRED = ("DEMO", "DRUG", "REAC")
