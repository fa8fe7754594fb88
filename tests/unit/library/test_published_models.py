"""Myelosuppression, target-mediated disposition and the published populations do what was published."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy.engine.simulate import simulate
from understudy.library.catalogue import entry, model
from understudy.library.typical import typical_values
from understudy.model.population_model import PopulationModel

DATA = Path(__file__).parents[4] / "shared" / "reference" / "pharmacometrics" / "data"


def run(name, regimen, times, **covariates):
    found = model(name)
    is_population = isinstance(found, PopulationModel)
    patients = (
        pd.DataFrame([entry(name).covariates | covariates]) if is_population and found.covariates else None
    )
    return simulate(found, patients, regimen, times, engine="reference")


def series(outcome, name):
    return np.ravel(outcome[name].values)


def test_neutrophils_rest_at_baseline_without_drug():
    still = run("myelosuppression", "no dose", [10.0, 500.0])
    assert series(still, "ANC") == pytest.approx([5.05, 5.05], rel=1e-9)


@pytest.mark.parametrize(
    ("name", "regimen"),
    [("myelosuppression", "180 mg over 1 h"), ("docetaxel_neutropenia", "90 mg over 1 h")],
)
def test_neutrophils_fall_to_a_nadir_in_the_second_week_and_recover(name, regimen):
    """Nadirs of docetaxel are seen about day 7 to 10, with recovery by day 21."""
    times = np.arange(1.0, 1000.0, 3.0)
    counts = series(run(name, regimen, times), "ANC")
    assert 6 < times[counts.argmin()] / 24 < 11
    assert 0.3 < counts.min() < 1.5
    assert counts[times > 504].min() > 0.8 * counts[0]


def test_complex_and_drug_balance():
    """At any time the rates of free drug, target and complex close the balance of what is made and lost."""
    found = model("tmdd_full")
    values = {p.name: p.value for p in found.parameters} | {"central": 70.0, "R": 3.0, "RC": 5.0}
    for each in found.ordered_assignments:
        values[each.name] = float(each.expression.evaluate(values))
    drug, target, bound = (float(rate.evaluate(values)) for rate in found.rates)
    assert drug / 3.5 + bound == pytest.approx(-0.0015 * 20 - 0.003 * 5)
    assert target + bound == pytest.approx(0.11 - 0.0089 * 3 - 0.003 * 5)


@pytest.mark.parametrize("name", ["tmdd_full", "tmdd_quasi_steady_state"])
def test_target_rests_at_synthesis_over_loss(name):
    assert series(run(name, "no dose", [100.0]), "R") == pytest.approx([0.11 / 0.0089], rel=1e-9)


def test_quasi_steady_state_follows_the_full_model_after_binding():
    """Free and bound drug within 0.5 %, free drug within 2 % while it exceeds its target."""
    card = entry("tmdd_full")
    full, quasi = (
        run("tmdd_full", card.regimen, card.times),
        run("tmdd_quasi_steady_state", card.regimen, card.times),
    )
    assert series(quasi, "Ctot") == pytest.approx(series(full, "Ctot"), rel=0.005)
    free = series(full, "Cp")
    assert series(quasi, "Cp")[free > 1] == pytest.approx(free[free > 1], rel=0.02)


def test_phenobarbital_by_weight_and_apgar_score():
    values = typical_values(model("phenobarbital_neonates"))
    assert values == pytest.approx({"CL": 0.00469555 * 1.3, "V": 0.984258 * 1.3})
    low = series(run("phenobarbital_neonates", "20 mg/kg", [0.0], APGR=4.0), "Cp")
    assert low == pytest.approx([20 / 0.984258 / 1.158920])


def test_phenobarbital_has_the_numbers_of_the_reference_run():
    found = model("phenobarbital_neonates")
    assert found.fixed_values == {
        "theta_CL": 0.00469555,
        "theta_V": 0.984258,
        "theta_APGR": 0.158920,
        "sigma2": 0.0132410,
    }
    assert np.diag(found.omega).tolist() == [0.0293508, 0.0279060]
    assert found.eta_names == ("eta_CL", "eta_V")
    assert [p.standard_error for p in found.fixed] == [2.09967e-4, 0.0268946, 0.0837555, None]


def test_pembrolizumab_covariates_move_clearance_as_printed():
    base = typical_values(model("pembrolizumab_solid_tumours"))
    assert base == pytest.approx({"CL": 0.22, "V1": 3.48, "Q": 0.795, "V2": 4.06})
    steady = series(run("pembrolizumab_solid_tumours", "220 mg over 1000 days", [900.0]), "Cp")
    women = series(run("pembrolizumab_solid_tumours", "220 mg over 1000 days", [900.0], SEX=1.0), "Cp")
    assert steady == pytest.approx([1.0], rel=1e-6)
    assert women == pytest.approx([1 / (1 - 0.152)], rel=1e-6)


def test_infliximab_is_cleared_faster_with_antibodies_or_low_albumin():
    def hold(**covariates):
        held = run("infliximab_ulcerative_colitis", "407 mg over 1000 days", [900.0], **covariates)
        return series(held, "Cp")[0]

    assert hold() == pytest.approx(1.0, rel=1e-6)
    assert hold(ADA=1.0) == pytest.approx(1 / 1.471, rel=1e-6)
    assert hold(ALB=30.0) == pytest.approx((30 / 41) ** 1.54, rel=1e-6)


def test_vancomycin_at_rest_is_rate_over_clearance():
    held = series(run("vancomycin_critically_ill", "10000 mg over 500 h", [499.0], CLCR=100.0), "Cp")
    assert held == pytest.approx([20 / 4.58], rel=1e-6)


def test_rifampicin_from_single_drug_tablets_comes_later_and_leaves_faster():
    times = np.arange(0.1, 24, 0.1)
    fixed_dose = series(run("rifampicin_tuberculosis", "600 mg", times), "Cp")
    single = series(run("rifampicin_tuberculosis", "600 mg", times, FDC=0.0), "Cp")
    assert times[single.argmax()] > times[fixed_dose.argmax()]
    areas = np.trapezoid(fixed_dose, times), np.trapezoid(single, times)
    assert areas[0] == pytest.approx(600 / 19.2, rel=0.01)
    assert areas[1] == pytest.approx(600 / 19.2 / 1.236, rel=0.01)


def test_omalizumab_binds_ige():
    """Free IgE falls by over nine tenths, total IgE rises: its complex is cleared more slowly."""
    found = run("omalizumab_ige", "300 mg every 672 h for 3 doses", [0.001, 24.0, 336.0, 1500.0])
    free, total = series(found, "free_IgE"), series(found, "IgE")
    assert free[0] == pytest.approx(482.4, rel=5e-3)
    assert free[2] < 0.1 * free[0]
    assert total[2] > 2 * total[0]


def test_omalizumab_complex_solves_the_law_of_mass_action():
    found = model("omalizumab_ige").structural
    values = {p.name: p.value for p in found.parameters} | {"depot": 0.0, "omalizumab": 900.0, "ige": 40.0}
    for each in found.ordered_assignments:
        values[each.name] = float(each.expression.evaluate(values))
    free_product = values["free_X"] * values["free_E"]
    assert free_product / (values["bound"] / values["V_C"]) == pytest.approx(values["Kd"], rel=1e-10)


def test_ige_without_omalizumab_rests_at_production_over_clearance():
    still = run("omalizumab_ige", "no dose", [0.0, 10000.0])
    assert series(still, "free_IgE") == pytest.approx([482.4, 30.3 / 0.071], rel=1e-6)


@pytest.mark.skipif(not DATA.exists(), reason="the reference data sets are not beside this checkout")
@pytest.mark.parametrize(
    ("output", "dvid", "error", "bias"), [("PCA", "pca", 8.0, 4.0), ("Cp", "cp", 1.5, 0.5)]
)
def test_typical_warfarin_patient_agrees_with_the_original_measurements(output, dvid, error, bias):
    """Mean absolute error and bias over 32 people, without random effects; the data spread by 26 and 3.8."""
    table = pd.read_csv(DATA / "warfarin.csv").query("evid == 0 and dvid == @dvid and time > 0")
    doses = pd.read_csv(DATA / "warfarin.csv").query("amt > 0").set_index("id").amt
    off = []
    for who, rows in table.groupby("id"):
        times = np.unique(rows.time)
        predicted = series(run("warfarin_pca", f"{doses[who]} mg", times, WT=rows.wt.iloc[0]), output)
        off.extend(
            dict(zip(times, predicted, strict=True))[t] - y for t, y in zip(rows.time, rows.dv, strict=True)
        )
    assert len(off) > 200
    assert np.mean(np.abs(off)) < error
    assert abs(np.mean(off)) < bias


@pytest.mark.skipif(not DATA.exists(), reason="the reference data sets are not beside this checkout")
@pytest.mark.parametrize(("name", "file", "error"), [("theophylline_adults", "theo_sd.csv", 1.6)])
def test_typical_theophylline_patient_agrees_with_the_original_measurements(name, file, error):
    table = pd.read_csv(DATA / file)
    doses = table[table.AMT > 0].set_index("ID").AMT
    seen = table[(table.EVID == 0) & (table.TIME > 0)]
    off = []
    for who, rows in seen.groupby("ID"):
        predicted = series(run(name, f"{doses[who]} mg", rows.TIME.to_numpy()), "Cp")
        off.extend(predicted - rows.DV.to_numpy())
    assert np.mean(np.abs(off)) < error
    assert abs(np.mean(off)) < 0.5
