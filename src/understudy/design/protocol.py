"""Protocol: one kind of patient's doses, samples and covariates, and its records as if it had been measured."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.units import factor
from understudy.data.records import Records
from understudy.engine.schedule import find_inputs, one_by_one
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd

    from understudy.design.population_design import Group


@dataclass(frozen=True, eq=False)
class Protocol:
    """What is done with one patient.

    Parameters
    ----------
    regimen : Regimen
    outputs : tuple of str, length n
        What each sample measures.
    times : float array, shape (n,)
        In the model's unit of time, in any order.
    covariates : mapping of str to float
        Every covariate of the model.
    occasions : tuple of float
    """

    regimen: Regimen
    outputs: tuple[str, ...]
    times: np.ndarray
    covariates: Mapping[str, float]
    occasions: tuple[float, ...] = ()


def covariates_of(model: PopulationModel, group: Group, place: str) -> list[dict[str, float]]:
    """Every covariate of the model for each kind of patient of a group.

    Raises
    ------
    SimulationError
        For a covariate that the model has not, or one that is not known.
    """
    names = list(model.covariate_names)
    for name in group.covariates:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            known = f"its covariates are {', '.join(names)}" if names else "it has no covariates"
            raise SimulationError(
                f"{model.name} has no covariate {name!r}", place=place,
                repair=f"did you mean {near[0]}?" if near else known,
            )  # fmt: skip
    typical = {c.name: c.reference for c in model.covariates if c.reference is not None}
    missing = [name for name in names if name not in typical and name not in group.covariates]
    if missing:
        raise SimulationError(
            f"{model.name} needs the covariate {missing[0]}", place=place,
            repair=f"give its value or values: covariates={{{missing[0]!r}: ...}}",
        )  # fmt: skip
    return [typical | profile for profile in group.profiles]


def outputs_of(model: PopulationModel, times: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The same by the names of the outputs that are measured.

    Raises
    ------
    SimulationError
        For an output that is none, or none said where there are several.
    """
    names = model.output_names
    found = {}
    for given, own in times.items():
        name = names[0] if given == "" and len(names) == 1 else given
        if name not in names:
            said = (
                "which output is measured is not said" if given == "" else f"no output {given!r} is measured"
            )
            raise SimulationError(said, place=place, repair=f"give times of {', '.join(names)}")
        found[name] = own
    return found


def protocol_records(model: PopulationModel, protocols: Sequence[Protocol]) -> tuple[Records, np.ndarray]:
    """Records of one patient a protocol, with measurements of one, and each measurement's place in its protocol.

    A sample at the time of a dose stands before it; only after one that begins a steady state.
    """
    import pandas as pd

    parts = [_frame(model, str(k), protocol) for k, protocol in enumerate(protocols)]
    table = pd.concat(parts, ignore_index=True)
    place = table.loc[table["EVID"] == 0, "place"].to_numpy(int)
    frame = table.drop(columns=["place", "order"])
    return Records.from_frame(frame, source="the design", repeats=True), place


def _frame(model: PopulationModel, name: str, protocol: Protocol) -> pd.DataFrame:
    import pandas as pd

    doses = _doses(model, protocol)
    seen = pd.DataFrame(
        {
            "TIME": protocol.times, "AMT": 0.0, "RATE": 0.0, "II": 0.0, "SS": 0, "CMT": "", "EVID": 0, "DV": 1.0,
            "DVID": list(protocol.outputs), "place": np.arange(len(protocol.times)), "order": 0,
        }
    )  # fmt: skip
    table = pd.concat([doses, seen], ignore_index=True) if len(doses) else seen
    table = table.sort_values(["TIME", "order"], kind="stable")
    starts = np.array(protocol.occasions or (0.0,))
    occasion = np.maximum(np.searchsorted(starts, table["TIME"], side="right"), 1)
    return table.assign(ID=name, OCC=occasion, **protocol.covariates)


def _doses(model: PopulationModel, protocol: Protocol) -> pd.DataFrame:
    """Dose rows in the model's units, each dose a row of its own."""
    import pandas as pd

    base, plan = model.structural, protocol.regimen.in_time_unit(model.structural.time_unit)
    until = float(np.max(protocol.times)) if plan.is_open else None
    patient = pd.DataFrame([dict(protocol.covariates)], index=["1"])
    lines = one_by_one(plan.events(patient, until=until))
    scale = [
        factor(unit, _state_unit(base, route))
        for unit, route in zip(lines["unit"], lines["route"], strict=True)
    ]
    scale = np.array(scale, dtype=float)
    return pd.DataFrame(
        {
            "TIME": lines["time"].to_numpy(float), "AMT": lines["amt"].to_numpy(float) * scale,
            "RATE": lines["rate"].to_numpy(float) * scale, "II": lines["ii"].to_numpy(float),
            "SS": lines["ss"].to_numpy(int), "CMT": lines["route"].to_numpy(object), "EVID": 1, "DV": np.nan,
            "DVID": "", "place": -1, "order": np.where(lines["ss"] > 0, -1, 1),
        }
    )  # fmt: skip


def _state_unit(base, route: str) -> str:
    state = base.doses[find_inputs(route, base)[0]].state
    return next(item.unit for item in base.states if item.name == state)
