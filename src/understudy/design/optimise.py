"""optimise_design: when and whom to sample so that a study tells most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from math import comb, prod
from typing import Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals
from understudy.design.allocation import optimal_weights, whole_numbers
from understudy.design.approximation import Approximation
from understudy.design.candidates import SHRINK, Candidates
from understudy.design.criterion import Criterion
from understudy.design.exchange import Exchange, Plan, random_plan
from understudy.design.information import Information, information_of, prior_matrix
from understudy.design.optimum import Optimum
from understudy.design.population_design import Design, Group
from understudy.design.protocol import outputs_of
from understudy.design.search_space import SearchSpace, allowed_regimens
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen

ALGORITHMS = ("exchange", "multiplicative")
_REFINEMENTS, _MOST_PROTOCOLS = 4, 20_000


def optimise_design(
    model: PopulationModel,
    design: Design | Iterable[Group | Mapping[str, Any]],
    *,
    windows: Any = None,
    candidates: Any = None,
    spacing: float = 0.0,
    regimens: Sequence[Regimen | str] = (),
    allocation: bool = False,
    criterion: str = "D",
    interest: Sequence[str] = (),
    uncertainty: Mapping[str, float] | None = None,
    algorithm: str = "exchange",
    method: str = "fo",
    matrix: str = "block",
    draws: int = 50,
    prior: Information | None = None,
    starts: int = 3,
    seed: int = 0,
    jobs: int = 1,
) -> Optimum:
    """Find sampling times, doses and numbers of patients that tell most.

    Parameters
    ----------
    model : PopulationModel
    design : Design, or sequence of groups
        Where to begin. Groups keep their covariates and their number of samples, and but for `allocation` their
        patients.
    windows : (float, float) or sequence of these, or mapping of output to these
        In which every sample may be taken at any time.
    candidates : sequence of float, or mapping of output to sequence of float
        In place of windows: the only times at which samples may be taken.
    spacing : float
        Least time between two samples of one output.
    regimens : sequence of Regimen or str
        Doses that may be given to any group, besides those that the design has.
    allocation : bool
        Whether patients may move between groups.
    criterion : {"D", "Ds", "A"}
        Determinant; determinant of the part of `interest`; mean squared relative standard error, of `interest` or all.
    interest : sequence of str
        Parameters.
    uncertainty : mapping of str to float, optional
        Coefficients of variation of fixed effects that are not known: the mean of the criterion over `draws` log-normal
        models is maximised (ED-optimality).
    algorithm : {"exchange", "multiplicative"}
        "exchange" changes one sample or one group's doses at a time, from the design and from `starts` - 1 random ones;
        in windows it then narrows the steps. "multiplicative" weighs all sets of candidate times at once: the number of
        groups follows, and how near the best it is is known.
    method, matrix, draws, prior, jobs
        As for `expected_information`; `draws` also of `uncertainty`.
    starts, seed : int

    Returns
    -------
    Optimum
        The same for the same seed.

    Raises
    ------
    SimulationError
        For choices that leave no room, or a design that does not fit the model.

    Examples
    --------
    >>> from understudy import load_model
    >>> found = optimise_design(
    ...     load_model("warfarin_adults_no_lag"),
    ...     [{"patients": 32, "regimen": "100 mg", "times": [12, 24, 36, 48]}],
    ...     candidates=[0.5, 1, 2, 4, 8, 12, 24, 36, 48, 72, 96, 120],
    ... )
    >>> found.efficiency > 2
    True
    """
    plan = Design.of(design)
    if algorithm not in ALGORITHMS:
        raise SimulationError(
            f"unknown algorithm {algorithm!r}",
            place="optimise_design",
            repair=f"use {' or '.join(ALGORITHMS)}",
        )
    occasions = max(len(group.occasions) or 1 for group in plan.groups)
    own = Approximation(model, method, matrix, draws, seed, occasions, jobs)
    goal = Criterion(criterion, own.space.names, own.values, tuple(interest))
    models = _models(model, uncertainty or {}, draws, seed)
    times = _times_by_output(model, plan)
    allowed = Candidates.of(tuple(times), windows, candidates, spacing)
    space = SearchSpace(
        tuple(replace(own, model=each) for each in models), plan, allowed.with_times(times),
        allowed_regimens(plan, regimens), goal, prior_matrix(prior, own),
    )  # fmt: skip
    if algorithm == "exchange":
        best, at_least = _by_exchange(space, starts, seed), None
        if allocation:
            best, at_least = _allocated(replace(space, design=best))
    else:
        best, at_least = _by_weights(space, _all_sets(space), allocation)
    said = (f"E{criterion}" if uncertainty else criterion, algorithm, at_least)
    return _optimum(own, space, plan, best, prior, said)


def _optimum(
    own: Approximation,
    space: SearchSpace,
    start: Design,
    best: Design,
    prior: Information | None,
    said: tuple,
) -> Optimum:
    before, after = information_of(own, start, prior), information_of(own, best, prior)
    after.require_regular()
    values = [_score(space, design) for design in (start, best)]
    return Optimum(before, after, float(np.exp(values[1] - values[0])), *said)


def _score(space: SearchSpace, design: Design) -> float:
    """The criterion of a design, the mean over the models."""
    found = [information_of(each, design).matrix for each in space.approximations]
    return float(space.score(np.array(found)))


def _by_exchange(space: SearchSpace, starts: int, seed: int) -> Design:
    """The best of several starts, its times then moved in smaller and smaller steps."""
    first = space.plan(space.design)
    begun = [first] + [
        random_plan(first, space.samples, len(space.regimens), seed, k) for k in range(max(starts, 1) - 1)
    ]
    tried = [_exchanged(space, plan) for plan in begun]
    best = max(tried, key=lambda each: each.value)
    if not np.isfinite(best.value):
        raise SimulationError(
            "no design that was tried informs every parameter", place=repr(space.design).splitlines()[0],
            repair="take more samples, let groups differ, or hold a parameter: fixed=True",
        )  # fmt: skip
    design = space.chosen(best.plan)
    return design if not space.candidates.windows else _refined(space, design)


def _exchanged(space: SearchSpace, plan: Plan) -> Exchange:
    return Exchange(plan, space.samples, len(space.regimens), space.information, space.score).run()


def _refined(space: SearchSpace, design: Design) -> Design:
    for k in range(_REFINEMENTS):
        chosen = _times_by_output(space.approximations[0].model, design)
        near = replace(space, design=design, candidates=space.candidates.near(chosen, SHRINK**-k))
        near = replace(near, regimens=allowed_regimens(design, ()))
        design = near.chosen(_exchanged(near, near.plan(design)).plan)
    return design


def _all_sets(space: SearchSpace) -> list[tuple[int, int, np.ndarray]]:
    """Group, regimen and samples of every protocol that candidates allow.

    Raises
    ------
    SimulationError
        Where there are too many.
    """
    sizes = [
        {
            name: len(own)
            for name, own in outputs_of(space.approximations[0].model, g.times, "the design").items()
        }
        for g in space.design.groups
    ]
    count = sum(prod(comb(space.candidates.times[n].size, k) for n, k in own.items()) for own in sizes)
    if count * len(space.regimens) > _MOST_PROTOCOLS:
        raise SimulationError(
            f"there are {count * len(space.regimens):,} sets of samples, more than {_MOST_PROTOCOLS:,}",
            place="algorithm multiplicative", repair="give fewer candidates, or use the algorithm exchange",
        )  # fmt: skip
    found = []
    for group, own in enumerate(sizes):
        sets = [_sets(space, name, k) for name, k in own.items()]
        joined = [np.concatenate(each) for each in product(*sets)]
        found += [(group, r, each) for r in range(len(space.regimens)) for each in joined]
    return found


def _sets(space: SearchSpace, output: str, count: int) -> list[np.ndarray]:
    """Sets of so many samples of an output with enough time between them."""
    samples = space.samples
    places = [k for k, name in enumerate(samples.outputs) if name == output and samples.usable[k]]
    found = [np.array(each) for each in combinations(places, count)]
    wide = [
        each
        for each in found
        if np.diff(samples.times[each]).min(initial=np.inf) >= samples.spacing * (1 - 1e-9)
    ]
    if not wide:
        raise SimulationError(
            f"there is no room for {count} samples", place=f"{output}, spacing {samples.spacing:g}",
            repair="allow more times, a smaller spacing, or fewer samples",
        )  # fmt: skip
    return wide


def _by_weights(
    space: SearchSpace, protocols: list[tuple[int, int, np.ndarray]], allocation: bool
) -> tuple[Design, float]:
    """Patients of every protocol, in whole numbers, and the efficiency that the fractions have at least."""
    total = space.design.patients
    matrices = total * np.concatenate(_information_by_run(space, protocols), axis=1)
    matrices = matrices.reshape(*matrices.shape[:2], -1)
    prior = 0.0 if space.prior is None else space.prior
    size = len(space.criterion.names)

    def slopes(weights: np.ndarray, places: np.ndarray) -> np.ndarray:
        used = np.flatnonzero(weights)
        sums = (weights[used] @ matrices[:, used]).reshape(-1, size, size)
        turned = np.array([space.criterion.gradient(each + prior).ravel() for each in sums])
        return np.mean([own[places] @ t for own, t in zip(matrices, turned, strict=True)], axis=0)

    group = np.array([each[0] for each in protocols])
    shares = np.array([g.patients / total for g in space.design.groups])
    block, shares = (np.zeros_like(group), np.ones(1)) if allocation else (group, shares)
    _require_regular(space, matrices.mean(axis=1).reshape(-1, size, size))
    weights, at_least = optimal_weights(slopes, block, shares, 1.0 if space.criterion.kind == "D" else 0.5)
    counts = np.zeros(len(protocols), dtype=int)
    for k, share in enumerate(shares):
        here = np.flatnonzero(block == k)
        counts[here] = whole_numbers(weights[here], round(share * total))
    groups = [
        replace(
            space.group(*protocols[k], int(counts[k])),
            name=_name(space.design, protocols[k][0], counts, group),
        )
        for k in np.flatnonzero(counts)
    ]
    return Design(tuple(groups)), at_least


def _name(design: Design, group: int, counts: np.ndarray, owner: np.ndarray) -> str:
    """The group's own name, where it has one and is not divided."""
    own = design.groups[group].name
    return own if np.count_nonzero(counts[owner == group]) == 1 else ""


