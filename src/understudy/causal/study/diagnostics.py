"""Diagnostics: whether an estimate may be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING, Literal

from understudy.causal.study.diagnostics_section import DIAGNOSTICS, DiagnosticName, DiagnosticsSection

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["pass", "fail", "not evaluated"]
_MEASURES: dict[DiagnosticName, str] = {
    "power": "minimum detectable relative risk",
    "balance": "largest standardised difference",
    "equipoise": "share of persons in equipoise",
    "systematic error": "expected absolute systematic error",
}


@dataclass(frozen=True)
class Diagnostic:
    """One condition of being seen.

    Parameters
    ----------
    name : str
        "power", "balance", "equipoise" or "systematic error".
    value : float
        Of its measure; NaN where it could not be evaluated.
    threshold : float
    waived : str
        Why it is no condition of this estimate; empty where it is one.

    Examples
    --------
    >>> print(Diagnostic("equipoise", 0.1, 0.2))
    equipoise: share of persons in equipoise is 0.1, must be above 0.2
    """

    name: DiagnosticName
    value: float
    threshold: float
    waived: str = ""

    @property
    def measure(self) -> str:
        """What its value measures."""
        return _MEASURES[self.name]

    @property
    def side(self) -> str:
        """On which side of the threshold its value has to be."""
        return "above" if self.name == "equipoise" else "below"

    @property
    def verdict(self) -> Verdict:
        """Whether the value is on the right side of the threshold."""
        if isnan(self.value):
            return "not evaluated"
        passed = self.value > self.threshold if self.side == "above" else self.value < self.threshold
        return "pass" if passed else "fail"

    @property
    def hides(self) -> bool:
        """Whether the estimate stays hidden for it: it failed or was not evaluated, and is not waived."""
        return self.verdict != "pass" and not self.waived

    def __str__(self) -> str:
        found = "was not evaluated" if isnan(self.value) else f"is {self.value:.3g}"
        told = f"{self.name}: {self.measure} {found}, must be {self.side} {self.threshold:g}"
        return f"{told} (waived: {self.waived})" if self.waived else told


@dataclass(frozen=True)
class Diagnostics:
    """All conditions of one estimate.

    Parameters
    ----------
    items : tuple of Diagnostic

    Examples
    --------
    >>> found = judge({"power": 1.6, "balance": 0.2, "equipoise": 0.9, "systematic error": 0.1}, DiagnosticsSection())
    >>> found.unblind, found.hidden_for
    (False, ('balance',))
    """

    items: tuple[Diagnostic, ...]

    @property
    def unblind(self) -> bool:
        """Whether the estimate may be seen."""
        return not self.hidden_for

    @property
    def hidden_for(self) -> tuple[str, ...]:
        """The diagnostics for which it stays hidden."""
        return tuple(each.name for each in self.items if each.hides)

    @property
    def may_leave_site(self) -> bool:
        """Whether its likelihood profile may go into a synthesis: power is no condition there."""
        return not set(self.hidden_for) - {"power"}

    def table(self) -> pd.DataFrame:
        """Columns diagnostic, measure, value, threshold, verdict, waived."""
        import pandas as pd

        rows = [
            (each.name, each.measure, each.value, each.threshold, each.verdict, each.waived)
            for each in self.items
        ]
        return pd.DataFrame(
            rows, columns=["diagnostic", "measure", "value", "threshold", "verdict", "waived"]
        )


def judge(
    values: Mapping[DiagnosticName, float],
    thresholds: DiagnosticsSection,
    waived: Mapping[DiagnosticName, str] | None = None,
) -> Diagnostics:
    """Compare measures with their thresholds.

    Parameters
    ----------
    values : mapping of diagnostic to float
        What was measured; one that is missing or NaN was not evaluated, and hides the estimate unless it is waived.
    thresholds : DiagnosticsSection
    waived : mapping of diagnostic to str, optional
        Reasons, beside those of the section.

    Returns
    -------
    Diagnostics
    """
    limits = {
        "power": thresholds.largest_mdrr,
        "balance": thresholds.largest_difference,
        "equipoise": thresholds.least_equipoise,
        "systematic error": thresholds.largest_ease,
    }
    reasons = thresholds.waive | dict(waived or {})
    return Diagnostics(
        tuple(
            Diagnostic(name, values.get(name, nan), limits[name], reasons.get(name, ""))
            for name in DIAGNOSTICS
        )
    )
