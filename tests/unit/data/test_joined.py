"""join: new records among the old ones."""

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import DataError
from understudy.data.joined import join
from understudy.data.records import Records


def table(rows, **options) -> Records:
    return Records.from_frame(pd.DataFrame(rows), **options)


OLD = [
    {"ID": "a", "TIME": 0.0, "AMT": 20.0, "DV": None, "WT": 1.2, "OCC": 1},
    {"ID": "a", "TIME": 5.0, "AMT": 0.0, "DV": 9.0, "WT": 1.3, "OCC": 1},
    {"ID": "b", "TIME": 1.0, "AMT": 0.0, "DV": 4.0, "WT": 2.0, "OCC": 1},
]


def test_new_records_are_put_in_order_of_time_patient_by_patient():
    more = table(
        [{"ID": "b", "TIME": 3.0, "DV": 3.0, "WT": 2.1}, {"ID": "a", "TIME": 4.0, "DV": 10.0, "WT": 1.25}]
    )
    found = join(table(OLD), more).table
    assert found["id"].tolist() == ["a", "a", "a", "b", "b"]
    assert found["time"].tolist() == [0.0, 4.0, 5.0, 1.0, 3.0]
    # Lines of the old file stay; the new ones go on behind them in their own order.
    assert found["row"].tolist() == [2, 6, 3, 4, 5]


def test_what_a_new_record_does_not_say_is_carried_forward():
    found = join(table(OLD), table([{"ID": "a", "TIME": 9.0, "DV": 7.0}])).table
    assert found.loc[found["time"] == 9.0, "WT"].tolist() == [1.3]
    assert found.loc[found["time"] == 9.0, "occ"].tolist() == ["1"]


def test_a_new_record_of_the_same_time_comes_last():
    dose = table([{"ID": "a", "TIME": 5.0, "AMT": 3.0, "DV": None, "WT": 1.3}])
    found = join(table(OLD), dose).table
    assert found.loc[found["time"] == 5.0, "evid"].tolist() == [0, 1]


def test_the_result_is_records_like_others():
    more = table([{"ID": "c", "TIME": 0.0, "DV": 1.0, "WT": 3.0, "OCC": 1}])
    found = join(table(OLD), more)
    assert found.ids == ("a", "b", "c")
    assert found.covariates == ("WT",)
    assert found == join(table(OLD), more)
    assert np.isfinite(found.table["WT"]).all()


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([{"ID": "a", "TIME": 5.0, "DV": 9.0}], {}, "there already"),
        ([{"ID": "c", "TIME": 5.0, "DV": 9.0}], {}, "new patient has no WT"),
        ([{"ID": "a", "TIME": 9.0, "DV": 9.0}], {"units": {"DV": "ug/L"}}, "in ug/L here, in mg/L"),
    ],
)
def test_what_does_not_fit_is_refused(rows, options, words):
    with pytest.raises(DataError, match=words):
        join(table(OLD, units={"DV": "mg/L"}), table(rows, **options))
