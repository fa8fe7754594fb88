"""Target attainment: shares below, within and above, their Monte Carlo errors, and the best regimen."""

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import SimulationError, UnitError
from understudy.core.result import Outcome
from understudy.population.attainment import (
    Attainment,
    Target,
    attainment,
    attainment_table,
    best_regimens,
)

TARGET = Target("C", 15, 40, "mg/L")


def outcome(values, unit="mg/L", **options) -> Outcome:
    values = np.asarray(values, float)
    names = [f"p{k}" for k in range(len(values))]
    return Outcome.build(names, np.arange(values.shape[1]), {"C": (values, unit)}, "h", **options)


def test_time_counts_all_but_the_first_and_trough_the_last():
    found = attainment(outcome([[0, 10, 20, 50], [99, 15, 40, 40.001]]), TARGET)
    np.testing.assert_allclose(found.below["time"], [[1 / 3], [0]])
    np.testing.assert_allclose(found.within["time"], [[1 / 3], [2 / 3]])
    np.testing.assert_allclose(found.above["time"], [[1 / 3], [1 / 3]])
    np.testing.assert_array_equal(found.above["trough"], [[1], [1]])
    assert found.draws == 1


def test_both_ends_of_the_range_belong_to_it():
    found = attainment(
        outcome([[0, 15.0], [0, 40.0], [0, np.nextafter(15, 0)], [0, np.nextafter(40, 50)]]), TARGET
    )
    np.testing.assert_array_equal(found.within["trough"][:, 0], [1, 1, 0, 0])


def test_shares_add_up_to_one():
    rng = np.random.default_rng(0)
    found = attainment(outcome(rng.uniform(0, 60, (20, 30, 7))), TARGET)
    for measure in ("trough", "time"):
        total = found.below[measure] + found.within[measure] + found.above[measure]
        np.testing.assert_allclose(total, 1.0, rtol=1e-14)
    assert found.within["time"].shape == (20, 7)


def test_the_target_may_be_in_another_unit():
    plain = attainment(outcome([[0, 20, 50]]), TARGET)
    other = attainment(outcome([[0, 20, 50]]), Target("C", 15_000, 40_000, "ug/L"))
    assert plain.summary("time") == other.summary("time")
    with pytest.raises(UnitError):
        attainment(outcome([[0, 20, 50]]), Target("C", 15, 40, "mg"))


def test_failed_patients_are_left_out():
    found = attainment(outcome([[0, 20], [0, 50]], status=[0, 3], messages=["", "it failed"]), TARGET)
    assert found.patients == ("p0",)
    with pytest.raises(SimulationError, match="every patient failed"):
        attainment(outcome([[0, 20]], status=[1], messages=["it failed"]), TARGET)


@pytest.mark.parametrize(("low", "high"), [(40, 15), (15, 15), (float("nan"), 15)])
def test_an_empty_range(low, high):
    with pytest.raises(SimulationError, match="empty"):
        Target("C", low, high, "mg/L")


def draws(within: np.ndarray) -> Attainment:
    """Attainment with a given share within; the rest is below."""
    nothing = np.zeros_like(within)
    both = lambda values: {"trough": values, "time": values}  # noqa: E731
    return Attainment(
        tuple(f"p{k}" for k in range(len(within))), both(1 - within), both(within), both(nothing)
    )


def test_error_over_draws_with_the_patients_fixed():
    within = np.random.default_rng(1).integers(0, 2, (5, 40)).astype(float)
    found = draws(within)
    each = within.std(axis=1, ddof=1) / np.sqrt(40)
    np.testing.assert_allclose(found.by_patient()["se"], each)
    summary = found.summary("time")
    assert summary["within"] == pytest.approx(within.mean())
    assert summary["se"] == pytest.approx(np.sqrt((each**2).sum()) / 5)


def test_error_over_patients_where_each_is_one_draw():
    within = np.random.default_rng(1).integers(0, 2, (50, 1)).astype(float)
    summary = draws(within).summary("trough")
    assert summary["se"] == pytest.approx(within.std(ddof=1) / np.sqrt(50))
    assert draws(within).by_patient()["se"].isna().all()


def test_the_error_is_that_of_repeated_sampling():
    """Means of many samples scatter as the stated error says."""
    rng, truth = np.random.default_rng(5), np.array([0.2, 0.5, 0.9])
    samples = [
        draws((rng.random((3, 60)) < truth[:, None]).astype(float)).summary("time") for _ in range(600)
    ]
    scatter = np.std([s["within"] for s in samples])
    assert np.mean([s["se"] for s in samples]) == pytest.approx(scatter, rel=0.1)


def test_some_patients_only():
    found = draws(np.array([[1.0], [0.0], [0.0]]))
    chosen = found.summary("time", np.array([True, False, True]))
    assert (chosen["n"], chosen["within"]) == (2, 0.5)
    assert np.isnan(found.summary("time", np.array([True, False, False]))["se"])


def test_the_table_has_every_regimen_stratum_and_measure():
    found = {"low": draws(np.array([[1.0, 0.0], [0.0, 0.0]])), "high": draws(np.ones((2, 2)))}
    strata = {
        "WT": {
            "light": np.array([True, False]),
            "heavy": np.array([False, True]),
            "nobody": np.zeros(2, bool),
        }
    }
    table = attainment_table(found, strata, "virtual")
    assert list(table.columns) == [
        "source",
        "regimen",
        "by",
        "stratum",
        "measure",
        "n",
        "below",
        "within",
        "above",
        "se",
    ]
    assert len(table) == 2 * 3 * 2
    assert "nobody" not in set(table["stratum"])
    row = table.query("regimen == 'low' and stratum == 'light' and measure == 'time'").iloc[0]
    assert (row["n"], row["within"], row["source"], row["by"]) == (1, 0.5, "virtual", "WT")


def test_the_best_regimen_of_each_patient():
    rng = np.random.default_rng(3)
    chance = {"low": [0.9, 0.2, 0.5], "high": [0.3, 0.8, 0.5], "none": [0.0, 0.0, 0.0]}
    found = {
        name: draws((rng.random((3, 400)) < np.array(p)[:, None]).astype(float)) for name, p in chance.items()
    }
    table = best_regimens(found)
    assert table["best"].tolist()[:2] == ["low", "high"]
    assert table["runner_up"].tolist()[:2] == ["high", "low"]
    assert table["tied"].tolist() == [False, False, True]
    np.testing.assert_allclose(table["within"].iloc[0], found["low"].within["time"][0].mean())
    np.testing.assert_allclose(table["below"] + table["within"] + table["above"], 1.0)
    # The third patient's two are no different: the one that is best over all is named.
    overall = {name: f.within["time"].mean() for name, f in found.items()}
    assert table["best"].iloc[2] == max(overall, key=overall.get)


def test_the_only_regimen_is_the_best():
    table = best_regimens({"only": draws(np.array([[1.0, 0.0]]))})
    assert table.loc["p0", "best"] == "only"
    assert table.loc["p0", "runner_up"] == ""
    assert not table.loc["p0", "tied"]
    assert isinstance(table, pd.DataFrame)


def test_paired_draws_tell_regimens_apart_that_differ_a_little():
    base = np.zeros((1, 1000))
    base[0, :500] = 1.0
    better = base.copy()
    better[0, 500:520] = 1.0  # in 20 of the same draws the second does what the first does not
    table = best_regimens({"first": draws(base), "second": draws(better)})
    assert table.loc["p0", "best"] == "second"
    assert not table.loc["p0", "tied"]
