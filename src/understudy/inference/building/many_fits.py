"""Many fits: models estimated in parallel processes, each kept in a file as it ends, so that work goes on after a stop.

A fit that cannot be made is an answer too: a `Fit` without estimates, whose status is the sentence of what went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import content_hash
from understudy.core.errors import SimulationError, UnderstudyError
from understudy.data.records import Records
from understudy.inference.building.kept_fits import KeptFits
from understudy.inference.building.processes import open_processes, record_parts
from understudy.inference.building.resampling import resampled
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.method import Method
from understudy.inference.estimation.methods import METHODS, method_of
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from concurrent.futures import Executor

Progress = Callable[[str, float], None]


def silent(stage: str, fraction: float) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One model to be estimated.

    Parameters
    ----------
    key : str
        What it is, in words; no two of one piece of work have the same.
    model : PopulationModel
        Its values are the initial estimates.
    patients : tuple of int or None
        Places of the patients whose records are used, a patient as often as his place stands here; None: each once.
    covariance : {"sandwich", "R", "S"} or None
    """

    key: str
    model: PopulationModel
    patients: tuple[int, ...] | None = None
    covariance: str | None = None


@dataclass(frozen=True, eq=False)
class Workshop:
    """Where trials are estimated, all from the same records.

    Parameters
    ----------
    records : Records
    method : Method
    seed : int
        Of methods that draw.
    kept : KeptFits
        Trials that were made before, and where new ones are written.
    executor : Executor or None
        Processes; None: here, one after another.
    """

    records: Records
    method: Method
    seed: int
    kept: KeptFits
    executor: Executor | None = None

    def fits(self, trials: Sequence[Trial], tell: Callable[[float], None] = lambda done: None) -> list[Fit]:
        """Each trial's fit, in their order; what is kept is not made again."""
        found = {trial.key: self.kept.fits[trial.key] for trial in trials if trial.key in self.kept.fits}
        missing = [trial for trial in trials if trial.key not in found]
        for trial, made in self._made(missing):
            self.kept.add(trial.key, made)
            found[trial.key] = made
            tell(len(found) / len(trials))
        return [found[trial.key] for trial in trials]

    def _made(self, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Fit]]:
        if self.executor is None:
            for trial in trials:
                yield trial, tried(trial, self.records, self.method, self.seed)
            return
        from concurrent.futures import as_completed

        waiting = {self.executor.submit(_tried_there, *_sent(trial)): trial for trial in trials}
        for future in as_completed(waiting):
            yield waiting[future], Fit.from_json(future.result())


@contextmanager
def open_workshop(
    records: Records, method: str | Method, seed: int, jobs: int, checkpoint: str | Path | None, task: Any
) -> Iterator[Workshop]:
    """A workshop with so many processes (0: one per core), and with what an earlier piece of the same work has kept.

    Parameters
    ----------
    records, method, seed
        As for `fit`.
    jobs : int
    checkpoint : path or None
        File of fits.
    task : JSON data
        What the work depends on beside records, method and seed: another work's file is refused.
    """
    chosen = method_of(method)
    kept = KeptFits.open(checkpoint, content_hash([task, records.hash, repr(chosen), seed]))
    with open_processes(jobs, _begin, (*record_parts(records), chosen, seed)) as executor:
        yield Workshop(records, chosen, seed, kept, executor)


def tried(trial: Trial, records: Records, method: Method, seed: int) -> Fit:
    """A trial's fit, or why there is none."""
    chosen = records if trial.patients is None else resampled(records, trial.patients)
    try:
        return fit(trial.model, chosen, method, covariance=trial.covariance, seed=seed)
    except (UnderstudyError, np.linalg.LinAlgError, ArithmeticError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        return Fit(method.name, np.nan, {}, status=why, succeeded=False, model=trial.model)


def require_own_method(found: Fit, method: Method) -> None:
    """Refuse a fit that was made by another method: its objective and estimates are not what is compared with."""
    if found.method.lower() in METHODS and found.method.lower() != method.name.lower():
        raise SimulationError(
            f"the fit was made by {found.method}, and is asked about by {method.name}", place=found.source,
            repair=f"method={found.method.lower()!r}",
        )  # fmt: skip


def bare(found: Fit) -> Fit:
    """A fit without what grows with the patients, and without its model."""
    return replace(found, effects=None, model=None, shrinkage={})


_HERE: dict[str, Any] = {}


def _begin(
    data: Any, units: Any, covariates: Any, source: str, notes: Any, method: Method, seed: int
) -> None:
    """What a process holds for all its trials."""
    _HERE.update(records=Records(data, units, covariates, source, notes), method=method, seed=seed)


def _sent(trial: Trial) -> tuple[Any, ...]:
    return trial.key, trial.model.to_json(), trial.patients, trial.covariance


def _tried_there(key: str, model: Any, patients: tuple[int, ...] | None, covariance: str | None) -> Any:
    trial = Trial(key, PopulationModel.from_json(model), patients, covariance)
    return tried(trial, _HERE["records"], _HERE["method"], _HERE["seed"]).to_json()
