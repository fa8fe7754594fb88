"""The same joint model as a population model: two likelihoods that share no code."""

import numpy as np
import pandas as pd
import pytest

from understudy import Model, PopulationModel, RandomEffects, Records
from understudy.biostatistics.joint.course import LINE
from understudy.biostatistics.joint.joint_data import joint_data
from understudy.biostatistics.joint.joint_likelihood import joint_likelihood
from understudy.biostatistics.joint.joint_parameters import JointParameters
from understudy.biostatistics.joint.simulated_joint import an_example
from understudy.inference.objective import objective

HAZARD = "base * exp(alpha * (level + slope * t))"


def population() -> PopulationModel:
    """A straight course; the cumulative hazard is a state that follows it."""
    course = Model(
        "course", "year", {"level": 3.0, "slope": (0.5, "1/year"), "base": (0.08, "1/year"), "alpha": 0.4}, {"H": "1"},
        {"H": HAZARD}, outputs={"size": "level + slope * t", "death": "H", "hazard": (HAZARD, "1/year")},
    )  # fmt: skip
    fixed = {
        "t_level": 3.0,
        "t_slope": (0.5, "1/year"),
        "t_drug": (-0.8, "1/year"),
        "t_alpha": 0.4,
        "s2": 0.3,
    }
    return PopulationModel(
        "joint", course,
        individual={
            "level": "t_level + e_level", "slope": "t_slope + t_drug * ARM + e_slope", "base": "t_base",
            "alpha": "t_alpha",
        },
        fixed=fixed | {"t_base": (float(np.exp(-2.5)), "1/year")}, covariates={"ARM": "1"},
        random=(RandomEffects(("e_level", "e_slope"), ((1.0, 0.2), (0.2, 0.3))),), residual={"size": "s2"},
        distributions={"death": ("time_to_event", {"hazard": "hazard"})},
    )  # fmt: skip


def records(study: dict) -> Records:
    """Observation begins at zero, sizes follow, and the end of follow-up is an event or none."""
    rows = []
    for k, arm in enumerate(study["arm"]):
        own = study["patient"] == k
        rows.append((k, 0.0, 2, None, "death", arm))
        rows += [
            (k, t, 0, y, "size", arm) for t, y in zip(study["time"][own], study["value"][own], strict=True)
        ]
        rows.append((k, study["follow_up"][k], 0, study["event"][k], "death", arm))
    frame = pd.DataFrame(rows, columns=["ID", "TIME", "EVID", "DV", "DVID", "ARM"])
    return Records.from_frame(frame.sort_values(["ID", "TIME"], kind="stable"), units={"TIME": "year"})


def test_a_population_model_has_the_same_likelihood():
    study = an_example(60)
    data = joint_data(**study, course=LINE, association="value", cuts=np.zeros(1))
    at = JointParameters(
        np.array([3.0, 0.5, -0.8]),
        np.array([[1.0, 0.2], [0.2, 0.3]]),
        0.3,
        np.array([-2.5]),
        np.zeros(0),
        np.array([0.4]),
    )
    ours = -2 * joint_likelihood(data, at, 5, np.zeros((60, 2))).values.sum()
    # As NONMEM, the objective leaves out the constant of normal measurements. Both are adaptive with five points, about
    # the same modes, so that they differ by the tolerance of the solver of the hazard alone.
    theirs = objective(population(), records(study), "agq") + len(study["value"]) * np.log(2 * np.pi)
    assert ours == pytest.approx(theirs, abs=1e-6)
