"""Run: a question about many patients, answered chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.core.content import encode
from understudy.core.errors import SimulationError
from understudy.core.record import Stopwatch, versions
from understudy.core.result import Outcome
from understudy.engine.dispatch.executor import at_once, open_executor
from understudy.engine.dispatch.footprint import Footprint, patients_per_chunk, whole_lanes
from understudy.engine.dispatch.memory_shelf import MemoryShelf
from understudy.engine.dispatch.patient_source import PatientSource, RecordsSource, TableSource
from understudy.engine.dispatch.plan import Chunk, Plan
from understudy.engine.dispatch.progress_bar import Progress, telling
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.dispatch.store import Store
from understudy.engine.dispatch.work_queue import work_off
from understudy.engine.problem import COUNTED, LARGEST

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 3
_TURNS, _FEWEST = (
    4,
    256,
)  # chunks for each thread, so that none waits long for the last, unless they become too small


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of every patient.

    Parameters
    ----------
    simulate : callable
        Called with a chunk's patients; what it is asked for must not depend on the chunk.
    source : PatientSource, TableSource or RecordsSource
    footprint : Footprint
        Of one patient.
    asked : mapping
        All else that the numbers depend on, by name, as JSON data or with a hash.
    """

    simulate: Callable[..., Outcome]
    source: PatientSource | TableSource | RecordsSource
    footprint: Footprint
    asked: Mapping[str, Any]

    @property
    def content(self) -> dict[str, Any]:
        """What the numbers depend on."""
        made_by = {f"version of {name}": version for name, version in versions().items()}
        asked = {name: getattr(value, "hash", None) or encode(value) for name, value in self.asked.items()}
        return {**asked, **made_by, "patients": self.source.hash}

    @property
    def held(self) -> int:
        """Bytes of the patients themselves, where they are in memory."""
        return getattr(self.source, "size", 0)

    def of(self, chunk: Chunk, jobs: int) -> Callable[[], Outcome]:
        """The question about the patients of a chunk. Those of a source are made where they are simulated."""
        if isinstance(self.source, RecordsSource):
            return partial(self.simulate, self.source.records, jobs=jobs)
        if isinstance(self.source, TableSource):
            return partial(self.simulate, self.source.table(chunk.first, chunk.last), jobs=jobs)
        return partial(_simulate_some, self.simulate, self.source, chunk, jobs)


def _simulate_some(
    simulate: Callable[..., Outcome], source: PatientSource, chunk: Chunk, jobs: int
) -> Outcome:
    patients: pd.DataFrame = source.table(chunk.first, chunk.last)
    if len(patients) != chunk.last - chunk.first:
        raise SimulationError(
            f"the source made {len(patients)} patients",
            place=f"table({chunk.first}, {chunk.last})",
            repair="it should make those it is asked for, one row each",
        )
    return simulate(patients, jobs=jobs)


def run(
    question: Question,
    dispatch: Dispatch,
    jobs: int = 1,
    to: str | Path | None = None,
    progress: Progress | bool = False,
) -> Outcome:
    """Outcome of all patients.

    Raises
    ------
    SimulationError
        Where chunks fail time after time, or the store holds something else. What was done is kept in the store.
    """
    watch = Stopwatch()
    share = at_once(dispatch, jobs)
    held = question.held + (0 if to else question.source.count * question.footprint.result)
    plan = _plan(question, dispatch, share, held)
    shelf = MemoryShelf(plan) if to is None else Store.at(to, plan)
    if shelf.plan.size != plan.size:
        # A store that was begun goes on with its own chunks, if the memory allows.
        patients_per_chunk(question.footprint, replace(dispatch, chunk=shelf.plan.size), share, held)
    done = shelf.done()
    failed = dict(_work_off(question, shelf, done, dispatch, jobs, progress))
    if failed:
        raise _failure(failed, question, shelf.plan, to)
    return _recorded(shelf, dispatch, len(done), watch)


