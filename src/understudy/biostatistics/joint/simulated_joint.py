"""Simulated joint: patients of a joint model, their courses and events, drawn from its parameters."""

from __future__ import annotations

import numpy as np

from understudy.biostatistics.joint.course import LINE, Course
from understudy.biostatistics.joint.joint_data import design_of, features_of
from understudy.biostatistics.joint.joint_parameters import JointParameters
from understudy.core.random import normals, uniforms

# Pieces of follow-up between which the hazard is taken for constant.
_CELLS = 96


def drawn_coefficients(at: JointParameters, arm: np.ndarray, seed: int) -> np.ndarray:
    """Each patient's coefficients, shape (patients, q)."""
    q = len(at.covariance)
    effects = normals(seed, "joint, coefficients", np.arange(len(arm)), q)
    return design_of(arm, q) @ at.fixed + effects @ np.linalg.cholesky(at.covariance).T


def drawn_events(
    at: JointParameters, cuts: np.ndarray, course: Course, association: str, arm: np.ndarray, horizon: float, seed: int,
    covariates: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Time to the event or to `horizon`, and whether there was one; shapes (patients,).

    A patient's fate depends on seed and place alone.
    """
    own = drawn_coefficients(at, arm, seed)
    acting = own - design_of(arm, len(at.covariance)) @ at.fixed if association == "effects" else own
    width = horizon / _CELLS
    middle = (np.arange(_CELLS) + 0.5) * width
    features = np.einsum("a,gaq->gq", at.association, features_of(middle, course, association))
    piece = np.searchsorted(cuts, middle, "right") - 1
    other = 0.0 if covariates is None else (covariates @ at.covariates)[:, None]
    # Beyond this a hazard is death at once, or never.
    hazard = np.exp(np.clip(at.log_hazard[piece] + acting @ features.T + other, -50, 50))
    risen = np.cumsum(hazard * width, axis=1)
    due = -np.log(uniforms(seed, "joint, event", np.arange(len(arm)), 1)[:, 0])
    happened = risen[:, -1] >= due
    cell = (risen < due[:, None]).sum(axis=1).clip(max=_CELLS - 1)
    rows = np.arange(len(arm))
    before = np.where(cell > 0, risen[rows, cell - 1], 0.0)
    within = np.clip((due - before) / hazard[rows, cell], 0.0, width)
    return np.where(happened, cell * width + within, horizon), happened.astype(float)


def drawn_study(
    at: JointParameters, visits: np.ndarray, arm: np.ndarray, horizon: float, seed: int, *, cuts: np.ndarray,
    course: Course, association: str = "value", covariates: np.ndarray | None = None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """A study as `joint_model` takes it: measured at `visits` until the event.

    Returns
    -------
    dict of arrays
        ``patient``, ``time``, ``value``, ``follow_up``, ``event``, ``arm``.
    """
    follow_up, event = drawn_events(at, cuts, course, association, arm, horizon, seed, covariates)
    own = drawn_coefficients(at, arm, seed)
    noise = np.sqrt(at.variance) * normals(seed, "joint, error", np.arange(len(arm)), len(visits))
    value = own @ course.at(visits).T + noise
    patient, visit = np.nonzero((visits <= follow_up[:, None]) | (visits == visits.min()))
    return {
        "patient": patient, "time": visits[visit], "value": value[patient, visit], "follow_up": follow_up,
        "event": event, "arm": arm,
    }  # fmt: skip


def an_example(patients: int, seed: int = 1) -> dict[str, np.ndarray]:
    """A small study of straight courses: a unit of the course multiplies the hazard by exp(0.4)."""
    at = JointParameters(
        np.array([3.0, 0.5, -0.8]), np.diag([1.0, 0.3]), 0.3, np.array([-2.5]), np.zeros(0), np.array([0.4])
    )
    arm = np.arange(patients) % 2.0
    return drawn_study(at, np.arange(0, 3, 0.5), arm, 3.0, seed, cuts=np.zeros(1), course=LINE)
