"""Log-rank: tests and hazard ratios of many simulated trials at once.

Mantel, Cancer Chemother Rep 50, 163 (1966); Cox, J R Stat Soc B 34, 187 (1972), doi:10.1111/j.2517-6161.1972.tb00899.x,
with ties by Breslow's method. This kernel is for two arms and thousands of trials; the estimators that a reader
wants of one trial are in `understudy.biostatistics`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def log_rank_batch(
    time: NDArray[np.float64], event: NDArray[np.bool_], treated: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Standardised log-rank statistics, log hazard ratios and their standard errors.

    Parameters
    ----------
    time : array of float, shape (trials, patients)
        Time under observation; a patient with none (zero or less) is left out.
    event, treated : array of bool, shape (trials, patients)

    Returns
    -------
    z : array of float, shape (trials,)
        Above zero where the treated have fewer events than expected; 0 where no event tells the arms apart.
    log_hazard_ratio, standard_error : array of float, shape (trials,)
        Of Cox' model; not a number where all events are in one arm.

    Examples
    --------
    >>> time = np.array([[1.0, 2, 3, 4, 5, 6]])
    >>> z, log_ratio, _ = log_rank_batch(time, time > 0, np.array([[False, False, True, False, True, True]]))
    >>> round(float(z[0]), 4)
    1.599
    """
    from understudy.trials.designs.log_rank_kernel import batch

    order = np.argsort(time, axis=1, kind="stable")
    return batch(
        np.take_along_axis(time, order, axis=1),
        np.take_along_axis(event, order, axis=1),
        np.take_along_axis(treated, order, axis=1),
    )
