"""Stepwise covariate search: what is planted is found, all that was tried is kept, and work goes on from a file."""

from dataclasses import replace

import numpy as np
import pytest
from small_study import lines, study

from understudy import fit
from understudy.core.errors import FormatError, SimulationError
from understudy.inference.building import many_fits
from understudy.inference.building.covariate_effect import Effect
from understudy.inference.building.covariate_search import effects_of, search_covariates

CANDIDATES = {"base": {"WT": ("power", "linear"), "NOISE": "linear", "SEX": "categorical"}}


@pytest.fixture(scope="module")
def found():
    return search_covariates(lines(), study(24, power=1.0, factor=0.5), CANDIDATES, method="fo")


def test_planted_covariates_are_found_and_the_absent_one_is_not(found):
    assert {effect.covariate for effect in found.effects} == {"WT", "SEX"}
    assert found.fit.succeeded
    assert found.fit.standard_errors
    # Planted as 0.5; three standard errors are missed once in 370 times.
    assert abs(found.fit.estimates["theta_base_SEX"] - 0.5) < 3 * found.fit.standard_errors["theta_base_SEX"]


def test_every_model_tried_is_kept_with_its_test(found):
    table = found.table()
    # One to begin with; four candidates, then two or three (a covariate is out in all kinds once it is in), then one;
    # then each of both left out.
    second = 2 if found.effects[0].covariate == "WT" else 3
    assert table["step"].value_counts(sort=False).tolist() == [1, 4, second, 1, 2]
    assert table["direction"].tolist() == ["base"] + ["forward"] * (5 + second) + ["backward"] * 2
    assert table["selected"].sum() == 3
    added = table[table["direction"] == "forward"]
    assert (added["change"] <= 1e-3).all()
    assert (added["df"] == 1).all()


def test_the_test_is_the_likelihood_ratio_test(found):
    first = next(step for step in found.steps if step.selected and step.number == 1)
    from scipy.stats import chi2

    fall = found.steps[0].fit.objective - first.fit.objective
    assert first.p == pytest.approx(chi2.sf(fall, 1), rel=1e-9)


def test_the_objective_is_that_of_a_fit_of_the_final_model(found):
    again = fit(found.model, study(24, power=1.0, factor=0.5), "fo", covariance=None)
    # Both end where the objective promises to fall by less than 1e-6.
    assert again.objective == pytest.approx(found.fit.objective, abs=1e-4)


def test_models_that_fail_are_kept_and_never_selected(monkeypatch, tmp_path):
    real = many_fits.fit

    def breaks(model, *arguments, **more):
        if "theta_base_WT" in model.fixed_values:
            raise SimulationError("the objective function is undefined at the initial estimates")
        return real(model, *arguments, **more)

    monkeypatch.setattr(many_fits, "fit", breaks)
    asked = {"method": "fo", "checkpoint": tmp_path / "search.jsonl"}
    found = search_covariates(lines(), study(power=1.0), {"base": ["WT", "NOISE"]}, **asked)
    again = search_covariates(lines(), study(power=1.0), {"base": ["WT", "NOISE"]}, **asked)
    assert again.table().equals(found.table())
    assert [str(step.effect) for step in found.failed] == ["base-WT-power"]
    assert "undefined at the initial estimates" in found.failed[0].fit.status
    assert not found.failed[0].selected
    assert np.isnan(found.failed[0].p)


def test_an_interrupted_search_goes_on_and_finds_the_same(tmp_path, monkeypatch):
    records, file = study(power=1.0), tmp_path / "search.jsonl"
    whole = search_covariates(lines(), records, {"base": ["WT", "NOISE"]}, method="fo")
    real, made = many_fits.fit, []

    def counted(*arguments, **more):
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **more)

    monkeypatch.setattr(many_fits, "fit", counted)
    with pytest.raises(KeyboardInterrupt):
        search_covariates(lines(), records, {"base": ["WT", "NOISE"]}, method="fo", checkpoint=file)
    again = search_covariates(lines(), records, {"base": ["WT", "NOISE"]}, method="fo", checkpoint=file)
    # Two were kept, the third was interrupted; the final model is estimated once more for its errors. The model without
    # its only effect is the one to begin with, and not estimated again.
    models = {step.effects for step in whole.steps}
    assert len(made) == 3 + len(models) + 1 - 2
    assert again.table().equals(whole.table())


def test_a_file_of_other_work_is_refused(tmp_path):
    file = tmp_path / "search.jsonl"
    search_covariates(lines(), study(8), {"base": ["NOISE"]}, method="fo", checkpoint=file)
    with pytest.raises(FormatError, match="another model, other records"):
        search_covariates(lines(), study(9), {"base": ["NOISE"]}, method="fo", checkpoint=file)


def test_kinds_are_chosen_by_the_values():
    found = effects_of({"base": ["WT", "NOISE", "SEX"]}, study(8))
    assert found == (
        Effect("base", "WT", "power"),
        Effect("base", "NOISE", "linear"),
        Effect("base", "SEX", "categorical"),
    )


@pytest.mark.parametrize(
    ("candidates", "told"),
    [
        ({}, "no candidates"),
        ({"base": ["AGE"]}, "no covariate 'AGE'"),
        ({"CL": ["WT"]}, "no individual parameter"),
    ],
)
def test_candidates_that_cannot_be_are_refused_before_anything_is_estimated(candidates, told, monkeypatch):
    monkeypatch.setattr(many_fits, "fit", lambda *a, **b: pytest.fail("estimated"))
    with pytest.raises(Exception, match=told):
        search_covariates(lines(), study(6), candidates, method="fo")


def test_a_base_model_that_cannot_be_estimated_is_an_error():
    held = replace(lines(), fixed=tuple(replace(p, fixed=True) for p in lines().fixed))
    held = replace(held, random=tuple(replace(block, fixed=True) for block in held.random))
    with pytest.raises(SimulationError, match="cannot be estimated: there is nothing to estimate"):
        search_covariates(held, study(6), {"base": ["NOISE"]}, method="fo")


@pytest.mark.slow
def test_processes_find_the_same():
    records = study(power=1.0)
    here, there = (
        search_covariates(lines(), records, {"base": ["WT", "NOISE"]}, method="fo", jobs=jobs)
        for jobs in (1, 2)
    )
    assert there.table().equals(here.table())
