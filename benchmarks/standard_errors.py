"""Standard errors of published runs against differences of the objective: ``python -m benchmarks.standard_errors``.

At NONMEM's own estimates, what `fit` gives is compared with R from second differences of the objective function alone,
and S from differences of the subjects' parts, both extrapolated to steps of zero. Neither uses a gradient of ours.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from multiprocessing import get_context

import numpy as np
from benchmarks import standard_errors_page
from benchmarks.estimation_case import EstimationCase, _evaluation, _named, _nonmem, cases
from benchmarks.result import FOLDER, store

from understudy.engine.problem import Tolerances
from understudy.inference.estimation.conditional import subject_values
from understudy.inference.estimation.conditional_search import ConditionalObjective
from understudy.inference.estimation.fitting import fit, task_of
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.methods import method_of
from understudy.inference.estimation.quasi_newton import Point
from understudy.inference.estimation.standard_errors import information

# Those whose errors differ by a tenth or more from NONMEM's.
RUNS = ("runODE069", "runODE055", "runODE042", "runODE021")
# A hundred times tighter than a fit's.
_TIGHT = Tolerances(relative=1e-10, absolute=1e-12)
# Of a parameter's standard error with all others known. Errors of rounding, some 1e-7 in the objective, are 1e-5 of
# what it changes by over the shorter; what extrapolation corrects is told by `ErrorComparison.plateau`.
_STEPS = (0.2, 0.1)


@dataclass(frozen=True)
class ErrorComparison:
    """One parameter's standard error.

    Parameters
    ----------
    run, parameter : str
    nonmem : float
        Published.
    at_ours, at_theirs : float
        Ours at our estimate and at the published ones.
    by_gradients : float
        Ours at the published estimates with the second derivatives by NONMEM's parameters, as `oracle` has them: away
        from a minimum it matters whether those are by a variance or by its logarithm.
    oracle : float
        From differences at the published estimates, R and S in one.
    by_hessian, by_scores : float
        The same from R alone, and from S alone.
    plateau : float
        By how much the oracle would change, as a share, without extrapolation: its error is far smaller.
    """

    run: str
    parameter: str
    nonmem: float
    at_ours: float
    at_theirs: float
    by_gradients: float
    oracle: float
    by_hessian: float
    by_scores: float
    plateau: float


@dataclass(frozen=True)
class Surface:
    """The FOCEI objective of a run in NONMEM's parameters, about its published estimates.

    Parameters
    ----------
    case : EstimationCase
    """

    case: EstimationCase

    @cached_property
    def task(self) -> Task:
        """What would be estimated, solved tightly."""
        stream = self.case.stream()
        return task_of(stream.model, stream.records, method_of("focei"), 0, ("auto", 1, _TIGHT))

    @cached_property
    def objective(self) -> ConditionalObjective:
        """The objective, of which values and modes alone are used."""
        return method_of("focei").objective(self.task)

    @cached_property
    def centre(self) -> np.ndarray:
        """The published estimates: fixed effects, then variances."""
        space = self.task.space
        return space.named(space.values(space.start))

    @property
    def names(self) -> list[str]:
        """NONMEM's names."""
        return [_nonmem(name) for name in self.task.space.names]

    def values(self, natural: np.ndarray) -> np.ndarray:
        """Each subject's part at other values, shape (N,)."""
        space = self.task.space
        count = len(space.fixed)
        fixed = [s.free(v) for s, v in zip(space.scales, natural[:count], strict=True)]
        vector = np.array([*fixed, *(0.5 * np.log(natural[count:]))])
        likelihood = self.task.likelihood(vector, self.objective.linearisation)
        modes, failed = self.objective._modes(likelihood, vector, self.begin)
        if failed.any():
            raise ArithmeticError(f"{self.case.name}: no mode at {natural}")
        return subject_values(likelihood, modes)

    @cached_property
    def begin(self) -> Point:
        """The objective at the published estimates."""
        return self.objective.point(self.task.start, None)

    def natural_hessian(self, hessian: np.ndarray) -> np.ndarray:
        """R by NONMEM's parameters from R by our unbounded vector.

        Away from a minimum they differ by more than the slopes of one by the other: by the gradient times how the one
        bends over the other.
        """
        space, at, step = self.task.space, self.task.start, 1e-3
        moved = [space.named(space.values(at + sign * step * e)) for sign in (1, -1) for e in np.eye(at.size)]
        ahead, behind = (np.diag(part) for part in np.split(np.array(moved), 2))
        slope, bend = (ahead - behind) / (2 * step), (ahead + behind - 2 * self.centre) / step**2
        own = hessian - 0.5 * np.diag(self.begin.gradient * bend / slope)
        return own / np.outer(slope, slope)

    def differences(self, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """R, and half of the subjects' slopes, by central differences over steps."""
        at, units, size = self.values(self.centre), np.diag(steps), steps.size
        ahead = np.array([self.values(self.centre + unit) for unit in units])
        behind = np.array([self.values(self.centre - unit) for unit in units])
        bent = (ahead + behind - 2.0 * at).sum(axis=1)
        found = np.diag(bent / steps**2)
        for i, j in zip(*np.triu_indices(size, 1), strict=True):
            both = units[i] + units[j]
            pair = self.values(self.centre + both) + self.values(self.centre - both) - 2.0 * at
            found[i, j] = found[j, i] = (pair.sum() - bent[i] - bent[j]) / (2.0 * steps[i] * steps[j])
        return 0.5 * found, 0.5 * ((ahead - behind) / (2.0 * steps[:, None])).T


def oracle(surface: Surface, guess: np.ndarray) -> dict[str, np.ndarray]:
    """Standard errors by differences, each of R and S extrapolated to steps of zero (Richardson 1911).

    Parameters
    ----------
    surface : Surface
    guess : float array, shape (parameters,)
        Standard errors of each parameter with all others known, by which steps are measured.
    """
    hessians, slopes = zip(*(surface.differences(share * guess) for share in _STEPS), strict=True)
    scores = _extrapolated(slopes)
    hessian, inner = _extrapolated(hessians), hessians[-1]
    crossed = scores.T @ scores
    errors = _sandwich(hessian, crossed)
    return {
        "oracle": errors,
        "by_hessian": np.sqrt(np.diag(np.linalg.inv(hessian))),
        "by_scores": np.sqrt(np.diag(np.linalg.inv(crossed))),
        "plateau": np.abs(_sandwich(inner, crossed) / errors - 1.0),
    }


def _extrapolated(found: tuple[np.ndarray, ...]) -> np.ndarray:
    """The limit of values over steps each half of the one before, their errors in even powers of the step."""
    power = 4.0
    while len(found) > 1:
        found = tuple(b + (b - a) / (power - 1.0) for a, b in pairwise(found))
        power *= 4.0
    return found[0]


def _sandwich(hessian: np.ndarray, crossed: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(hessian)
    return np.sqrt(np.diag(inverse @ crossed @ inverse))


def compare(name: str) -> list[ErrorComparison]:
    """One run's standard errors, ours and those by differences."""
    case = next(each for each in cases() if each.name == name)
    stream, surface = case.stream(), Surface(case)
    # Begun at the published estimates, the search ends in the minimum that they belong to.
    reached = _named(fit(stream.model, stream.records).standard_errors)
    there = _named(fit(stream.model, stream.records, _evaluation("focei")).standard_errors)
    known = information(surface.objective.point, surface.begin)
    hessian = surface.natural_hessian(known.hessian)
    slopes = np.diag(surface.task.space.jacobian(surface.task.start))
    exact = _sandwich(hessian, known.crossed / np.outer(slopes, slopes))
    found = oracle(surface, 1.0 / np.sqrt(np.diag(hessian)))
    return [
        ErrorComparison(
            name, parameter, case.errors[parameter], reached[parameter], there[parameter], float(exact[k]),
            **{key: float(values[k]) for key, values in found.items()},
        )
        for k, parameter in enumerate(surface.names)
    ]  # fmt: skip


def main() -> None:
    """Compare all runs, or those whose names are given: their rows are stored anew, the others' stay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", help="names of runs; all where none is given")
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    with ProcessPoolExecutor(chosen.jobs, get_context("spawn")) as pool:
        for done in as_completed([pool.submit(compare, name) for name in chosen.runs or RUNS]):
            print(*map(line, done.result()), sep="\n", flush=True)
            _keep(done.result())
    standard_errors_page.write_page()


def _keep(errors: list[ErrorComparison]) -> None:
    path = FOLDER / "standard_errors.json"
    stored = standard_errors_page.load() if path.exists() else []
    others = [each for each in stored if each["run"] != errors[0].run]
    found = sorted([*others, *map(asdict, errors)], key=lambda each: each["run"])
    store("standard_errors", {"errors": found})


def line(each: ErrorComparison) -> str:
    """One parameter on one line."""
    parts = (
        f"{each.run:10} {each.parameter:11} NONMEM {each.nonmem:.6g}",
        f"at ours {each.at_ours:.6g}",
        f"at theirs {each.at_theirs:.6g}",
        f"differences {each.oracle:.6g} (R {each.by_hessian:.6g}, S {each.by_scores:.6g}; {each.plateau:.1e})",
        f"ours/differences {each.by_gradients / each.oracle - 1.0:+.4%}",
        f"NONMEM/differences {each.nonmem / each.oracle - 1.0:+.2%}",
    )
    return "  ".join(parts)


if __name__ == "__main__":
    main()
