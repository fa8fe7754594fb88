"""Optimum: the design that an optimisation found, against the one it began with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.design.information import Information
from understudy.design.population_design import Design

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Optimum:
    """A better design.

    Parameters
    ----------
    start, found : Information
    efficiency : float
        Of what was found against the start by the criterion: 1.2 says that the start needs 20 % more patients for as
        much. Infinite where the start does not inform every parameter.
    criterion, algorithm : str
    at_least : float or None
        Share of the efficiency of the best there is among the candidates, in fractions of patients; None where that is
        not known.
    """

    start: Information
    found: Information
    efficiency: float
    criterion: str
    algorithm: str
    at_least: float | None = None

    @property
    def design(self) -> Design:
        """What was found."""
        return self.found.design

    def table(self) -> pd.DataFrame:
        """Relative standard errors of every parameter, at the start and as found."""
        import pandas as pd

        start = (
            self.start.relative if np.isfinite(self.efficiency) else dict.fromkeys(self.found.names, np.nan)
        )
        columns = {
            "value": self.found.values,
            "start": list(start.values()),
            "found": list(self.found.relative.values()),
        }
        return pd.DataFrame(columns, index=pd.Index(self.found.names, name="name"))

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        finite = np.isfinite(self.efficiency)
        return {
            "criterion": self.criterion, "algorithm": self.algorithm,
            "efficiency": self.efficiency if finite else None, "at_least": self.at_least,
            "start": self.start.to_json() if finite else {"design": self.start.design.to_json()},
            "found": self.found.to_json(),
        }  # fmt: skip

    def __repr__(self) -> str:
        head = f"Optimum by {self.criterion}: efficiency {self.efficiency:.3f} of the start"
        return f"{head}\n{self.design}\n{self.table().to_string(float_format=lambda value: f'{value:.4g}')}"
