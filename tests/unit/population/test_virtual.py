"""Virtual patients: what their table holds, and that each patient's numbers are its own."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import SimulationError
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model as library_model
from understudy.library.pk import compartments
from understudy.model.mixture import Mixture
from understudy.model.parts import Parameter
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects
from understudy.population.virtual import VirtualPopulation, square_root, virtual_patients

NEWBORNS = library_model("phenobarbital_neonates")
REAL = pd.DataFrame({"WT": [1.0, 2.0, 3.0], "APGR": [1.0, 5.0, 9.0]}, index=["x", "y", "z"])


def test_a_column_for_each_covariate_and_random_effect():
    found = virtual_patients(NEWBORNS, REAL, 5, seed=1)
    assert list(found.columns) == ["WT", "APGR", "eta_CL", "eta_V"]
    assert list(found.index) == ["v1", "v2", "v3", "v4", "v5"]


def test_without_real_patients_everyone_is_typical():
    found = virtual_patients(NEWBORNS, count=3)
    assert found["WT"].tolist() == [1.3] * 3
    assert found["APGR"].tolist() == [7.0] * 3


def test_rows_of_covariates_stay_together():
    found = virtual_patients(NEWBORNS, REAL, 200, seed=1)
    pairs = set(zip(found["WT"], found["APGR"], strict=True))
    assert pairs == {(1.0, 1.0), (2.0, 5.0), (3.0, 9.0)}


def test_a_patient_is_the_same_in_every_draw_of_the_seed():
    many = virtual_patients(NEWBORNS, REAL, 100, seed=4)
    pd.testing.assert_frame_equal(virtual_patients(NEWBORNS, REAL, 10, seed=4), many.iloc[:10])
    pd.testing.assert_frame_equal(virtual_patients(NEWBORNS, REAL, 30, seed=4, first=70), many.iloc[70:])
    assert (virtual_patients(NEWBORNS, REAL, 100, seed=5)["eta_CL"] != many["eta_CL"]).all()


def test_more_columns_than_the_model_needs_are_kept():
    found = virtual_patients(NEWBORNS, REAL.assign(AGE=[1.0, 2.0, 3.0]), 4)
    assert "AGE" in found


def test_effects_of_an_occasion_are_not_drawn_once_for_all():
    model = PopulationModel(
        "p",
        compartments(1, "iv"),
        {"CL": "5 * exp(eta + kappa)"},
        random=(RandomEffects(("eta",), ((0.1,),)), RandomEffects(("kappa",), ((0.1,),), level="occasion")),
    )
    assert list(virtual_patients(model, count=2).columns) == ["eta"]


def test_they_can_be_simulated():
    found = simulate(NEWBORNS, virtual_patients(NEWBORNS, REAL, 20, seed=1), "20 mg/kg", [2.0, 12.0])
    assert found["Cp"].shape == (20, 2)
    assert not found.failures


@pytest.mark.parametrize("count", [0, -1])
def test_an_empty_population(count):
    with pytest.raises(SimulationError, match="empty"):
        virtual_patients(NEWBORNS, REAL, count)


def test_nobody_to_resample_from():
    with pytest.raises(SimulationError, match="no patients to resample"):
        virtual_patients(NEWBORNS, REAL.iloc[:0], 3)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_square_roots_also_of_singular_matrices(rank):
    factor = np.random.default_rng(rank).standard_normal((3, rank))
    covariance = factor @ factor.T
    root = square_root(covariance)
    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-12)
    np.testing.assert_allclose(root, root.T, atol=1e-12)


def test_a_population_makes_the_same_patients_in_any_pieces():
    everyone = VirtualPopulation(NEWBORNS, REAL, count=100, seed=4)
    whole = virtual_patients(NEWBORNS, REAL, 100, seed=4)
    pd.testing.assert_frame_equal(everyone.table(0, 100), whole)
    pd.testing.assert_frame_equal(pd.concat([everyone.table(0, 33), everyone.table(33, 100)]), whole)


def test_what_all_patients_of_a_population_share():
    everyone = VirtualPopulation(NEWBORNS, count=3, shared={"WT": 2.5})
    assert everyone.table(1, 3)["WT"].tolist() == [2.5, 2.5]


def test_the_hash_of_a_population_tells_its_patients_apart():
    one = VirtualPopulation(NEWBORNS, REAL, count=100, seed=4)
    assert one.hash == VirtualPopulation(NEWBORNS, REAL.copy(), count=50, seed=4).hash
    others = (
        VirtualPopulation(NEWBORNS, REAL, seed=5),
        VirtualPopulation(NEWBORNS, REAL * 2, seed=4),
        VirtualPopulation(NEWBORNS, None, seed=4),
        VirtualPopulation(NEWBORNS, REAL, seed=4, shared={"WT": 1.0}),
        VirtualPopulation(library_model("theophylline_adults"), REAL, seed=4),
    )
    assert len({one.hash, *(other.hash for other in others)}) == 6


def test_a_population_that_cannot_be_is_refused_at_once():
    with pytest.raises(SimulationError, match="the population is empty"):
        VirtualPopulation(NEWBORNS, count=0)
    with pytest.raises(SimulationError, match="no patients to resample"):
        VirtualPopulation(NEWBORNS, REAL.iloc[:0])


def test_patients_take_turns_with_drawn_parameters():
    wide = replace(
        NEWBORNS.with_values(theta_V=2.0), random=(RandomEffects(("eta_CL", "eta_V"), ((4, 0), (0, 1))),)
    )
    found = virtual_patients(NEWBORNS, REAL, 4000, seed=2, drawn=[NEWBORNS, wide])
    plain = virtual_patients(NEWBORNS, REAL, 4000, seed=2)
    assert found["theta_V"].tolist()[:4] == [NEWBORNS.fixed_values["theta_V"], 2.0] * 2
    assert set(NEWBORNS.fixed_values) < set(found.columns)
    np.testing.assert_allclose(found["eta_CL"][::2], plain["eta_CL"][::2], rtol=1e-12)
    np.testing.assert_array_equal(found["WT"], plain["WT"])
    # 2,000 patients: a standard deviation is known to 1.6 %; four of those.
    assert found["eta_CL"][1::2].std() == pytest.approx(2.0, rel=0.065)
    pd.testing.assert_frame_equal(
        virtual_patients(NEWBORNS, REAL, 10, seed=2, first=15, drawn=[NEWBORNS, wide]), found.iloc[15:25]
    )


def test_drawn_parameters_reach_the_simulation():
    heavy = NEWBORNS.with_values(theta_V=2 * NEWBORNS.fixed_values["theta_V"])
    patients = virtual_patients(NEWBORNS, REAL, 6, seed=2, drawn=[NEWBORNS, heavy]).assign(
        eta_V=0.0, WT=1.0, APGR=9.0
    )
    levels = simulate(NEWBORNS, patients, "20 mg", [0.0])["Cp"].values[:, 0]
    np.testing.assert_allclose(levels[::2], 2 * levels[1::2], rtol=1e-12)


def test_subpopulations_are_drawn_by_each_set_of_parameters():
    model = replace(
        NEWBORNS,
        fixed=(*NEWBORNS.fixed, Parameter("share", 0.5)),
        covariates=(*NEWBORNS.covariates, Covariate("GROUP")),
        mixture=Mixture("GROUP", ("share", "1 - share")),
    )
    drawn = [model.with_values(share=0.1), model.with_values(share=0.9)]
    found = virtual_patients(model, REAL, 4000, seed=1, drawn=drawn)["GROUP"].to_numpy()
    # A share of 2,000 patients is known to 0.7 percentage points; four of those.
    assert (found[::2] == 1).mean() == pytest.approx(0.1, abs=0.028)
    assert (found[1::2] == 1).mean() == pytest.approx(0.9, abs=0.028)