def _information_by_run(space: SearchSpace, protocols: list[tuple[int, int, np.ndarray]]) -> list[np.ndarray]:
    """Information of one patient of each protocol; those of one group and regimen, which stand together, at once."""
    found, begin = [], 0
    for k in range(1, len(protocols) + 1):
        if k == len(protocols) or protocols[k][:2] != protocols[begin][:2]:
            rows = np.array([each[2] for each in protocols[begin:k]])
            found.append(space.each(*protocols[begin][:2], rows))
            begin = k
    return found


def _require_regular(space: SearchSpace, matrices: np.ndarray) -> None:
    if not np.isfinite(space.score(matrices)):
        raise SimulationError(
            "not even all candidate times together inform every parameter", place=repr(space.design).splitlines()[0],
            repair="allow other times or doses, or hold a parameter: fixed=True",
        )  # fmt: skip


def _allocated(space: SearchSpace) -> tuple[Design, float]:
    """The same protocols with other numbers of patients."""
    times = _times_by_output(space.approximations[0].model, space.design)
    space = replace(
        space, candidates=space.candidates.with_times(times), regimens=allowed_regimens(space.design, ())
    )
    plan = space.plan(space.design)
    chosen = zip(plan.regimens, plan.samples, strict=True)
    return _by_weights(space, [(k, regimen, own) for k, (regimen, own) in enumerate(chosen)], True)


