"""fit: estimate the parameters of a population from records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals
from understudy.core.record import Stopwatch
from understudy.engine.problem import Tolerances
from understudy.inference.estimation.checkpoint import Checkpoint, task_hash
from understudy.inference.estimation.method import Estimate, Method, Step, Task
from understudy.inference.estimation.methods import method_of
from understudy.inference.estimation.standard_errors import FLAT, KINDS, Information
from understudy.inference.estimation.verdict import warnings
from understudy.inference.fit import Fit
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

# Standard deviation of perturbed starts, in logarithms or fractions of the first value.
_SPREAD = 0.3
# By how much the objective of a minimum may still promise to fall: a tenth of what a likelihood ratio test would see.
_PROMISE = 0.1


def fit(
    model: PopulationModel,
    records: Records,
    method: str | Method = "focei",
    *,
    covariance: Literal["sandwich", "R", "S"] | None = "sandwich",
    starts: int = 1,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    watch: Callable[[Step], None] | None = None,
    engine: str = "auto",
    tolerances: Tolerances | None = None,
    jobs: int = 1,
) -> Fit:
    """Estimate a population's parameters from its records.

    Parameters
    ----------
    model : PopulationModel
        Its values are the initial estimates. What is `fixed` is held; bounds are kept.
    records : Records
    method : str or Method
        ``"fo"``, ``"foce"``, ``"focei"`` or another of `METHODS`, or a method with settings of its own.
    covariance : {"sandwich", "R", "S"} or None
        What standard errors are made of, see `understudy.inference.estimation.standard_errors`; None: none.
    starts : int
        How many starts: the model's own values, then ones perturbed by about 30 %. The best is kept.
    seed : int
        Of perturbed starts, and of methods that draw.
    checkpoint : path, optional
        A file in which every iteration is kept. Where it is there already, estimation goes on from it.
    watch : function of Step, optional
        Called after every iteration.
    engine, tolerances, jobs
        As for `simulate`.

    Returns
    -------
    Fit
        Whether it converged is in `succeeded` and `status`: an estimation that did not is never called a success.

    Raises
    ------
    SimulationError
        Where the objective is undefined at the initial estimates, naming patients; where nothing is to be estimated.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = fit(load_model("phenobarbital_neonates"), records)
    >>> round(found.objective, 3), found.succeeded
    (586.276, True)
    """
    chosen, clock = method_of(method), Stopwatch()
    if covariance not in (*KINDS, None):
        raise SimulationError(
            f"unknown covariance {covariance!r}", repair=f"one of {', '.join(KINDS)}, or None"
        )
    if starts > 1 and getattr(chosen, "samples_posterior", False):
        raise SimulationError(
            f"{chosen.name} has chains, which all count: there is no best of {starts} starts",
            repair="leave starts out; chains begin apart from one another",
        )
    task = task_of(model, records, chosen, seed, (engine, jobs, tolerances))
    _require_something(task)
    task = _taken_up(task, chosen, checkpoint, watch)
    found, tried = _best(task, chosen, starts)
    with np.errstate(all="ignore"):
        known = chosen.information(task, found) if covariance else None
    found = _confirmed(found, known)
    made = _fit(task, chosen, found, known, covariance or "", tried, clock)
    return replace(made, records_hash=records.hash)


def task_of(model: PopulationModel, records: Records, method: Method, seed: int, how: tuple) -> Task:
    """What is to be estimated; `how` are a predictor's engine, jobs and tolerances.

    Raises
    ------
    SimulationError
        For a mixture or for priors that the method does not know of.
    """
    if _has_priors(model) and not getattr(method, "priors", False):
        raise SimulationError(
            f"{method.name} takes no priors into account",
            place=model.name,
            repair="use FOCEI(), Laplace() or GaussHermite(), or leave the priors out",
        )
    if model.mixture is None:
        return Task(Predictor(model, records, *how), seed=seed)
    if not getattr(method, "mixtures", False):
        raise SimulationError(
            f"{method.name} cannot estimate a mixture",
            place=model.name,
            repair="use FOCEI(), Laplace() or GaussHermite()",
        )
    classes = tuple(Predictor(model.of_class(k + 1), records, *how) for k in range(model.mixture.size))
    return Task(classes[0], seed=seed, whole=model, classes=classes)


def _require_something(task: Task) -> None:
    predictor = task.predictor
    if not task.space.names:
        raise SimulationError(
            "there is nothing to estimate: every parameter is fixed", place=predictor.model.name,
            repair="leave out fixed=True where a parameter is to be estimated",
        )  # fmt: skip
    if not predictor.output.size:
        raise SimulationError(
            "there are no observations to estimate from",
            place=predictor.model.name,
            repair="give rows with EVID 0",
        )


def _taken_up(
    task: Task, method: Method, checkpoint: str | Path | None, watch: Callable[[Step], None] | None
) -> Task:
    """The task with who watches it, from where it stood before."""
    watchers = [watch] if watch else []
    if checkpoint is not None:
        kept = Checkpoint(Path(checkpoint), task_hash(task, method))
        step = kept.read()
        if step is not None:
            task = replace(task, begin=step.vector, state=step.state, number=step.number)
        watchers.insert(0, kept.write)

    def tell(step: Step) -> None:
        for each in watchers:
            each(step)

    return replace(task, watch=tell)


def _best(task: Task, method: Method, starts: int) -> tuple[Estimate, tuple[float, ...]]:
    """The best of several starts, and the objective of each."""
    found = [method.estimate(task)]
    z = normals(task.seed, "starts", np.arange(max(starts - 1, 1)), task.start.size)
    for k in range(starts - 1):
        begin = task.space.start + _SPREAD * z[k]
        try:
            found.append(method.estimate(replace(task, begin=begin, state={}, number=0)))
        except SimulationError:
            # A start so far away that the objective has no value there: it counts as tried.
            found.append(replace(found[0], objective=np.inf, succeeded=False))
    best = min(found, key=lambda each: (not each.succeeded, each.objective))
    return best, tuple(each.objective for each in found)


def _confirmed(found: Estimate, known: Information | None) -> Estimate:
    """An estimate that the second derivatives show to be no minimum is no success."""
    if known is None or known.promise < _PROMISE or not found.succeeded:
        return found
    if np.isinf(known.promise):
        status = "ended at a point that is no minimum: begin elsewhere, or with several starts"
    else:
        status = f"ended although the objective would fall by {known.promise:.2g} in a Newton step: begin from here"
    return replace(found, succeeded=False, status=status)


def _fit(
    task: Task, method: Method, found: Estimate, known: Information | None, kind: str,
    tried: tuple[float, ...], clock: Stopwatch,
) -> Fit:  # fmt: skip
    space, predictor = task.space, task.predictor
    values = space.values(found.vector)
    matrix, trouble = _covariance(task, found, known, kind)
    named = dict(zip(space.names, space.named(values).tolist(), strict=True))
    held = {p.name: p.value for k, p in enumerate(predictor.model.fixed) if k not in space.fixed}
    errors = {} if matrix is None else {n: float(np.sqrt(matrix.loc[n, n])) for n in space.names}
    return Fit(
        method=method.name,
        objective=found.objective,
        estimates=named | held,
        standard_errors=errors,
        covariance=matrix,
        effects=_effects(predictor, found.effects),
        status=found.status,
        succeeded=found.succeeded,
        fixed=tuple(held),
        source=predictor.records.source,
        model=space.with_values(values),
        objective_error=found.objective_error,
        covariance_kind=_kind(found, kind) if matrix is not None else "",
        shrinkage=_shrinkage(task, found, values),
        warnings=(*predictor.notes, *found.warnings, *warnings(task, found, known), *trouble),
        iterations=found.iterations,
        seconds=clock.elapsed,
        observations=predictor.output.size,
        details=_details(task, found, known, tried),
    )


def _kind(found: Estimate, kind: str) -> str:
    """What the covariance is made of: where it is of draws from the posterior, there is no choice."""
    return kind if found.named_covariance is None else "posterior"


def _has_priors(model: PopulationModel) -> bool:
    return bool(model.priors) or any(block.prior is not None for block in model.random)


def _details(
    task: Task, found: Estimate, known: Information | None, tried: tuple[float, ...]
) -> dict[str, Any]:
    """What only the method knows, and how it was worked out: derivatives by sensitivities, or by differences."""
    space = task.space
    details = {**found.details, "slopes": task.predictor.slopes_by}
    if _has_priors(space.model):
        details["penalty"] = space.penalty(found.vector)
    if len(tried) > 1:
        details["starts"] = tried
    if known is not None:
        details["eigenvalues"] = tuple(known.eigenvalues.tolist())
        details["errors"] = _errors_by_kind(task, found, known)
    return details


def _errors_by_kind(task: Task, found: Estimate, known: Information) -> dict[str, dict[str, float]]:
    """Standard errors by every kind of covariance that there is: where they differ much, the model is in doubt."""
    matrices = {kind: _covariance(task, found, known, kind)[0] for kind in KINDS}
    return {
        kind: {name: float(np.sqrt(matrix.loc[name, name])) for name in matrix.index}
        for kind, matrix in matrices.items()
        if matrix is not None
    }


def _covariance(
    task: Task, found: Estimate, known: Information | None, kind: str
) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """Covariance of the named estimates, and what kept it from being found."""
    import pandas as pd

    if kind and found.named_covariance is not None:
        names = list(task.space.names)
        return pd.DataFrame(found.named_covariance, index=names, columns=names), ()
    if not kind or (known is None and found.covariance is None):
        return None, ()
    if known is not None and known.eigenvalues[0] < FLAT:
        return None, ("no standard errors: the objective does not bend in every direction",)
    jacobian, names = task.space.jacobian(found.vector), list(task.space.names)
    try:
        own = found.covariance if known is None else known.covariance(kind)
    except np.linalg.LinAlgError:
        own = np.full((len(names), len(names)), np.nan)
    matrix = jacobian @ own @ jacobian.T
    if not np.isfinite(matrix).all() or np.diag(matrix).min() <= 0 or np.linalg.eigvalsh(own).min() <= 0:
        return None, (
            "no standard errors: the second derivatives of the objective are no covariance's inverse",
        )
    return pd.DataFrame(matrix, index=names, columns=names), ()


def _effects(predictor: Predictor, effects: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    index = pd.Index(predictor.patients, name="id")
    return pd.DataFrame(effects, index=index, columns=list(predictor.effects.names))


def _shrinkage(task: Task, found: Estimate, values) -> dict[str, float]:
    """Of the random effects: one minus the ratio of the standard deviations of what was found and of omega."""
    predictor, spread = task.predictor, np.sqrt(np.diag(task.space.omega(values)))
    seen = np.bincount(predictor.patient, minlength=len(predictor.patients)) > 0
    return {
        name: float(1.0 - found.effects[seen, k].std(ddof=1) / spread[k])
        for k, name in enumerate(predictor.effects.names)
        if spread[k] > 0 and seen.sum() > 1
    }
