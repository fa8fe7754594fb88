"""Operating characteristics: how often a design is right, how long it takes and whom it exposes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.trials.designs.runs import Design, Runs

if TYPE_CHECKING:
    import pandas as pd

_Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True)
class OperatingCharacteristics:
    """Results of simulated trials, scenario by scenario; every table has Monte Carlo errors.

    Parameters
    ----------
    design : Design
    arms : tuple of str
    runs : mapping of str to Runs
        A scenario each; ``"null"`` is the one where no arm differs from the control.
    seed : int
    seconds : float
        That the simulation took.
    """

    design: Design
    arms: tuple[str, ...]
    runs: Mapping[str, Runs]
    seed: int
    seconds: float

    @property
    def trials(self) -> int:
        """Number of trials of each scenario."""
        return len(next(iter(self.runs.values())))

    def rejection(self, scenario: str, hypothesis: str | None = None) -> tuple[float, float]:
        """Share of trials that reject a hypothesis (None: any), and its Monte Carlo standard error."""
        runs = self.runs[scenario]
        if hypothesis is None:
            rejected = runs.rejected.any(axis=1)
        else:
            rejected = runs.rejected[:, runs.hypotheses.index(hypothesis)]
        share = float(rejected.mean())
        return share, math.sqrt(share * (1 - share) / len(rejected))

    def table(self) -> pd.DataFrame:
        """A row for each scenario and measure: ``estimate``, ``standard_error``, and the 95 % interval's ends.

        ``rejected`` is the type I error rate in the scenario ``null`` and power in others.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for scenario, runs in self.runs.items():
            rows.append(
                {"scenario": scenario, "measure": "rejected any", **_share(runs.rejected.any(axis=1))}
            )
            for index, name in enumerate(runs.hypotheses):
                head = {"scenario": scenario, "measure": f"rejected {name}"}
                rows.append({**head, **_share(runs.rejected[:, index])})
            rows.append({"scenario": scenario, "measure": "stopped for futility", **_share(runs.futile)})
            for name, values in self._means(runs).items():
                rows.append({"scenario": scenario, "measure": name, **_mean(values)})
        return pd.DataFrame(rows)

    def arms_table(self) -> pd.DataFrame:
        """A row for each scenario and arm: mean number of patients, with its error, and 5 and 95 % points."""
        import pandas as pd

        rows = []
        for scenario, runs in self.runs.items():
            for index, arm in enumerate(self.arms):
                low, high = np.quantile(runs.enrolled[:, index], [0.05, 0.95])
                found = _mean(runs.enrolled[:, index])
                rows.append({"scenario": scenario, "arm": arm, **found, "p05": low, "p95": high})
        return pd.DataFrame(rows)

    def looks_table(self) -> pd.DataFrame:
        """A row for each scenario, last look and decision: share of trials, with its error."""
        import pandas as pd

        rows = []
        for scenario, runs in self.runs.items():
            any_rejected = runs.rejected.any(axis=1)
            for look in range(1, int(runs.looks.max()) + 1):
                there = runs.looks == look
                kinds = {
                    "reject": there & any_rejected,
                    "futility": there & ~any_rejected & runs.futile,
                    "no rejection": there & ~any_rejected & ~runs.futile,
                }
                for decision, met in kinds.items():
                    rows.append({"scenario": scenario, "look": look, "decision": decision, **_share(met)})
        return pd.DataFrame(rows)

    def _means(self, runs: Runs) -> dict[str, np.ndarray]:
        estimates = {
            f"estimate of {name}": runs.estimate[:, index] for index, name in enumerate(runs.hypotheses)
        }
        given = {name: values for name, values in estimates.items() if np.isfinite(values).any()}
        return {
            "duration": runs.duration,
            "patients": runs.enrolled.sum(axis=1),
            "looks": runs.looks,
            **runs.measures,
            **given,
        }

    def __repr__(self) -> str:
        lines = [
            f"OperatingCharacteristics of {type(self.design).__name__}: {self.trials} trials a scenario, "
            f"seed {self.seed}"
        ]
        width = max(len(name) for name in self.runs)
        for scenario, runs in self.runs.items():
            share, error = self.rejection(scenario)
            told = "type I error" if scenario == "null" else "power"
            patients, duration = runs.enrolled.sum(axis=1).mean(), runs.duration.mean()
            lines.append(
                f"  {scenario:<{width}}  {told:<12} {share:.4f} ± {error:.4f}, {patients:.1f} patients, "
                f"duration {duration:.1f}, futility {runs.futile.mean():.3f}"
            )
            lines += [
                f"  {'':<{width}}    {name}: {self.rejection(scenario, name)[0]:.4f}"
                for name in runs.hypotheses
                if len(runs.hypotheses) > 1
            ]
        notes = dict.fromkeys(note for runs in self.runs.values() for note in runs.notes)
        return "\n".join(
            [*lines, "  (± is the Monte Carlo standard error)", *(f"  note: {note}" for note in notes)]
        )


def _share(met: np.ndarray) -> dict[str, float]:
    """Share with its standard error and Wilson's interval, J Am Stat Assoc 22, 209 (1927)."""
    n, share = len(met), float(met.mean())
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    error = math.sqrt(share * (1 - share) / n)
    return {"estimate": share, "standard_error": error, "lower": centre - half, "upper": centre + half}


def _mean(values: np.ndarray) -> dict[str, float]:
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    mean = float(values.mean()) if len(values) else math.nan
    error = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    return {"estimate": mean, "standard_error": error, "lower": mean - _Z * error, "upper": mean + _Z * error}