def _plan(question: Question, dispatch: Dispatch, share: int, held: int) -> Plan:
    """All patients of records in one chunk; of others as many as memory allows, but some chunks for each thread."""
    count = question.source.count
    if isinstance(question.source, RecordsSource):
        dispatch = replace(dispatch, chunk=count)
    size = patients_per_chunk(question.footprint, dispatch, share, held)
    if dispatch.chunk is None:
        size = min(size, max(_FEWEST, whole_lanes(count // (_TURNS * share))))
    return Plan(count, size, question.content)


def _work_off(
    question: Question,
    shelf: MemoryShelf | Store,
    done: set[Chunk],
    dispatch: Dispatch,
    jobs: int,
    progress: Progress | bool,
) -> Iterator[tuple[Chunk, Exception]]:
    """Put what is not done on the shelf; the chunks that fail time after time, with the last error."""
    left = [chunk for chunk in shelf.plan if chunk not in done]
    if not left:
        return
    job_of = partial(question.of, jobs=jobs if dispatch.name == "serial" else 1)
    ready, stage = sum(len(chunk) for chunk in done), f"Simulating {shelf.plan.count:,} patients"
    with telling(progress) as tell, open_executor(dispatch, jobs) as (executor, room):
        tell(stage, ready / shelf.plan.count)
        for chunk, found in work_off(left, job_of, executor, room, dispatch.retries):
            if isinstance(found, Exception):
                yield chunk, found
                continue
            shelf.write(chunk, found)
            ready += len(chunk)
            tell(stage, ready / shelf.plan.count)


def _failure(failed: Mapping[Chunk, Exception], question: Question, plan: Plan, to) -> SimulationError:
    shown = [f"patients {_names(question, chunk)}: {_told(error)}" for chunk, error in failed.items()]
    more = [f"… and {len(shown) - _SHOWN} more"] if len(shown) > _SHOWN else []
    kept = f"the others are kept in {Path(to).name}: " if to else "give `to` to keep the others; "
    return SimulationError(
        f"{len(failed)} of {len(plan)} chunks failed",
        place="\n    ".join(["", *shown[:_SHOWN], *more]),
        repair=f"{kept}remove the cause and make the same call again",
    )


def _names(question: Question, chunk: Chunk) -> str:
    if isinstance(question.source, RecordsSource):
        names = question.source.records.ids
        return f"{names[0]} to {names[-1]}"
    ends = [question.source.table(k, k + 1).index[0] for k in (chunk.first, chunk.last - 1)]
    names = [str(end[0] if isinstance(end, tuple) else end) for end in ends]
    return f"{names[0]} to {names[1]} (numbers {chunk.first:,} to {chunk.last - 1:,})"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def summed(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Settings of all chunks as those of one: counts added up, largest values compared, all else the same in each.

    Examples
    --------
    >>> summed([{"relative_tolerance": 1e-8, "patients, stiff method": 2}, {"patients, stiff method": 1}])
    {'relative_tolerance': 1e-08, 'patients, stiff method': 3}
    >>> summed([{"largest difference": 1e-6}, {"largest difference": 3e-6}])
    {'largest difference': 3e-06}
    """
    whole: dict[str, Any] = {}
    for one in settings:
        for name, value in one.items():
            if name.startswith(COUNTED):
                value = whole.get(name, 0) + value
            elif name.startswith(LARGEST):
                value = max(whole.get(name, value), value)
            whole[name] = value
    return whole


def _recorded(shelf: MemoryShelf | Store, dispatch: Dispatch, resumed: int, watch: Stopwatch) -> Outcome:
    """The outcome with the record of the whole run; that of a run that found all done stays as it is."""
    plan, records = shelf.plan, shelf.records()
    how = {"where": dispatch.name, "chunks": len(plan), "patients_per_chunk": plan.size, "resumed": resumed}
    if resumed < len(plan) or shelf.outcome().record is None:
        circumstances = {"started": watch.started, "duration_s": watch.elapsed, "dispatch": how}
        shelf.record(
            replace(records[0], settings=summed([made.settings for made in records]), **circumstances)
        )
    return shelf.outcome()
