"""fit: what it recovers, what it says of itself, and how it is interrupted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from simulated_data import TIMES, measured, oral, straight_lines

from understudy import DataError, Fit, Model, Records, fit
from understudy.core.errors import FormatError, ModelError, SimulationError
from understudy.inference.estimation.focei import FOCEI
from understudy.model.population_model import PopulationModel, RandomEffects

START = {"theta_ka": 0.8, "theta_CL": 5.5, "theta_V": 30.0, "prop": 0.3}


@pytest.fixture(scope="module")
def found():
    model = oral()
    return fit(model.with_values(**START), measured(model, 60))


def test_it_recovers_what_was_simulated(found):
    assert found.succeeded
    assert found.status == "converged"
    wanted = oral().fixed_values
    for name, value in wanted.items():
        # Four standard errors: once in 16,000 by chance, and the seed is held.
        assert abs(found.estimates[name] - value) < 4 * found.standard_errors[name]
    assert found.model.omega == pytest.approx(oral().omega, abs=0.1)


def test_it_says_how_derivatives_were_found(found):
    assert found.details["slopes"] == "sensitivities"
    still = PopulationModel(
        "flat",
        Model("flat", "h", {"y": 1.0}, {}, {}, outputs={"Y": "y"}),
        {"y": "theta + eta"},
        {"theta": 5.0, "add": 0.4},
        {"eta": 1.0},
        {"Y": "add ** 2"},
    )
    levels = [4.1, 5.3, 6.2, 4.4]
    frame = pd.DataFrame(
        {"ID": [1, 1, 2, 2], "TIME": [0.0, 1.0, 0.0, 1.0], "DV": levels, "AMT": 0.0, "EVID": 0}
    )
    found = fit(still, Records.from_frame(frame), covariance=None)
    assert found.details["slopes"] == "differences"
    with pytest.raises(DataError, match="row 2, column CMT: flat has nothing that a dose could enter"):
        fit(still, Records.from_frame(frame.assign(AMT=[9.0, 0, 0, 0], EVID=[1, 0, 0, 0])))


def test_the_fitted_model_has_the_estimates(found):
    assert found.model.fixed_values["theta_CL"] == found.estimates["theta_CL"]
    assert found.model.omega[1, 2] == pytest.approx(found.estimates["omega(eta_V,eta_CL)"])
    assert found.model.fixed[0].source is None


def test_standard_errors_of_all_kinds_agree_where_the_model_is_true(found):
    records = measured(oral(), 60)
    for kind in ("R", "S"):
        other = fit(found.model, records, FOCEI(iterations=0), covariance=kind)
        for name, error in found.standard_errors.items():
            # 60 subjects: the kinds differ by a few tenths, by much more where one of them is wrong.
            assert other.standard_errors[name] == pytest.approx(error, rel=0.6), (kind, name)


@pytest.fixture(scope="module")
def lines():
    """Straight lines whose variances are held, their records, and design and covariance of a subject's levels."""
    model = straight_lines()
    held = replace(
        model,
        fixed=tuple(replace(p, fixed=p.name == "add") for p in model.fixed),
        random=tuple(replace(block, fixed=True) for block in model.random),
    )
    design = np.column_stack([np.ones(len(TIMES)), [t - 0.5 * (t == 24.0) for t in TIMES]])
    return held, measured(model, 30), design, design @ model.omega @ design.T + 0.4**2 * np.eye(len(TIMES))


def test_straight_lines_have_the_standard_errors_of_least_squares(lines):
    held, records, design, spread = lines
    got = fit(held, records, covariance="R")
    wanted = np.linalg.inv(30 * design.T @ np.linalg.inv(spread) @ design)
    # Differences of gradients.
    assert got.covariance.to_numpy() == pytest.approx(wanted, rel=1e-4)
    mean = np.linalg.solve(
        design.T @ np.linalg.inv(spread) @ design,
        design.T @ np.linalg.inv(spread) @ levels_of(records).mean(axis=0),
    )
    assert [got.estimates["theta_base"], got.estimates["theta_slope"]] == pytest.approx(mean, rel=1e-4)


@pytest.mark.parametrize("kind", ["S", "sandwich"])
def test_straight_lines_have_the_standard_errors_of_their_scores(lines, kind):
    held, records, design, spread = lines
    got = fit(held, records, covariance=kind)
    residuals = levels_of(records) - design @ [got.estimates["theta_base"], got.estimates["theta_slope"]]
    scores = residuals @ np.linalg.inv(spread) @ design
    crossed = scores.T @ scores
    inverse = np.linalg.inv(30 * design.T @ np.linalg.inv(spread) @ design)
    wanted = np.linalg.inv(crossed) if kind == "S" else inverse @ crossed @ inverse
    # Differences of gradients.
    assert got.covariance.to_numpy() == pytest.approx(wanted, rel=1e-4)


def levels_of(records) -> np.ndarray:
    """Measured levels, shape (patients, times)."""
    return records.observations["dv"].to_numpy().reshape(30, -1)


