"""Settings: how twins were made, so that they can be made again when something new is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from understudy.core.errors import SimulationError
from understudy.inference.twins.drift import Drift
from understudy.model.population_model import PopulationModel

Method = Literal["map", "laplace", "sir", "nuts"]


@dataclass(frozen=True)
class Settings:
    """Arguments of `individualise`.

    Parameters
    ----------
    model : PopulationModel
        As it was given, without drift.
    method : {"map", "laplace", "sir", "nuts"}
    draws : int
        That the methods that sample keep for each patient.
    seed : int
    drift : Drift or None
    engine, jobs
        As for `simulate`.
    """

    model: PopulationModel
    method: Method = "laplace"
    draws: int = 1000
    seed: int = 0
    drift: Drift | None = None
    engine: str = "auto"
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise SimulationError(
                f"no method {self.method!r} makes twins", repair=f"methods: {', '.join(get_args(Method))}"
            )
        if self.draws < 1:
            raise SimulationError("a posterior needs at least one draw", repair="give draws=1000")
