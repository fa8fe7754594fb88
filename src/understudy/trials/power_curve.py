"""Power curve: how often a design shows effects of different size, with fewer and with more patients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.trials.designs.simulate_trials import simulate_trials
from understudy.trials.planned_design import planned_conduct, planned_design

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.design_section import DesignSection
    from understudy.trials.designs.patients import Patients

# Points from no effect to the largest one; sizes over the planned one.
_STEPS = 8
_SIZES = (0.5, 1.0, 1.5)


def curve_trials(trials: int) -> int:
    """Trials of each point of a curve, from those of each scenario.

    Examples
    --------
    >>> curve_trials(10_000), curve_trials(100)
    (2000, 100)
    """
    return max(trials // 5, 100)


def effect_grid(largest: float, ratio: bool) -> tuple[float, ...]:
    """Effects from none to the largest, in even steps; of a ratio on the logarithmic scale.

    Examples
    --------
    >>> [round(each, 3) for each in effect_grid(0.25, ratio=True)][::4]
    [1.0, 0.5, 0.25]
    """
    steps = np.linspace(0.0, 1.0, _STEPS + 1)
    return tuple((np.exp(steps * math.log(largest)) if ratio else steps * largest).tolist())


def resized(design: DesignSection, factor: float) -> DesignSection:
    """The design with so many times its patients and events, in whole blocks.

    Examples
    --------
    >>> from understudy.trials.design_section import DesignSection
    >>> smaller = resized(DesignSection(patients=61, events=40, enrolment=2.0), 0.5)
    >>> smaller.patients, smaller.events
    (32, 20)
    """
    block = sum(design.allocation)
    patients = max(math.ceil(factor * design.patients / block) * block, 2 * block)
    events = None if design.events is None else min(max(math.ceil(factor * design.events), 2), patients)
    return design.model_copy(update={"patients": patients, "events": events})


def power_curve(
    design: DesignSection,
    endpoint: str,
    patients: Callable[[float], Patients],
    effects: Sequence[float],
    *,
    trials: int,
    seed: int,
    jobs: int = 1,
) -> pd.DataFrame:
    """Power of a design of two arms over effects, at half its size, its size and half as many again.

    Parameters
    ----------
    design : DesignSection
    endpoint : str
        Its kind.
    patients : function
        From an effect to patients who have it.
    effects : sequence of float
    trials : int
        Of each point; all points have the same patients, so that differences between them are less noisy than each.
    seed : int
    jobs : int

    Returns
    -------
    DataFrame
        ``patients``, ``events``, ``effect``, ``power``, ``standard_error`` (Monte Carlo), ``lower``, ``upper``.
    """
    import pandas as pd

    scenarios = {f"{each!r}": patients(each) for each in effects}
    rows = []
    for factor in _SIZES:
        own = resized(design, factor)
        plan = planned_design(own, endpoint, ("control", "treated"))
        found = simulate_trials(
            plan, scenarios, trials=trials, seed=seed, conduct=planned_conduct(own), jobs=jobs
        ).table()
        shares = found[found["measure"] == "rejected any"].set_index("scenario")
        for each in effects:
            row = shares.loc[f"{each!r}"]
            rows.append(
                {"patients": own.patients, "events": own.events, "effect": each, "power": row["estimate"],
                 "standard_error": row["standard_error"], "lower": row["lower"], "upper": row["upper"]}
            )  # fmt: skip
    return pd.DataFrame(rows)