def test_an_interrupted_fit_goes_on(tmp_path):
    model, records = oral().with_values(**START), measured(oral(), 12)
    numbers = []

    def interrupt(step):
        numbers.append(step.number)
        if step.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, records, checkpoint=tmp_path / "fit.json", watch=interrupt)
    whole, resumed = [], []
    straight = fit(model, records, watch=lambda step: whole.append(step.objective))
    found = fit(model, records, checkpoint=tmp_path / "fit.json", watch=resumed.append)
    assert resumed[0].objective == pytest.approx(whole[3], rel=1e-9)
    assert resumed[0].number == 3
    # Both end within the tolerance of the optimum.
    assert found.objective == pytest.approx(straight.objective, abs=1e-4)


def test_a_checkpoint_of_other_records_is_refused(tmp_path):
    model = oral().with_values(**START)
    fit(model, measured(oral(), 6), FOCEI(iterations=1), covariance=None, checkpoint=tmp_path / "c.json")
    with pytest.raises(FormatError, match="another model, other records"):
        fit(model, measured(oral(), 7), FOCEI(iterations=1), covariance=None, checkpoint=tmp_path / "c.json")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "c.json").write_text('{"format": "understudy')
    with pytest.raises(FormatError, match="no checkpoint of an estimation"):
        fit(oral(), measured(oral(), 6), checkpoint=tmp_path / "c.json")


def test_what_did_not_converge_is_no_success():
    found = fit(oral().with_values(**START), measured(oral(), 6), FOCEI(iterations=2), covariance=None)
    assert not found.succeeded
    assert found.status.startswith("stopped after 2 iterations")


def test_a_parameter_that_nothing_tells_of_is_named():
    # Two thetas of which only the product matters.
    model = oral(
        individual={
            "ka": "theta_ka * exp(eta_ka)",
            "CL": "theta_CL * share * exp(eta_CL)",
            "V": "theta_V * exp(eta_V)",
        },
        fixed={"theta_ka": 1.2, "theta_CL": 4.0, "share": 1.0, "theta_V": 40.0, "prop": 0.15},
    )
    found = fit(model, measured(oral(), 20))
    told = " ".join(found.warnings)
    assert not found.standard_errors
    assert "not identified" in told
    assert "theta_CL" in told
    assert "share" in told


def test_a_variance_that_collapses_is_named():
    truth = oral(random=(RandomEffects(("eta_ka",), ((1e-12,),)), *oral().random[1:]))
    found = fit(oral(), measured(truth, 20))
    assert any("omega(eta_ka) has collapsed" in each for each in found.warnings)


def test_an_undefined_start_names_patients():
    model = oral().with_values(theta_CL=-4.0)
    with pytest.raises(SimulationError, match="undefined at the initial estimates"):
        fit(replace(model, residual={"Cp": "prop - 1"}), measured(oral(), 4))


def test_nothing_to_estimate():
    model = oral()
    held = replace(
        model,
        fixed=tuple(replace(p, fixed=True) for p in model.fixed),
        random=tuple(replace(block, fixed=True) for block in model.random),
    )
    with pytest.raises(SimulationError, match="nothing to estimate"):
        fit(held, measured(model, 3))


def test_unknown_names_are_refused():
    with pytest.raises(SimulationError, match="unknown method 'focie'"):
        fit(oral(), measured(oral(), 3), "focie")
    with pytest.raises(SimulationError, match="unknown covariance"):
        fit(oral(), measured(oral(), 3), covariance="T")


def test_the_best_of_several_starts():
    records = measured(oral(), 6)
    one, several = (fit(oral(), records, covariance=None, starts=n, seed=2) for n in (1, 2))
    assert len(several.details["starts"]) == 2
    assert several.objective <= one.objective + 1e-4


def test_a_fit_is_written_and_read(found, tmp_path):
    found.write(tmp_path / "fit.json")
    again = Fit.read(tmp_path / "fit.json")
    assert again.to_json() == found.to_json()
    assert again.model == found.model
    assert again.covariance.equals(found.covariance)


def test_a_damaged_fit_is_refused(tmp_path):
    (tmp_path / "fit.json").write_text('{"format": "understudy fit 1", "method": "FOCEI"}')
    with pytest.raises(FormatError, match="this is no fit"):
        Fit.read(tmp_path / "fit.json")


def test_bounds_must_hold_the_start():
    fixed = tuple(replace(p, lower=5.0) if p.name == "theta_CL" else p for p in oral().fixed)
    with pytest.raises(ModelError, match="not inside of its bounds"):
        fit(replace(oral(), fixed=fixed), measured(oral(), 3))


def test_an_estimate_on_its_bound_is_named():
    fixed = tuple(replace(p, upper=4.6, value=4.5) if p.name == "theta_CL" else p for p in oral().fixed)
    truth = oral().with_values(theta_CL=8.0)
    found = fit(replace(oral(), fixed=fixed), measured(truth, 20))
    assert any("theta_CL lies at its upper bound 4.6" in each for each in found.warnings)
