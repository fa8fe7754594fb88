"""Other solvers of one lasso logistic regression, for `rwe_propensity`: `PYTHON benchmarks/propensity_peers.py FOLDER`.

Reads ``matrix.npz``, ``outcome.npy``, ``lasso.json`` of a folder, and prints JSON: of each solver that is installed its
version, seconds, tolerance, and how far above the least objective it ended. It imports nothing of Understudy, so that
any interpreter that has scikit-learn or skglm can run it.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

NEAR = 1e-6  # of the least objective, relative
LIMIT = 150.0  # seconds for one solver


def objective(x: Any, y: np.ndarray, lasso: float, coefficients: np.ndarray, intercept: float) -> float:
    """Negative log-likelihood plus penalty."""
    eta = x @ coefficients + intercept
    return float(np.logaddexp(0, np.where(y == 1, -eta, eta)).sum() + lasso * np.abs(coefficients).sum())


def skglm(x: Any, y: np.ndarray, lasso: float, tolerance: float) -> tuple[np.ndarray, float]:
    """Working sets and Anderson acceleration (Bertrand et al. 2022)."""
    from skglm import SparseLogisticRegression

    fit = SparseLogisticRegression(alpha=lasso / y.size, tol=tolerance, max_iter=200, max_epochs=5000).fit(
        x, y
    )
    return fit.coef_.ravel(), float(np.ravel(fit.intercept_)[0])


def liblinear(x: Any, y: np.ndarray, lasso: float, tolerance: float) -> tuple[np.ndarray, float]:
    """newGLMNET; its intercept is penalised, here by a thousandth."""
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(
        penalty="l1",
        C=1 / lasso,
        solver="liblinear",
        tol=tolerance,
        intercept_scaling=1e3,
        max_iter=1000,
        random_state=0,
    ).fit(x, y)
    return fit.coef_.ravel(), float(fit.intercept_[0])


def saga(x: Any, y: np.ndarray, lasso: float, tolerance: float) -> tuple[np.ndarray, float]:
    """Stochastic average gradients."""
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(
        penalty="l1", C=1 / lasso, solver="saga", tol=tolerance, max_iter=200, random_state=0
    ).fit(x, y)
    return fit.coef_.ravel(), float(fit.intercept_[0])


SOLVERS: dict[str, tuple[str, Callable, tuple[float, ...]]] = {
    "skglm": ("skglm", skglm, (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)),
    "liblinear": ("scikit-learn", liblinear, (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)),
    "saga": ("scikit-learn", saga, (1e-3,)),
}


def run(
    x: Any, y: np.ndarray, lasso: float, least: float, wanted: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """Each solver with the widest tolerance that brings it within `NEAR` of the least objective."""
    for name in wanted:
        package, solve, tolerances = SOLVERS[name]
        try:
            found = {"solver": name, "version": f"{package} {version(package)}"}
        except PackageNotFoundError:
            yield {"solver": name, "version": "not installed"}
            continue
        few = x[:300, :50].tocsc()
        solve(few, y[:300], 1.0, 1e-3)  # what is compiled is compiled before the clock starts
        spent = 0.0
        for tolerance in tolerances:
            begin = time.perf_counter(), time.process_time()
            reached = objective(x, y, lasso, *solve(x, y, lasso, tolerance))
            seconds, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
            spent += seconds
            found |= {"tolerance": tolerance, "seconds": seconds, "cpu_seconds": cpu}
            found["above_least"] = reached / least - 1
            if reached / least - 1 < NEAR or spent > LIMIT:
                break
        yield found


def main(folder: Path, wanted: tuple[str, ...]) -> None:
    """All solvers, as JSON."""
    warnings.simplefilter("ignore")  # of searches that did not end, which the objective tells
    given = json.loads((folder / "lasso.json").read_text(encoding="utf-8"))
    x = sparse.csc_matrix(sparse.load_npz(folder / "matrix.npz"))
    y = np.load(folder / "outcome.npy").astype(int)
    print(json.dumps(list(run(x, y, given["lasso"], given["least"], wanted))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]) or tuple(SOLVERS))
