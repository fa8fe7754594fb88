"""Footprint: memory that patients need while they are simulated."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from understudy.core.errors import SimulationError
from understudy.engine.dispatch.settings import Dispatch
from understudy.model.model import Model

# Bytes of a process with all that it has loaded and compiled, before there is any patient.
PROGRAM = 400_000_000
_MOST = 2**15  # patients; more at once are no faster, and more is lost where a chunk fails
_LANES = 8
# Of one observation or dose of one patient: its rows of the schedule and the timeline.
_PER_ROW = 240
_PER_PATIENT = 2000
# Of one state of one patient, while steady states are searched for.
_PER_STEADY_STATE = 500


@dataclass(frozen=True)
class Footprint:
    """What one patient is made of.

    Parameters
    ----------
    rows : int
        Observations and doses.
    values : int
        Numbers at each observation: parameters, states, assignments, outputs.
    outputs : int
        Those of them that are kept.
    draws : int
        How often each patient is simulated.
    steady : int
        States that are worked on at a time where a steady state is searched for.
    """

    rows: int
    values: int
    outputs: int
    draws: int = 1
    steady: int = 0

    @classmethod
    def of(
        cls,
        model: Model,
        observations: int,
        doses: int,
        outputs: int,
        draws: int = 1,
        steady: bool = False,
        directions: int = 0,
    ) -> Footprint:
        """The footprint of a model's patients.

        `steady`: doses ask for a steady state. `directions`: sensitivities of each state; those of outputs are outputs.
        """
        states = len(model.states) * (1 + directions)
        named = len(model.parameters) + states + len(model.assignments)
        searched = (states + 1) * steady
        return cls(observations + doses, named + 2 * outputs, outputs, draws, searched)

    @property
    def bytes(self) -> int:
        """At most, in simulation and until the outcome is written.

        Tests compare it with what is measured.
        """
        of_rows = self.rows * (_PER_ROW + 8 * self.values)
        return self.draws * (_PER_PATIENT + of_rows + self.steady * _PER_STEADY_STATE)

    @property
    def result(self) -> int:
        """Bytes of the outcome."""
        return self.draws * self.rows * 8 * self.outputs


def patients_per_chunk(footprint: Footprint, dispatch: Dispatch, at_once: int, held: int) -> int:
    """The most patients that stay within the memory.

    Parameters
    ----------
    footprint : Footprint
    dispatch : Dispatch
    at_once : int
        Chunks that are simulated at a time.
    held : int
        Bytes that are taken anyway.

    Raises
    ------
    SimulationError
        Where the memory does not suffice.
    """
    # One more than are simulated: the one that is being written.
    free = (dispatch.bytes - _programs(dispatch, at_once) - held) / (at_once + 1)
    most = int(free // footprint.bytes)
    wanted = dispatch.chunk or 1
    if most < wanted:
        least = dispatch.bytes + (wanted * footprint.bytes - free) * (at_once + 1)
        raise SimulationError(
            f"{dispatch.bytes / 1e9:.3g} GB of memory hold no {'chunk' if dispatch.chunk else 'patient'}",
            place=f"{wanted:,} × {footprint.bytes:,} bytes, {at_once + 1} times, and the program",
            repair=f"allow {ceil(least / 1e6)} MB or more, or simulate fewer at a time (`chunk`, `jobs`)",
        )
    return dispatch.chunk or whole_lanes(min(most, _MOST))


def _programs(dispatch: Dispatch, at_once: int) -> int:
    """Bytes of all processes that the memory is for."""
    return PROGRAM * (at_once + 1 if dispatch.where == "dask" else 1)


def whole_lanes(patients: int) -> int:
    """As many patients, less those who would not fill a block of the solver's."""
    return patients - patients % _LANES if patients >= _LANES else patients
