"""Full random effects: for straight lines they are the regression on the covariates, in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from small_study import lines, study

from understudy import fit
from understudy.core.errors import ModelError, SimulationError
from understudy.data.records import Records
from understudy.inference.building.full_random_effects import full_random_effects
from understudy.model.population_model import Covariate


@pytest.fixture(scope="module")
def records():
    return study(20, power=1.0)


def conditional(records: Records):
    """The same as fixed effects: the joint likelihood is that of the covariates times this one."""
    model = replace(
        lines(),
        individual={
            "base": "theta_base + by_WT * (WT - 70[kg]) + by_NOISE * NOISE + eta_base",
            "slope": "theta_slope",
        },
        fixed={"theta_base": 5.0, "theta_slope": 0.5, "add2": 0.16, "by_WT": (0.0, "1/kg"), "by_NOISE": 0.0},
        covariates=(Covariate("WT", "kg"), Covariate("NOISE")),
    )
    return fit(model, records, "fo", covariance="R")


def test_coefficients_are_those_of_the_regression(records):
    full = full_random_effects(lines(), records, ["WT", "NOISE"])
    found = fit(full.model, full.records, "fo", covariance="R")
    table = full.coefficients(found).set_index("covariate")
    other = conditional(records)
    assert found.succeeded
    for name in ("WT", "NOISE"):
        error = other.standard_errors[f"by_{name}"]
        # Covariates are taken to be known to 1 % of their spread; estimates end within 1e-3 of an error.
        assert table.loc[name, "coefficient"] == pytest.approx(
            other.estimates[f"by_{name}"], abs=0.01 * error
        )
        assert table.loc[name, "standard error"] == pytest.approx(error, rel=0.03)
    assert 0.2 < table.loc["WT", "explained"] < 1.0


def test_a_patient_whose_covariate_is_missing_stays_in(records):
    frame = records.table.drop(columns="row")
    frame.loc[frame["id"] == "3", "WT"] = np.nan
    full = full_random_effects(lines(), Records.from_frame(frame, units=dict(records.units)), ["WT"])
    seen = full.records.observations
    assert (seen["dvid"] == "observed_WT").sum() == 19
    assert "3" in full.records.ids


def test_units_fit_together(records):
    full_random_effects(lines(), records, ["WT"]).model.check_units()


def test_what_cannot_be_is_refused(records):
    with pytest.raises(SimulationError, match="no covariate 'AGE'"):
        full_random_effects(lines(), records, ["AGE"])
    with pytest.raises(ModelError, match="no random effect"):
        full_random_effects(replace(lines(), random=(), individual={"base": "theta_base"}), records, ["WT"])
    with pytest.raises(ModelError, match="in the model already"):
        full_random_effects(replace(lines(), covariates=(Covariate("WT", "kg"),)), records, ["WT"])
