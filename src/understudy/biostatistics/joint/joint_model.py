"""joint_model: courses of a measure and an event whose hazard follows them, by one likelihood.

Rizopoulos D. Joint Models for Longitudinal and Time-to-Event Data. Chapman & Hall, 2012. doi:10.1201/b12208
Wulfsohn MS, Tsiatis AA. Biometrics 1997;53:330-339. doi:10.2307/2533118
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.estimates import Estimate, Estimates
from understudy.biostatistics.joint.course import LINE, Course
from understudy.biostatistics.joint.joint_data import JointData, joint_data
from understudy.biostatistics.joint.joint_likelihood import JointLikelihood, joint_likelihood
from understudy.biostatistics.joint.joint_parameters import JointParameters, parameter_names
from understudy.biostatistics.joint.two_stages import TwoStages, two_stages
from understudy.core.errors import SimulationError, StudyError

if TYPE_CHECKING:
    import pandas as pd

# Half of g' H^-1 g is what the logarithm of the likelihood still lacks: 1e-5 is a two-hundredth of a standard error.
_STEPS, _ENOUGH, _CLOSE = 100, 1e-5, 1.0
_DIFFERENCE = 1e-4


@dataclass(frozen=True, eq=False, repr=False)
class JointModel:
    """Courses and an event, tied. Made by `joint_model`.

    Parameters
    ----------
    parameters : JointParameters
    names : tuple of str
    covariance : float array, shape (parameters, parameters)
        Of `parameters.vector`: the inverse of the observed information.
    log_likelihood : float
    coefficients : float array, shape (patients, q)
        Of each patient, at the mode of his posterior.
    course : Course
    association : str
    cuts : float array, shape (pieces,)
        Where the hazard's pieces begin, the first at zero.
    patients, measurements, events, nodes : int
    two_stages : TwoStages
        What courses first and the hazard afterwards would say.
    level : float
    """

    parameters: JointParameters
    names: tuple[str, ...]
    covariance: np.ndarray
    log_likelihood: float
    coefficients: np.ndarray
    course: Course
    association: str
    cuts: np.ndarray
    patients: int
    measurements: int
    events: int
    nodes: int
    two_stages: TwoStages
    level: float

    @property
    def estimates(self) -> Estimates:
        """All parameters, as they stand in the vector."""
        vector = self.parameters.vector.copy()
        return Estimates(
            self.names,
            vector,
            np.sqrt(np.diag(self.covariance)).copy(),
            np.full(len(vector), np.inf),
            self.level,
        )

    @property
    def associations(self) -> tuple[Estimate, ...]:
        """Log hazard ratios of a unit of each feature of the course."""
        return tuple(self.estimates[name] for name in self.names[-len(self.parameters.association) :])

    def table(self) -> pd.DataFrame:
        """A row a parameter: estimate, standard error, interval, p."""
        return self.estimates.table()

    def __repr__(self) -> str:
        told = "; ".join(f"{each!r}" for each in self.associations)
        counts = f"{self.patients} patients, {self.measurements} measurements, {self.events} events"
        return f"JointModel({counts}; log likelihood {self.log_likelihood:.2f}; {told})"


def joint_model(
    patient: ArrayLike, time: ArrayLike, value: ArrayLike, follow_up: ArrayLike, event: ArrayLike, arm: ArrayLike,
    *, course: Course = LINE, association: str = "value", pieces: int = 4, cuts: ArrayLike | None = None,
    covariates: ArrayLike | None = None, nodes: int = 5, level: float = 0.95,
) -> JointModel:  # fmt: skip
    """Fit courses and hazard by maximum likelihood.

    Courses of both arms have one level at time zero, as randomised arms have. The hazard is constant in pieces of time
    but for what the course and the covariates make of it.

    Parameters
    ----------
    patient : int array, shape (rows,)
        Place of each measurement's patient, from 0 up.
    time, value : arrays, shape (rows,)
    follow_up, event, arm : arrays, shape (patients,)
        Time to the event or the last word of each patient; 1 for an event; 0 control or 1 treated.
    course : Course
        Functions of time whose coefficients vary between patients.
    association : {"value", "slope", "value and slope", "effects"}
        What acts on the hazard: the course's current value or slope, or deviations of a patient's coefficients from
        their mean (shared random effects).
    pieces : int
        Of the hazard, with equal numbers of events; or
    cuts : array, shape (pieces,), optional
        where they begin, the first at zero.
    covariates : array, shape (patients, r), optional
        Of the hazard; the arm is none unless it is given.
    nodes : int
        Points of the quadrature in each direction, from 3 up.
    level : float

    Raises
    ------
    DataError
        For what is wrong with the arrays.
    StudyError
        For fewer than 3 nodes, or pieces below 1.
    SimulationError
        Where the likelihood has no maximum, or some parameter is not identified.

    Examples
    --------
    >>> from understudy.biostatistics.joint.simulated_joint import an_example
    >>> found = joint_model(**an_example(200), pieces=1, nodes=3)
    >>> bool(found.associations[0].low < 0.4 < found.associations[0].high)
    True
    """
    if nodes < 3 or pieces < 1:
        raise StudyError(
            f"{nodes} nodes and {pieces} pieces",
            place="joint_model",
            repair="ask for 3 nodes and a piece, or more",
        )
    edges = _cuts(follow_up, event, pieces) if cuts is None else np.asarray(cuts, dtype=float)
    data = joint_data(
        patient, time, value, follow_up, event, arm, course=course, association=association, cuts=edges,
        covariates=covariates,
    )  # fmt: skip
    start = two_stages(data)
    evaluate = _Evaluation(data, start.parameters, nodes, start.coefficients)
    found, vector, information = _maximum(evaluate, start.parameters.vector)
    names = parameter_names(course, len(edges), data.covariates.shape[1], association)
    return JointModel(
        start.parameters.with_vector(vector), names, _inverse(information, names), float(found.values.sum()),
        found.modes, course, association, edges, len(data.event), int(data.visits.sum()), int(data.event.sum()), nodes,
        start, level,
    )  # fmt: skip


def _cuts(follow_up: ArrayLike, event: ArrayLike, pieces: int) -> np.ndarray:
    """Equal numbers of events in each piece."""
    times = np.asarray(follow_up, dtype=float)[np.asarray(event, dtype=float) > 0]
    inner = np.quantile(times, np.arange(1, pieces) / pieces) if len(times) else np.zeros(pieces - 1)
    return np.r_[0.0, inner]


class _Evaluation:
    """The likelihood at vectors; modes begin where the last ones were."""

    def __init__(self, data: JointData, like: JointParameters, nodes: int, modes: np.ndarray):
        self.data, self.like, self.nodes, self.modes = data, like, nodes, modes

    def __call__(self, vector: np.ndarray) -> JointLikelihood | None:
        """None where there is no number."""
        try:
            found = joint_likelihood(self.data, self.like.with_vector(vector), self.nodes, self.modes)
        except np.linalg.LinAlgError:
            return None
        if not (np.isfinite(found.values).all() and np.isfinite(found.scores).all()):
            return None
        self.modes = found.modes
        return found


def _maximum(
    evaluate: Callable[[np.ndarray], JointLikelihood | None], vector: np.ndarray
) -> tuple[JointLikelihood, np.ndarray, np.ndarray]:
    """Steps by products of scores while far, by the observed information when near; the latter at the end."""
    here, information = evaluate(vector), None
    for _ in range(_STEPS):
        if here is None:
            break
        slope = here.scores.sum(axis=0)
        curvature = here.scores.T @ here.scores if information is None else information
        step = np.linalg.solve(curvature + 1e-10 * np.diag(np.diag(curvature)), slope)
        lacking = 0.5 * float(step @ slope)
        if information is not None and lacking < _ENOUGH:
            return here, vector, _information(evaluate, vector)
        if information is None and lacking < _CLOSE:
            found = _information(evaluate, vector)
            if np.linalg.eigvalsh(found)[0] > 0:
                information = found
                continue
            if lacking < _ENOUGH:
                return here, vector, found
        # Slopes and values are of one quadrature only up to its error: near the maximum slopes decide.
        slack = 1e-9 if information is None else lacking
        vector, here = _climbed(evaluate, vector, here, step, slack)
    raise SimulationError(
        "the joint likelihood has no maximum that could be found",
        place="joint_model",
        repair="give more visits, ask for fewer pieces or a simpler course",
    )


def _climbed(evaluate, vector: np.ndarray, here: JointLikelihood, step: np.ndarray, slack: float) -> tuple:
    """The step, or the longest of its halves that goes down by no more than `slack`."""
    for halves in range(30):
        trial = vector + step * 0.5**halves
        found = evaluate(trial)
        if found is not None and found.values.sum() >= here.values.sum() - slack:
            return trial, found
    return vector, None


def _information(evaluate, vector: np.ndarray) -> np.ndarray:
    """Minus the second derivatives, by central differences of the slopes."""
    rows = []
    for k in range(len(vector)):
        off = np.zeros(len(vector))
        off[k] = _DIFFERENCE * max(abs(vector[k]), 1.0)
        up, down = evaluate(vector + off), evaluate(vector - off)
        if up is None or down is None:
            raise SimulationError(
                "the joint likelihood has no number beside its maximum",
                place="joint_model",
                repair="give more visits, or a simpler course",
            )
        rows.append((down.scores.sum(axis=0) - up.scores.sum(axis=0)) / (2 * off[k]))
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def _inverse(information: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    size, directions = np.linalg.eigh(information)
    if size[0] <= 1e-10 * size[-1]:
        name = names[int(np.abs(directions[:, 0]).argmax())]
        raise SimulationError(
            f"the data do not tell {name}",
            place="joint_model",
            repair="give more visits, ask for fewer pieces or a simpler course",
        )
    return (directions / size) @ directions.T