def _models(
    model: PopulationModel, uncertainty: Mapping[str, float], draws: int, seed: int
) -> list[PopulationModel]:
    """The model, or log-normal draws of what it may be."""
    known = {p.name: p.value for p in model.fixed}
    for name, share in uncertainty.items():
        if name not in known or not share >= 0 or known[name] == 0:
            raise SimulationError(
                f"no uncertainty of {share} of {name}", place="uncertainty",
                repair=f"give shares of {', '.join(n for n, v in known.items() if v)}",
            )  # fmt: skip
    if not uncertainty:
        return [model]
    z = normals(seed, "design uncertainty", np.arange(draws), len(uncertainty))
    spread = np.sqrt(np.log1p(np.array(list(uncertainty.values())) ** 2))
    factors = np.exp(z * spread - spread**2 / 2)
    names = list(uncertainty)
    return [
        model.with_values(**{n: known[n] * float(f) for n, f in zip(names, own, strict=True)})
        for own in factors
    ]


def _times_by_output(model: PopulationModel, design: Design) -> dict[str, list[float]]:
    """All times of a design at which each output is sampled."""
    found: dict[str, list[float]] = {}
    for k, group in enumerate(design.groups):
        for name, own in outputs_of(model, group.times, design.label(k)).items():
            found.setdefault(name, []).extend(own)
    return {name: sorted({*own}) for name, own in found.items()}
