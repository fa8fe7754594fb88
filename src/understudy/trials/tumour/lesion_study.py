"""Lesion study: what a table of lesions tells: classes of courses, forecasts, and how death follows size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import file_hash
from understudy.core.errors import DataError, Problem
from understudy.core.record import Record, Stopwatch
from understudy.trials.condition import column_of
from understudy.trials.tables import numbers_in, read_table
from understudy.trials.tumour.forecast import LesionForecasts, forecast_lesions
from understudy.trials.tumour.lesions import Lesions
from understudy.trials.tumour.recist import SHRINKAGE
from understudy.trials.tumour.size_survival import SimulatedHazardRatio, SizeSurvival, size_survival

if TYPE_CHECKING:
    import pandas as pd

_DAYS = 365.25


@dataclass(frozen=True)
class SurvivalTable:
    """Where survival of the patients stands, and in which columns.

    Parameters
    ----------
    file : Path
        A row a patient.
    patient : tuple of str
        Columns that name the patient, as in the table of lesions.
    time, dead, arm : str
        Days from the start of treatment to death or the last word; 1 for a death; the arm.
    treated : str
        The arm that is treated; the others are controls.
    """

    file: Path
    patient: tuple[str, ...]
    time: str = "time"
    dead: str = "dead"
    arm: str = "arm"
    treated: str = "treated"


@dataclass(frozen=True, eq=False, repr=False)
class LesionStudy:
    """What was found. Made by `study_lesions`.

    Parameters
    ----------
    lesions : Lesions
    forecasts : LesionForecasts or None
    survival : SizeSurvival or None
    trial : SimulatedHazardRatio or None
        What trials of the survival model would show.
    record : Record
    notes : tuple of str
    """

    lesions: Lesions
    forecasts: LesionForecasts | None
    survival: SizeSurvival | None
    trial: SimulatedHazardRatio | None
    record: Record
    notes: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the courses were, whether forecasts help, and what size says of death."""
        counts, changes = self.lesions.resistance_counts(), self.best_changes()["change"]
        all_of, shrunk = len(changes), int((changes <= -SHRINKAGE + 1e-9).sum())
        share = shrunk / max(all_of, 1)
        half = 1.959964 * np.sqrt(share * (1 - share) / max(all_of, 1))
        told = [
            f"{shrunk:,} of {all_of:,} patients seen again ({100 * share:.0f} %, 95 % interval "
            f"{100 * max(share - half, 0):.0f} to "
            f"{100 * min(share + half, 1):.0f} %) had their target lesion shrink by {100 * SHRINKAGE:.0f} % or more.",
            f"Courses: {', '.join(f'{name} {count:,}' for name, count in counts.items())}.",
        ]
        if self.forecasts:
            told += [self.forecasts.sentence("twin"), self.forecasts.sentence("blend")]
        if self.survival and self.trial:
            told.append(_association(self.survival))
            seen, low, high = self.survival.observed
            told.append(f"Of trials of this model: {self.trial}. Seen: {seen:.3g} ({low:.3g} to {high:.3g}).")
        return tuple(told)

    def best_changes(self) -> pd.DataFrame:
        """Largest shrinkage of each patient, or least growth: columns patient, change, kind; the worst first.

        A share of the first size. Patients without a later visit are left out.
        """
        import pandas as pd

        kinds = self.lesions.resistance()["kind"]
        rows = [
            (name, float(size[1:].min() / size[0] - 1), kinds[name])
            for name, _, size in self.lesions.courses()
            if len(size) > 1
        ]
        found = pd.DataFrame(rows, columns=["patient", "change", "kind"])
        return found.sort_values("change", ascending=False, kind="stable", ignore_index=True)

    def changes(self) -> pd.DataFrame:
        """Change of every visit from the first, a share: columns patient, day (from the first), change, kind."""
        rows, first = self.lesions.table, self.lesions.table.groupby("patient", sort=False)
        found = rows[["patient"]].assign(
            day=rows["day"] - first["day"].transform("first"),
            change=rows["size"] / first["size"].transform("first") - 1,
        )
        return found.assign(kind=found["patient"].map(self.lesions.resistance()["kind"]))

    def table(self) -> pd.DataFrame:
        """Class of each patient: day of progression and shrinkage."""
        return self.lesions.resistance()

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by their names."""
        found = {
            "classes": self.table().reset_index(),
            "best changes": self.best_changes(),
            "courses": self.changes(),
        }
        if self.forecasts:
            found |= {"forecasts": self.forecasts.table, "scores": self.forecasts.scores}
        if self.survival:
            found["size and survival"] = self.survival.model.table().reset_index()
            found["survival"] = self.survival.curves(self.record.seed)
        return found

    def __repr__(self) -> str:
        return "\n".join((repr(self.lesions), *self.sentences))


def study_lesions(
    lesions: Lesions, *, forecast: bool = False, survival: SurvivalTable | None = None, association: str = "value",
    direct: bool = False, patients: int = 500, draws: int = 200, seed: int = 0, inputs: Mapping[str, str] | None = None,
    asked: Mapping[str, Any] | None = None,
) -> LesionStudy:  # fmt: skip
    """Class courses, and forecast them or tie them to death, where that is asked for.

    Sizes of the survival model are logarithms. Both tables count days from the same one, the start of treatment; a
    first visit before it counts as of that day.

    Parameters
    ----------
    lesions : Lesions
    forecast : bool
        Forecast later sizes from three visits, cross-validated.
    survival : SurvivalTable, optional
    association : str
        What of a size acts on death: see `size_survival`.
    direct : bool
        Whether treatment may act on death beside its effect on size.
    patients, draws : int
        Of simulated trials: patients an arm, and draws of parameters.
    seed : int
    inputs : mapping, optional
        Files that `lesions` were read from, with hashes.
    asked : mapping, optional
        How they were read, for the record.

    Raises
    ------
    DataError
        For too few patients to forecast, and for what is wrong with survival.
    """
    watch, told = Stopwatch(), ()
    found = forecast_lesions(lesions, seed=seed) if forecast else None
    tied = trial = None
    hashes = dict(inputs or {})
    if survival is not None:
        tied, told = _tied(lesions, survival, association, direct)
        trial = tied.hazard_ratio(patients, draws, seed)
        hashes[survival.file.name] = file_hash(survival.file)
    settings = {
        **(asked or {}), "too_small": lesions.rules.too_small, "forecast": forecast,
        **(_how(survival) | {"association": association, "direct": direct, "patients": patients, "draws": draws}
           if survival else {}),
    }  # fmt: skip
    record = Record.make(
        "lesions",
        stopwatch=watch,
        inputs=hashes,
        seed=seed,
        method="joint model" if tied else "",
        settings=settings,
    )
    return LesionStudy(lesions, found, tied, trial, record, told)


def _how(asked: SurvivalTable) -> dict[str, str]:
    return {"survival": asked.file.name} | {
        name: getattr(asked, name) for name in ("time", "dead", "arm", "treated")
    }


def _tied(
    lesions: Lesions, asked: SurvivalTable, association: str, direct: bool
) -> tuple[SizeSurvival, tuple[str, ...]]:
    place = asked.file.name
    frame = read_table(asked.file)
    names = (
        frame[[column_of(frame, each, place).name for each in asked.patient]]
        .astype(str)
        .agg(" ".join, axis=1)
    )
    days, dead = numbers_in(frame, asked.time, place), numbers_in(frame, asked.dead, place)
    arm = column_of(frame, asked.arm, place).astype(str)
    if asked.treated not in set(arm):
        there = ", ".join(sorted(set(arm)))
        raise DataError(
            [Problem("no such arm", f"one of {there}", column=asked.arm, value=asked.treated)], place=place
        )
    both = names.isin(lesions.patients) & days.notna() & dead.notna()
    kept = lesions.select([name for name in lesions.patients if name in set(names[both])])
    rows, told = kept.table, []
    for count, what in (
        (len(lesions.patients) - len(kept.patients), f"patients with sizes have no survival in {place}"),
        (int((~both).sum()), f"rows of {place} have no sizes, time or state"),
    ):
        told += [f"{count:,} {what}: they are left out of the model of survival"] if count else []
    if not (rows["size"] > 0).all():
        raise DataError([Problem("a size of zero has no logarithm", "set a floor")], place="the lesions")
    found = size_survival(
        rows["patient"], rows["day"].clip(lower=0) / _DAYS, np.log(rows["size"]), names[both], days[both] / _DAYS,
        dead[both], (arm[both] == asked.treated).astype(float), association=association, direct=direct,
    )  # fmt: skip
    return found, tuple(told)


def _association(found: SizeSurvival) -> str:
    parts = [
        f"{each.name} {np.exp(each.value):.3g} ({np.exp(each.low):.3g} to {np.exp(each.high):.3g})"
        for each in found.model.associations
    ]
    two = ", ".join(f"{np.exp(each):.3g}" for each in found.model.two_stages.parameters.association)
    return (
        f"Hazard ratios of death by a unit of the logarithm of size, by the joint model: {'; '.join(parts)}; "
        "two stages "
        f"would have said {two}."
    )
