"""Joint models: the likelihood against plain integrals, its slopes against differences, and planted values found."""

import numpy as np
import pytest

from understudy.biostatistics import joint_model, piecewise_exponential
from understudy.biostatistics.joint.course import LINE, fall_and_growth
from understudy.biostatistics.joint.joint_data import ASSOCIATIONS, joint_data
from understudy.biostatistics.joint.joint_likelihood import joint_likelihood
from understudy.biostatistics.joint.joint_parameters import JointParameters
from understudy.biostatistics.joint.simulated_joint import an_example, drawn_events, drawn_study
from understudy.biostatistics.joint.two_stages import two_stages
from understudy.core.errors import DataError, StudyError

CUTS = np.array([0.0, 1.2])


def parameters(features, **other):
    own = {"covariates": np.array([0.3]), "association": np.linspace(0.5, -0.2, features)} | other
    return JointParameters(
        np.array([3.0, 0.5, -0.8]), np.array([[1.0, 0.2], [0.2, 0.3]]), 0.3, np.array([-2.5, -2.0]), **own
    )


def data_of(patients, association="value", seed=1):
    return joint_data(
        **an_example(patients, seed), course=LINE, association=association, cuts=CUTS,
        covariates=np.arange(patients)[:, None] % 3 - 1.0,
    )  # fmt: skip


@pytest.mark.parametrize("association", list(ASSOCIATIONS))
def test_slopes_are_those_of_the_likelihood(association):
    data = data_of(30, association)
    at = parameters(data.features.shape[2])
    start = np.zeros((30, 2))
    vector, scores = at.vector, joint_likelihood(data, at, 11, start).scores
    for k in range(len(vector)):
        step = np.zeros(len(vector))
        step[k] = 1e-5
        up, down = (
            joint_likelihood(data, at.with_vector(vector + s * step), 11, start).values for s in (1, -1)
        )
        # Eleven points in each direction leave errors of some 1e-6 in values of this size.
        assert scores[:, k] == pytest.approx((up - down) / 2e-5, abs=2e-3, rel=1e-3), k


def test_a_patients_likelihood_is_the_plain_integral():
    data = data_of(6)
    at = parameters(1)
    found = joint_likelihood(data, at, 15, np.zeros((6, 2))).values
    study = an_example(6)
    for k in range(6):
        own = study["patient"] == k
        mean = np.array([3.0, 0.5 - 0.8 * study["arm"][k]])
        spread = 9 * np.sqrt(np.diag(at.covariance))
        grid = [np.linspace(mean[i] - spread[i], mean[i] + spread[i], 801) for i in (0, 1)]
        level, slope = np.meshgrid(*grid, indexing="ij")
        off = np.stack([level - mean[0], slope - mean[1]], axis=-1)
        told = -0.5 * np.einsum("...i,ij,...j", off, np.linalg.inv(at.covariance), off)
        told -= 0.5 * np.linalg.slogdet(2 * np.pi * at.covariance)[1]
        for t, y in zip(study["time"][own], study["value"][own], strict=True):
            told -= 0.5 * ((y - level - slope * t) ** 2 / 0.3 + np.log(2 * np.pi * 0.3))
        end, w = study["follow_up"][k], 0.3 * (k % 3 - 1.0)
        for start, stop, base in ((0.0, min(1.2, end), -2.5), (1.2, end, -2.0)):
            if stop > start:
                # The integral of exp(0.5 slope t) in closed form.
                rate = 0.5 * slope
                grown = np.exp(rate * start) * np.expm1(rate * (stop - start)) / rate
                told -= np.exp(base + w + 0.5 * level) * grown
        if study["event"][k]:
            told += (-2.5 if end <= 1.2 else -2.0) + w + 0.5 * (level + slope * end)
        cell = (grid[0][1] - grid[0][0]) * (grid[1][1] - grid[1][0])
        # Quadrature of 15 points in each direction.
        assert found[k] == pytest.approx(np.log(np.exp(told).sum() * cell), abs=1e-5)


def test_without_association_it_falls_apart_into_its_two_halves():
    study = an_example(50)
    data = joint_data(**study, course=LINE, association="value", cuts=CUTS)
    at = parameters(1, covariates=np.zeros(0), association=np.zeros(1))
    found = joint_likelihood(data, at, 3, np.zeros((50, 2))).values
    survival = -np.exp(-2.5) * np.minimum(study["follow_up"], 1.2)
    survival -= np.exp(-2.0) * np.maximum(study["follow_up"] - 1.2, 0)
    survival += study["event"] * np.where(study["follow_up"] <= 1.2, -2.5, -2.0)
    for k in range(50):
        own = study["patient"] == k
        f = LINE.at(study["time"][own])
        covariance = f @ at.covariance @ f.T + 0.3 * np.eye(own.sum())
        off = study["value"][own] - f @ [3.0, 0.5 - 0.8 * study["arm"][k]]
        normal = -0.5 * (
            off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(2 * np.pi * covariance)[1]
        )
        # Everything is normal, so that the quadrature is exact.
        assert found[k] == pytest.approx(normal + survival[k], abs=1e-9)


