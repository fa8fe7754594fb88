"""simulate_events: when events happen to virtual patients whose cumulative hazard a model computes.

An event comes when the cumulative hazard has grown by an exponential random number since the one before (Bender,
Augustin and Blettner 2005, Generating survival times to simulate Cox proportional hazards models, Stat Med
24:1713-1723, doi:10.1002/sim.2059).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import ModelError, SimulationError
from understudy.core.random import uniforms
from understudy.engine.simulate import simulate
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.model.regimen import Regimen

# Events that are drawn for each patient at first; more where they do not reach the end.
_FIRST = 64


def simulate_events(
    model: PopulationModel,
    patients: pd.DataFrame | None = None,
    regimen: Regimen | str | None = None,
    *,
    until: float,
    output: str | None = None,
    repeated: bool = False,
    points: int = 401,
    seed: int = 0,
    engine: str = "auto",
    jobs: int = 1,
) -> pd.DataFrame:
    """Draw times of events.

    Parameters
    ----------
    model : PopulationModel
        With a distribution ``"time_to_event"``.
    patients : DataFrame, optional
        One row a patient, as for `simulate`: covariates and random effects, as `virtual_patients` draws them.
    regimen : Regimen or str, optional
    until : float
        End of observation, in the model's time unit.
    output : str, optional
        Which outcome, where several are times to events.
    repeated : bool
        Whether patients stay at risk after an event; else each patient's records end with the first.
    points : int
        Times between which the cumulative hazard is taken to be a straight line.
    seed, engine, jobs
        As for `simulate`. A patient's events depend on the seed and on its place alone.

    Returns
    -------
    DataFrame
        One row a record, in the shape that `Records` takes: ID, TIME, EVID, DV, DVID. The first row of each patient
        (EVID 2) is when observation began; DV is 1 for an event and 0 at the end without one.

    Raises
    ------
    ModelError
        For a model without such an outcome, or with several where `output` names none.
    SimulationError
        For patients whose cumulative hazard falls, or cannot be computed.

    Examples
    --------
    >>> from understudy import Model, PopulationModel
    >>> base = Model("constant hazard", "d", {"h": (0.1, "1/d")}, {"H": "1"}, {"H": "h"}, outputs={"dropout": "H"})
    >>> dropout = {"dropout": ("time_to_event", {"hazard": "theta"})}
    >>> model = PopulationModel("dropout", base, {"h": "theta"}, {"theta": (0.1, "1/d")}, distributions=dropout)
    >>> events = simulate_events(model, until=30.0, seed=1)
    >>> events["EVID"].tolist(), events["DV"].tolist()
    ([2, 0], [nan, 1.0])
    """
    import pandas as pd

    chosen = _chosen(model, output)
    times = np.linspace(0.0, until, points)
    outcome = simulate(model, patients, regimen, times, outputs=[chosen], engine=engine, jobs=jobs)
    whole = outcome[chosen].values
    _require_growing(whole, chosen)
    frames = [
        _records(name, times, hazard, repeated, seed, k)
        for k, (name, hazard) in enumerate(zip(_names(patients, len(whole)), whole, strict=True))
    ]
    return pd.concat(frames, ignore_index=True).assign(DVID=chosen)


def _chosen(model: PopulationModel, output: str | None) -> str:
    known = [item.output for item in model.distributions if item.kind == "time_to_event"]
    if output in known or (output is None and len(known) == 1):
        return output or known[0]
    raise ModelError(
        f"which events? {model.name} has {', '.join(known) or 'none'}",
        place=model.name,
        repair='declare a distribution "time_to_event"' if not known else f"output=one of {', '.join(known)}",
    )


def _names(patients: pd.DataFrame | None, count: int) -> list:
    return list(range(1, count + 1)) if patients is None else list(patients.index)


def _require_growing(whole: np.ndarray, output: str) -> None:
    bad = ~np.isfinite(whole).all(axis=1) | (np.diff(whole, axis=1) < -1e-9).any(axis=1)
    if bad.any():
        raise SimulationError(
            f"{output} is no cumulative hazard in {int(bad.sum())} patients: it must be finite and never fall",
            place=f"patient {int(np.flatnonzero(bad)[0]) + 1}",
            repair="let it be a state whose rate is the hazard, which is not negative",
        )


def _records(name, times: np.ndarray, hazard: np.ndarray, repeated: bool, seed: int, place: int):
    import pandas as pd

    last, wanted = float(hazard[-1] - hazard[0]), _FIRST if repeated else 1
    while True:
        steps = -np.log(uniforms(seed, "events", [place], wanted)[0])
        reached = np.cumsum(steps)
        if not repeated or reached[-1] > last:
            break
        wanted *= 2
    reached = reached[reached < last]
    growing = np.maximum.accumulate(hazard - hazard[0])
    moments = np.interp(reached, growing, times)
    ends = repeated or not moments.size
    rows = [(float(times[0]), 2, np.nan), *((t, 0, 1.0) for t in moments)]
    rows += [(float(times[-1]), 0, 0.0)] if ends else []
    return pd.DataFrame(rows, columns=["TIME", "EVID", "DV"]).assign(ID=name)[["ID", "TIME", "EVID", "DV"]]
