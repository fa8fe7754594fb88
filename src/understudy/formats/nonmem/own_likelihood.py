"""Own likelihood: Y that is no prediction but the likelihood of DV, or minus twice its logarithm.

The options LIKELIHOOD and -2LOGLIKELIHOOD of $ESTIMATION say so of all observations, F_FLAG 1 and 2 of some.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.data_table import DataTable
from understudy.formats.nonmem.observation import OBSERVATION, Observation
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.tree import Tree

LIKELIHOOD, MINUS_TWO_LOGARITHMS = 1, 2
_OPTION = re.compile(r"(?<![\w-])(?:(-2L(?:L|OG)\w*)|(LIKE\w*))", re.IGNORECASE)


def likelihood_option(records: Sequence[StreamRecord]) -> int:
    """What $ESTIMATION says that Y is, as F_FLAG would: 0 for a prediction.

    Examples
    --------
    >>> from understudy.formats.nonmem.stream_record import Line
    >>> likelihood_option([StreamRecord("ESTIMATION", 1, (Line(1, "METHOD=1 LAPLACE -2LL"),), "run.ctl")])
    2
    """
    found = {
        MINUS_TWO_LOGARITHMS if option[1] else LIKELIHOOD
        for record in records
        for option in _OPTION.finditer(record.text)
    }
    if len(found) > 1:
        records[0].fail("Y is a likelihood in one step and -2LL in another", "keep one of them")
    return found.pop() if found else 0


def own_likelihood(
    y: Tree,
    flag: int,
    name: str,
    rows: np.ndarray,
    table: DataTable,
    items: frozenset[str],
    record: StreamRecord,
) -> Observation:
    """Observations whose log-density Y tells.

    Parameters
    ----------
    y : Tree
    flag : int
        `LIKELIHOOD` or `MINUS_TWO_LOGARITHMS`.
    name : str
        Of the output.
    rows : bool array
        Rows of the data table that it is of.
    table : DataTable
    items : frozenset of str
        Names of data items.
    record : StreamRecord
        $ERROR or $PRED.
    """
    constant = OBSERVATION if table.compartmental else {}
    known = {item: tree.number(value) for item, value in constant.items() if item in items}
    y = tree.fold(tree.replace_names(y, known))
    if any(each.startswith("EPS") for each in tree.names(y)):
        record.fail("Y is a likelihood and has an EPS in it", "write the likelihood of DV without EPS")
    log = tree.call("log", y) if flag == LIKELIHOOD else tree.multiply(tree.number(-0.5), y)
    return Observation(name, tree.ZERO, {}, rows, log_density=tree.fold(log))
