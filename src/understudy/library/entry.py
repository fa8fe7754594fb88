"""Entry: one model of the library, with what it is for and where it was tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from understudy.model.model import Model
from understudy.model.population_model import PopulationModel


@dataclass(frozen=True)
class Entry:
    """A model of the library and its card: purpose, tested domain, limits. It builds the model when asked.

    Parameters
    ----------
    name : str
        Short name to ask for it, such as ``"two_compartment_oral"``.
    title, family, purpose : str
        What it is, where it belongs, what it is for, each in a line.
    kind : {"structural", "population"}
        A mechanism alone, or with published variability between patients.
    build : callable
        Makes the `Model` or `PopulationModel`.
    regimen : str
        The dosing sentence of the conformance tests (see `Regimen.parse`).
    times : tuple of float
        Their observation times, in the model's time unit; none falls on a dose.
    tested : str
        The population and parameter range the model was tried on.
    limits : str
        Where it should not be used.
    checked : str
        How its numbers were checked.

    Examples
    --------
    >>> from understudy.library.catalogue import entry
    >>> card = entry("phenobarbital_neonates")
    >>> card.kind, card.covariates["WT"]
    ('population', 1.3)
    """

    name: str
    title: str
    family: str
    purpose: str
    kind: Literal["structural", "population"]
    build: Callable[[], Model | PopulationModel] = field(repr=False, compare=False)
    regimen: str
    times: tuple[float, ...]
    tested: str
    limits: str
    checked: str = "Structure checked against the cited equations; the values are examples, not estimates."

    @property
    def covariates(self) -> dict[str, float]:
        """Reference value of each covariate: the typical patient."""
        found = self.build()
        if isinstance(found, Model):
            return {}
        return {item.name: item.reference for item in found.covariates if item.reference is not None}
