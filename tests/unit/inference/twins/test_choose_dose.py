"""choose_dose: against what is exact for one compartment, whose levels are proportional to the dose."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.individualise import individualise
from understudy.inference.twins.choose_dose import choose_dose
from understudy.inference.twins.dosing import Dosing
from understudy.inference.twins.model_average import average_models
from understudy.library.pk import compartments
from understudy.model.population_model import PopulationModel
from understudy.population.attainment import Target
from understudy.population.exposure import Limit

VOLUME, OMEGA, DRAWS = 20.0, 0.09, 2000
WINDOW = (480.0, 504.0)


def population() -> PopulationModel:
    """Clearance about 2 L/h varies, volume is known: area is dose over clearance, exactly lognormal."""
    return PopulationModel(
        "iv",
        compartments(1, "iv"),
        {"CL": "2 * exp(eta)", "V": str(VOLUME)},
        random={"eta": OMEGA},
        residual={"Cp": "(0.1 * Cp) ** 2"},
        covariates={"WT": "kg"},
    )


def records(**levels: float) -> Records:
    """A dose of 100 mg to each, and a level an hour later that tells nothing, but for the volume."""
    rows = []
    for name, weight in (("a", 70.0), ("b", 50.0)):
        rows.append({"ID": name, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "WT": weight})
        if name in levels:
            rows.append({"ID": name, "TIME": 12.0, "AMT": 0.0, "EVID": 0, "DV": levels[name], "WT": weight})
    frame = pd.DataFrame(rows)
    frame["DV"] = frame.get("DV", np.nan)
    return Records.from_frame(frame, units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"})


@pytest.fixture(scope="module")
def twins():
    return individualise(population(), records())


def chosen(twins, target, dosing, **options):
    return choose_dose(twins, target, dosing, WINDOW, draws=options.pop("draws", DRAWS), **options)


def lognormal(values, middle):
    return stats.norm.cdf(np.log(np.asarray(values) / middle) / np.sqrt(OMEGA))


def test_probabilities_of_areas_are_exact(twins):
    """AUC over a day at steady state is the daily dose over the clearance."""
    target = Target("Cp", 400, 600, "mg*h/L")
    found = chosen(twins, target, Dosing((12, 24), amounts=(500, 1000)), measure="auc").of("a")
    for row in found.itertuples():
        middle = row.amount * 24 / row.interval / 2.0
        low, high = lognormal([400, 600], middle)
        wanted = high - low
        error = 4 * np.sqrt(max(wanted * (1 - wanted), 0.01) / DRAWS)
        # The trapezoids' error is 0.02 % here.
        assert row.within == pytest.approx(wanted, abs=error + 1e-3)
        assert row.below == pytest.approx(low, abs=error + 1e-3)
        assert row.median == pytest.approx(middle, rel=0.02)
    assert found["rank"].tolist() == [1, 2, 3, 4]
    assert found["within"].is_monotonic_decreasing
    # 500 mg every 12 h and 1000 mg every 24 h give the same area: the lower dose per day first, or both alike.
    assert {tuple(row) for row in found.head(2)[["amount", "interval"]].to_numpy()} == {(500, 12), (1000, 24)}


@pytest.mark.parametrize("measure", ["trough", "peak", "mean"])
def test_levels_at_steady_state(twins, measure):
    """With clearance at its mode, which a patient of whom everything is known has."""
    known = individualise(population(), records(), method="map")
    k, interval = 2.0 / VOLUME, 12.0
    peak = 100 / VOLUME / (1 - np.exp(-k * interval))
    wanted = {"trough": peak * np.exp(-k * interval), "peak": peak, "mean": 100 / 2.0 / interval}[measure]
    target = Target("Cp", 0.1, 100, "mg/L")
    row = chosen(known, target, Dosing((12,), amounts=(100,)), measure=measure, draws=2).of("a").iloc[0]
    # Trapezoids for the mean; the peak and the trough are points of the grid.
    assert row["median"] == pytest.approx(wanted, rel=2e-3 if measure == "mean" else 1e-9)
    assert row["within"] == 1.0


def test_the_share_of_time_above_a_level(twins):
    known = individualise(population(), records(), method="map")
    k, interval = 2.0 / VOLUME, 12.0
    peak = 100 / VOLUME / (1 - np.exp(-k * interval))
    target = Target("Cp", 4.0, np.inf, "mg/L")
    choice = chosen(known, target, Dosing((12,), amounts=(100,)), measure="time", draws=2)
    wanted = np.log(peak / 4.0) / k / interval
    # The grid has steps of a quarter of an hour.
    assert choice.of("a").iloc[0]["within"] == pytest.approx(wanted, abs=0.25 / 12)
    assert "at least 4 mg/L for" in choice.sentence("a")


def test_a_continuous_dose_has_the_least_loss_where_theory_says(twins):
    """E[log(AUC / goal)^2] is least where the median area is the goal: dose = goal * 2."""
    target = Target("Cp", 400, 600, "mg*h/L")
    alone, count = twins.select(["a"]), 200
    found = chosen(alone, target, Dosing((24,), low=200, high=5000), measure="auc", loss="log", draws=count)
    goal = np.sqrt(400 * 600)
    eta = alone.vectors(count, 0)[:, 0, 0]
    best = found.best.loc["a"]
    assert best["amount"] == pytest.approx(goal * 2.0 * np.exp(eta.mean()), rel=2e-3)
    # Around its minimum the loss is flat: the mean of the squared logarithms is the draws' variance, but for
    # trapezoids.
    assert best["loss"] == pytest.approx(eta.var(), rel=5e-3)


def test_a_callable_loss_may_fear_one_side_more(twins):
    target = Target("Cp", 400, 600, "mg*h/L")
    dosing = Dosing((24,), low=500, high=1500, step=100)

    def loss(values):
        return np.where(values > 600, 10.0, 1.0) * np.abs(np.log(values / 500))

    timid = chosen(twins, target, dosing, measure="auc", loss=loss, draws=200).best.loc["a", "amount"]
    even = chosen(twins, target, dosing, measure="auc", loss="log", draws=200).best.loc["a", "amount"]
    assert timid < even


def test_limits_rule_regimens_out(twins):
    target = Target("Cp", 400, 600, "mg*h/L")
    dosing = Dosing((12, 24), low=250, high=1500, step=250)
    free = chosen(twins, target, dosing, measure="auc", draws=500)
    limit = Limit("Cp", 48.0, "mg/L", "peak", 0.05)
    bound = chosen(twins, target, dosing, measure="auc", limits=[limit], draws=500)
    best = bound.best.loc["a"]
    column = f"P({limit})"
    assert best[column] <= 0.05
    table = bound.of("a")
    assert (table.loc[~table["allowed"], column] > 0.05).all()
    assert table.loc[~table["allowed"], "reason"].str.contains("more than 0.05").all()
    # Allowed ones come first, whatever their probability.
    assert table["allowed"].is_monotonic_decreasing
    assert free.of("a")["allowed"].all()


def test_it_is_said_when_nothing_satisfies_the_conditions(twins):
    target = Target("Cp", 400, 600, "mg*h/L")
    choice = chosen(
        twins, target, Dosing((24,), amounts=(500, 1000)), measure="auc", at_least=0.99, draws=200
    )
    assert len(choice.best) == 0
    sentence = choice.sentence("a")
    assert "no regimen satisfies the conditions. Nearest is 1000 mg every 24 h" in sentence
    assert "less than 0.99" in sentence
    assert sentence in repr(choice)


def test_going_on_from_the_records(twins):
    """After a first dose of which a day later little is left, the first trough is nearly that of a new patient."""
    target, dosing = Target("Cp", 0.5, 1.5, "mg/L"), Dosing((24,), amounts=(100,))
    ahead = choose_dose(twins, target, dosing, (0, 24), since=48.0, draws=500).of("a").iloc[0]
    alone = choose_dose(twins, target, dosing, (0, 24), draws=500).of("a").iloc[0]
    assert ahead["median"] == pytest.approx(alone["median"], rel=0.05)
    assert ahead["median"] > alone["median"]


def test_a_measured_patient_is_dosed_otherwise():
    slow = individualise(population(), records(a=3.2, b=0.4))
    found = choose_dose(
        slow,
        Target("Cp", 400, 600, "mg*h/L"),
        Dosing((24,), low=200, high=3000, step=100),
        WINDOW,
        measure="auc",
    ).best
    assert found.loc["a", "amount"] < 800 < 1200 < found.loc["b", "amount"]


def test_doses_per_kilogram(twins):
    table = chosen(
        twins, Target("Cp", 0.5, 5, "mg/L"), Dosing((12,), amounts=(2,), unit="mg/kg"), draws=50
    ).table
    medians = table.set_index("patient")["median"]
    assert medians["a"] > medians["b"]


def test_averages_of_models_are_dosed_too(twins):
    average = average_models({"one": twins, "two": twins})
    target = Target("Cp", 400, 600, "mg*h/L")
    found = chosen(average, target, Dosing((24,), amounts=(1000,)), measure="auc", draws=400).best
    alone = chosen(twins, target, Dosing((24,), amounts=(1000,)), measure="auc", draws=400).best
    np.testing.assert_array_equal(found["within"], alone["within"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": (24, 12)}, "no stretch of time"),
        ({"measure": "cmax"}, "trough, peak, mean, auc, time"),
        ({"target": Target("Cp", 4, np.inf, "mg/L"), "loss": "log"}, "no geometric middle"),
    ],
)
def test_impossible_questions(twins, options, words):
    given = {"target": Target("Cp", 1, 5, "mg/L"), "window": (0, 24)} | options
    with pytest.raises(SimulationError, match=words):
        choose_dose(twins, given.pop("target"), Dosing((12,), amounts=(5,)), given.pop("window"), **given)
