"""Assimilation: records that come in one after the other make the twins that all at once make."""

import numpy as np
import pandas as pd
import pytest
from normal_model import measured, normal_population, posterior

from understudy.core.errors import DataError
from understudy.data.records import Records
from understudy.inference.individualise import individualise
from understudy.inference.twins.drift import Drift
from understudy.library.catalogue import model
from understudy.model.population_model import RandomEffects

UNITS = {"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"}


def newborns(**kept) -> Records:
    """Two newborns' doses and levels over four days."""
    rows = []
    for name, weight, levels in (("n1", 1.4, [18.0, 24.0, 27.0]), ("n2", 0.9, [25.0, 31.0, 30.0])):
        fixed = {"ID": name, "WT": weight, "APGR": 7.0}
        rows += [
            fixed | {"TIME": 12.0 * k, "AMT": (20 if k == 0 else 2.5) * weight, "EVID": 1} for k in range(8)
        ]
        rows += [
            fixed | {"TIME": t, "EVID": 0, "DV": v} for t, v in zip((2.0, 50.0, 95.0), levels, strict=True)
        ]
    frame = pd.DataFrame(rows).fillna({"AMT": 0.0}).sort_values(["ID", "TIME"], kind="stable")
    return Records.from_frame(frame, units=UNITS)


def split(records: Records, when: float) -> tuple[Records, Records]:
    table = records.table
    parts = []
    for rows in (table[table["time"] < when], table[table["time"] >= when]):
        frame = rows.drop(columns="row").rename(columns=str.upper)
        parts.append(Records.from_frame(frame.reset_index(drop=True), units=UNITS, covariates=["WT", "APGR"]))
    return parts[0], parts[1]


@pytest.mark.parametrize("method", ["map", "laplace", "sir", pytest.param("nuts", marks=pytest.mark.slow)])
def test_one_after_the_other_is_all_at_once(method):
    whole, options = newborns(), {"method": method, "draws": 100, "seed": 4}
    first, second = split(whole, 50.0)
    second, third = split(second, 95.0)
    published = model("phenobarbital_neonates")
    early = individualise(published, first, **options)
    late = early.assimilate(second).assimilate(third)
    wanted = individualise(published, whole, **options)
    np.testing.assert_array_equal(late.observations, [3, 3])
    # The same numbers enter in the same order, so that nothing but rounding may differ.
    np.testing.assert_allclose(late.modes, wanted.modes, rtol=1e-9)
    np.testing.assert_allclose(late.covariances, wanted.covariances, rtol=1e-7)
    np.testing.assert_allclose(late.vectors(30, 2), wanted.vectors(30, 2), rtol=1e-6, atol=1e-9)
    assert (early.observations == 1).all()


def test_only_patients_with_something_new_change():
    twins = individualise(normal_population(), measured({"a": [5.5], "b": [3.0]}), method="sir", draws=50)
    new = Records.from_frame(pd.DataFrame({"ID": ["b", "c"], "TIME": [9.0, 1.0], "DV": [3.4, 6.0]}))
    later = twins.assimilate(new)
    assert later.patients == ("a", "b", "c")
    np.testing.assert_array_equal(later.samples[:, 0], twins.samples[:, 0])
    assert (later.samples[:, 1] != twins.samples[:, 1]).any()
    wanted = [posterior(own)[0] for own in ([5.5], [3.0, 3.4], [6.0])]
    np.testing.assert_allclose(later.modes[:, 0], wanted, rtol=1e-7)
    assert list(later.sampling.index) == ["a", "b", "c"]
    assert later.records.ids == later.patients


def test_a_twin_alone_goes_on_as_among_others():
    twins = individualise(normal_population(), measured({"a": [5.5], "b": [3.0]}), method="sir", draws=50)
    new = Records.from_frame(pd.DataFrame({"ID": ["b"], "TIME": [9.0], "DV": [3.4]}))
    np.testing.assert_array_equal(
        twins.select(["b"]).assimilate(new).samples[:, 0], twins.assimilate(new).samples[:, 1]
    )


def test_a_new_occasion_widens_all_twins():
    kappa = RandomEffects(("kappa",), ((0.5,),), level="occasion")
    population = normal_population(
        individual={"base": "theta + eta + kappa"}, random=(RandomEffects(("eta",), ((0.8,),)), kappa)
    )
    frame = pd.DataFrame(
        {"ID": ["a", "a", "b"], "TIME": [1.0, 2.0, 1.0], "DV": [5.0, 6.0, 4.0], "OCC": [1, 1, 1]}
    )
    extra = pd.DataFrame({"ID": ["a"], "TIME": [3.0], "DV": [4.0], "OCC": [2]})
    later = individualise(population, Records.from_frame(frame)).assimilate(Records.from_frame(extra))
    both = pd.concat([frame, extra]).sort_values(["ID", "TIME"])
    wanted = individualise(population, Records.from_frame(both))
    assert later.effects.names == ("eta", "kappa_1", "kappa_2")
    np.testing.assert_allclose(later.modes, wanted.modes, rtol=1e-9)


def test_drift_goes_on():
    drift = Drift({"eta": 0.1}, every=2.0)
    values = [5.5, 6.1, 4.9, 5.2, 5.0]
    early = individualise(normal_population(), measured({"a": values[:2]}), drift=drift)
    rest = Records.from_frame(pd.DataFrame({"ID": "a", "TIME": [3.0, 4.0, 5.0], "DV": values[2:]}))
    wanted = individualise(normal_population(), measured({"a": values}), drift=drift)
    np.testing.assert_allclose(early.assimilate(rest).modes, wanted.modes, rtol=1e-9)


def test_other_units_are_converted():
    first, second = split(newborns(), 50.0)
    published = model("phenobarbital_neonates")
    twins = individualise(published, first)
    other = twins.assimilate(second.convert({"TIME": "d", "DV": "ug/L"}))
    np.testing.assert_allclose(other.modes, twins.assimilate(second).modes, rtol=1e-9)


def test_a_record_that_is_there_already_is_refused():
    twins = individualise(normal_population(), measured({"a": [5.5]}))
    with pytest.raises(DataError, match="there already"):
        twins.assimilate(measured({"a": [5.5]}))