def test_what_was_planted_is_found_and_two_stages_fall_short():
    at = JointParameters(
        np.array([3.0, 0.5, -0.8]), np.diag([1.0, 1.0]), 2.0, np.array([-4.5]), np.zeros(0), np.array([0.9])
    )
    arm = np.arange(400) % 2.0
    study = drawn_study(at, np.arange(0, 3, 0.5), arm, 3.0, 2, cuts=np.zeros(1), course=LINE)
    found = joint_model(**study, pieces=1)
    errors = found.estimates.standard_errors
    # 3.5 standard errors in nine parameters: exceeded once in some 250 studies.
    assert (np.abs(found.parameters.vector - at.vector) < 3.5 * errors).all()
    own = found.two_stages.parameters.association[0]
    assert own < found.parameters.association[0] - 0.05
    assert found.names[-1] == "current value"
    assert "400 patients" in repr(found)


def test_three_nodes_or_nine_say_the_same():
    study = an_example(150)
    few, many = (joint_model(**study, pieces=1, nodes=nodes) for nodes in (3, 9))
    # A thousandth of a standard error would be too fine for three points.
    assert few.associations[0].value == pytest.approx(many.associations[0].value, abs=0.003)
    assert few.log_likelihood == pytest.approx(many.log_likelihood, abs=0.01)


def test_the_first_stage_is_maximum_likelihood():
    """Without events the joint likelihood has the mixed model's maximum."""
    study = an_example(80)
    data = joint_data(**study, course=LINE, association="value", cuts=np.zeros(1))
    first = two_stages(data).parameters
    still = JointParameters(
        first.fixed, first.covariance, first.variance, first.log_hazard, first.covariates, np.zeros(1)
    )
    slopes = joint_likelihood(data, still, 3, np.zeros((80, 2))).scores.sum(axis=0)
    # The search ends where a step moves estimates by less than a millionth.
    assert np.abs(slopes[:7]).max() < 1e-2
    rate = piecewise_exponential(study["follow_up"], study["event"], cuts=[]).hazards[0]
    assert rate > 0


def test_deaths_come_at_the_rate_that_was_asked_for():
    at = JointParameters(
        np.array([0.0, 0.0, 0.0]), np.eye(2), 1.0, np.array([np.log(0.5)]), np.zeros(0), np.zeros(1)
    )
    arm = np.arange(4000) % 2.0
    times, events = drawn_events(at, np.zeros(1), LINE, "value", arm, 2.0, 1)
    # Constant hazard of 0.5: 63 % are dead after two years, with a standard error below 0.8 %.
    assert events.mean() == pytest.approx(1 - np.exp(-1.0), abs=0.03)
    assert events.sum() / times.sum() == pytest.approx(0.5, abs=0.04)
    few, _ = drawn_events(at, np.zeros(1), LINE, "value", arm[:3], 2.0, 1)
    assert few.tolist() == times[:3].tolist()


def test_slopes_of_courses_are_their_derivatives():
    for course in (LINE, fall_and_growth(4.0)):
        times = np.array([0.1, 0.7, 2.0])
        near = (course.at(times + 1e-6) - course.at(times - 1e-6)) / 2e-6
        assert course.slope_at(times) == pytest.approx(near, abs=1e-8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"follow_up": 0.0}, "follow-up that is not above zero"),
        ({"arm": 1.0}, "give 0 for control and 1 for treated"),
        ({"event": 2.0}, "give 1 for an event"),
        ({"value": np.nan}, "no number"),
        ({"patient": 5}, "patients without a measurement"),
        ({"event": 0.0}, "leave a piece without one"),
    ],
)
def test_what_is_wrong_is_said(change, said):
    study = an_example(40)
    study = study | {name: np.full_like(study[name], value) for name, value in change.items()}
    with pytest.raises(DataError, match=said):
        joint_model(**study, pieces=1)


def test_what_cannot_be_asked_or_told_is_refused():
    study = an_example(40)
    with pytest.raises(DataError, match="there is no association 'size'"):
        joint_model(**study, association="size", pieces=1)
    with pytest.raises(StudyError, match="ask for 3 nodes"):
        joint_model(**study, nodes=1)
    with pytest.raises(DataError, match="begin with 0"):
        joint_model(**study, cuts=[1.0])
    once = study["time"] == 0
    first = {name: study[name][once] for name in ("patient", "time", "value")}
    with pytest.raises(DataError, match="nobody was measured more than 1 times"):
        joint_model(**(study | first), pieces=1)
