"""Bootstrap: resampled patients, intervals, failures, and work that goes on from a file."""

import numpy as np
import pytest
from small_study import lines, study

from understudy import fit
from understudy.core.errors import SimulationError
from understudy.inference.building import many_fits
from understudy.inference.building.bootstrap import bootstrap
from understudy.inference.building.intervals import bias_corrected, percentile
from understudy.inference.building.resampling import draws, resampled


def test_a_patient_drawn_twice_is_two_patients():
    records = study(4)
    twice = resampled(records, [2, 2, 0])
    assert twice.ids == ("1", "2", "3")
    own = records.table.groupby("id")["dv"].apply(list)
    found = twice.table.groupby("id")["dv"].apply(list)
    assert [found["1"], found["2"], found["3"]] == [own["3"], own["3"], own["1"]]


def test_all_patients_once_is_the_study_itself():
    records = study(5)
    assert resampled(records, range(5)).hash == records.hash


def test_strata_keep_their_numbers():
    records = study(9)
    sex = records.baseline()["SEX"].to_numpy()
    chosen = draws(records, 30, 0, "SEX")
    assert {int(sex[list(each)].sum()) for each in chosen} == {3}
    assert len({int(sex[list(each)].sum()) for each in draws(records, 30, 0)}) > 1


@pytest.mark.parametrize(
    ("column", "told"), [("AGE", "no covariate 'AGE'"), ("WT", "differs between all patients")]
)
def test_a_column_that_cannot_divide_patients_is_refused(column, told):
    with pytest.raises(SimulationError, match=told):
        draws(study(6), 2, 0, column)


def test_replicates_are_the_fits_of_resampled_studies():
    records = study(10)
    found = bootstrap(lines(), records, 3, method="fo", seed=4)
    chosen = draws(records, 3, 4)
    again = fit(found.fit.model, resampled(records, chosen[1]), "fo", covariance=None)
    assert found.replicates[1].estimates == again.estimates
    assert list(found.table().index) == ["theta_base", "theta_slope", "add2", "omega(eta_base)"]


def test_failed_replicates_are_kept_counted_and_left_out(monkeypatch):
    records, real, made = study(10), many_fits.fit, []

    def breaks(*arguments, **more):
        made.append(1)
        if len(made) in (2, 4):
            raise SimulationError("omega is singular")
        return real(*arguments, **more)

    monkeypatch.setattr(many_fits, "fit", breaks)
    found = bootstrap(lines(), records, 4, method="fo")
    assert (len(found.replicates), len(found.used)) == (4, 2)
    assert list(found.failures.values()) == [2]
    assert "omega is singular" in next(iter(found.failures))
    assert found.replicate_table()["succeeded"].tolist() == [False, True, False, True]
    assert len(found.estimates()) == 2


def test_more_replicates_go_on_from_the_file(tmp_path, monkeypatch):
    records, file = study(10), tmp_path / "bootstrap.jsonl"
    bootstrap(lines(), records, 3, method="fo", checkpoint=file)
    whole = bootstrap(lines(), records, 5, method="fo")
    # The program was stopped in the middle of a line.
    with file.open("a") as opened:
        opened.write('{"key": "replicate 4", "fi')
    real, made = many_fits.fit, []
    monkeypatch.setattr(many_fits, "fit", lambda *a, **b: made.append(1) or real(*a, **b))
    found = bootstrap(lines(), records, 5, method="fo", checkpoint=file)
    assert len(made) == 2
    assert found.estimates().equals(whole.estimates())


def test_percentile_interval():
    assert percentile(np.arange(1001.0), 0.95) == pytest.approx((25.0, 975.0))


def test_bias_corrected_interval_agrees_with_scipy():
    # SciPy's own BCa of a mean, from the same resamples by the same random numbers.
    from scipy.stats import bootstrap as oracle

    data = np.random.default_rng(3).exponential(size=25)
    theirs = oracle((data,), np.mean, n_resamples=999, method="BCa", random_state=np.random.default_rng(5))
    left_out = np.array([np.delete(data, k).mean() for k in range(data.size)])
    ours = bias_corrected(theirs.bootstrap_distribution, data.mean(), left_out, 0.95)
    # Both interpolate between neighbouring resamples.
    assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=1e-3)


def test_bias_corrected_intervals_leave_each_patient_out():
    found = bootstrap(lines(), study(6), 8, method="fo", interval="BCa")
    assert len(found.left_out) == 6
    assert found.kind == "BCa"
    low, high = found.interval("theta_slope")
    assert low < found.fit.estimates["theta_slope"] < high


def test_a_study_whose_patients_say_nothing_new_has_no_interval():
    assert np.isnan(bias_corrected(np.array([1.0, 2.0]), 0.0, np.array([0.0, 1.0]), 0.95)).all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"replicates": 1}, "too few"),
        ({"interval": "normal"}, "unknown interval"),
        ({"level": 95}, "no probability"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, told):
    with pytest.raises(SimulationError, match=told):
        bootstrap(lines(), study(4), **settings)


def test_a_fit_by_another_method_is_refused():
    records = study(5)
    with pytest.raises(SimulationError, match="made by FO, and is asked about by FOCEI"):
        bootstrap(fit(lines(), records, "fo", covariance=None), records, 2)
