"""JointData: measurements and follow-up in the sums and places that the likelihood asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.joint.course import Course
from understudy.core.errors import DataError, Problem

# Gauss and Legendre's points in each piece of the hazard: integrals of smooth courses to some ten digits.
_POINTS = 7
ASSOCIATIONS = {
    "value": ("current value",),
    "slope": ("current slope",),
    "value and slope": ("current value", "current slope"),
    "effects": (),
}


@dataclass(frozen=True, eq=False)
class JointData:
    """Of n patients, q functions of a course, G points of time, a features of the course that act on the hazard.

    Parameters
    ----------
    visits : int array, shape (n,)
    yy : float array, shape (n,)
        Sum of squares of the measurements.
    fy : float array, shape (n, q)
        Sums of measurements times functions.
    ff : float array, shape (n, q, q)
        Sums of products of functions.
    design : float array, shape (n, q, 2 q - 1)
        From fixed effects to mean coefficients.
    follow_up, event : float array, shape (n,)
    points, weights : float array, shape (n, G)
        Times and weights at which the hazard is integrated up to the end of follow-up.
    piece : int array, shape (G,)
        Of the hazard, in which each point lies.
    ends : int array, shape (n,)
        Piece in which follow-up ends.
    features : float array, shape (n, G, a, q)
    features_at_end : float array, shape (n, a, q)
        What acts on the hazard, linear in a patient's coefficients.
    deviations : bool
        Whether it is his deviation from the mean that acts.
    covariates : float array, shape (n, r)
        Of the hazard.
    arm : float array, shape (n,)
    cuts : float array, shape (pieces,)
    course : Course
    """

    visits: np.ndarray
    yy: np.ndarray
    fy: np.ndarray
    ff: np.ndarray
    design: np.ndarray
    follow_up: np.ndarray
    event: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    piece: np.ndarray
    ends: np.ndarray
    features: np.ndarray
    features_at_end: np.ndarray
    deviations: bool
    covariates: np.ndarray
    arm: np.ndarray
    cuts: np.ndarray
    course: Course


def joint_data(
    patient: ArrayLike, time: ArrayLike, value: ArrayLike, follow_up: ArrayLike, event: ArrayLike, arm: ArrayLike,
    *, course: Course, association: str, cuts: ArrayLike, covariates: ArrayLike | None = None,
) -> JointData:  # fmt: skip
    """Check the arrays of `joint_model` and sum them up.

    Raises
    ------
    DataError
        With all that is wrong.
    """
    who, when, seen = np.asarray(patient), np.asarray(time, dtype=float), np.asarray(value, dtype=float)
    end, died, treated = (np.asarray(each, dtype=float) for each in (follow_up, event, arm))
    edges = np.asarray(cuts, dtype=float)
    other = np.zeros((len(end), 0)) if covariates is None else np.asarray(covariates, dtype=float)
    _check(who, when, seen, end, died, treated, other, edges, association)
    _require_visits(who, course)
    count, f = len(end), course.at(when)
    ff, fy = np.zeros((count, course.size, course.size)), np.zeros((count, course.size))
    np.add.at(ff, who, f[:, :, None] * f[:, None, :])
    np.add.at(fy, who, f * seen[:, None])
    points, weights, piece = _time_points(end, edges)
    return JointData(
        np.bincount(who, minlength=count), np.bincount(who, seen**2, count), fy, ff, design_of(treated, course.size),
        end, died, points, weights, piece, np.searchsorted(edges, end, "left").clip(1) - 1,
        features_of(points, course, association), features_of(end, course, association), association == "effects",
        other, treated, edges, course,
    )  # fmt: skip


def design_of(arm: np.ndarray, size: int) -> np.ndarray:
    """Arms begin alike: treatment adds to all coefficients but the level. Shape (n, q, 2 q - 1)."""
    design = np.zeros((len(arm), size, 2 * size - 1))
    design[:, :, :size] = np.eye(size)
    design[:, 1:, size:] = arm[:, None, None] * np.eye(size - 1)
    return design


def features_of(times: np.ndarray, course: Course, association: str) -> np.ndarray:
    """What acts on the hazard at times of any shape, shape (..., features, q)."""
    if association == "effects":
        return np.broadcast_to(np.eye(course.size), (*times.shape, course.size, course.size))
    known = {"current value": course.at, "current slope": course.slope_at}
    return np.stack([known[name](times) for name in ASSOCIATIONS[association]], axis=-2)


def feature_names(course: Course, association: str) -> tuple[str, ...]:
    """Names of what acts on the hazard."""
    return ASSOCIATIONS[association] or tuple(f"deviation of {name}" for name in course.names)


def _time_points(end: np.ndarray, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of each piece up to the end of follow-up; pieces that were not reached have weights of zero."""
    at, share = np.polynomial.legendre.leggauss(_POINTS)
    start = np.minimum(cuts, end[:, None])
    width = np.minimum(np.r_[cuts[1:], np.inf], end[:, None]) - start
    points = start[:, :, None] + width[:, :, None] * (at + 1) / 2
    weights = width[:, :, None] * share / 2
    flat = (len(end), -1)
    return points.reshape(flat), weights.reshape(flat), np.repeat(np.arange(len(cuts)), _POINTS)


def _require_visits(who: np.ndarray, course: Course) -> None:
    """Error and course are told apart only where somebody has more measurements than a course has coefficients."""
    if np.bincount(who).max() <= course.size:
        cause = f"nobody was measured more than {np.bincount(who).max()} times"
        repair = f"a course of {course.size} coefficients needs more, or a simpler course"
        raise DataError([Problem(cause, repair)], place="measurements and follow-up")


def _check(who, when, seen, end, died, treated, other, cuts, association) -> None:
    count, problems = len(end), []
    if association not in ASSOCIATIONS:
        known = ", ".join(ASSOCIATIONS)
        problems.append(Problem(f"there is no association {association!r}", f"one of {known}"))
    if not (len(who) == len(when) == len(seen)) or not (count == len(died) == len(treated) == len(other)):
        problems.append(Problem("arrays of different lengths", "a number for every row, and every patient"))
    elif set(np.unique(who)) != set(range(count)):
        problems.append(
            Problem("patients without a measurement, or unknown ones", "number those with one from 0 up")
        )
    if not (np.isfinite(when).all() and np.isfinite(seen).all() and np.isfinite(other).all()):
        problems.append(Problem("a time, value or covariate that is no number", "leave the row out"))
    if not (np.isfinite(end).all() and (end > 0).all()):
        problems.append(
            Problem("follow-up that is not above zero", "leave the patient out", column="follow_up")
        )
    if not np.isin(died, (0, 1)).all():
        problems.append(Problem("events", "give 1 for an event and 0 for none", column="event"))
    if not np.isin(treated, (0, 1)).all() or len(np.unique(treated)) < 2:
        problems.append(Problem("arms", "give 0 for control and 1 for treated, both", column="arm"))
    if cuts[0] != 0 or (np.diff(cuts) <= 0).any():
        problems.append(Problem("pieces of the hazard", "begin with 0, then rise", column="cuts"))
    elif problems == [] and (np.bincount(np.searchsorted(cuts, end[died > 0], "left").clip(1) - 1,
                                         minlength=len(cuts)) == 0).any():  # fmt: skip
        problems.append(Problem(f"{died.sum():g} events leave a piece without one", "ask for fewer pieces"))
    if problems:
        raise DataError(problems, place="measurements and follow-up")
