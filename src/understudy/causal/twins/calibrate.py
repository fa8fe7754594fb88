"""calibrate_twins: the systematic error of twins, seen in contrasts known to be null, and intervals that allow for it.

A twin that predicts a contrast is an estimator like any other. On contrasts known to be null its estimates scatter
about its systematic error, which is fitted as a normal distribution (Schuemie et al., Stat Med 2014;33:209-218,
doi:10.1002/sim.5925) and taken off the other contrasts, with its spread added to their variance (Schuemie et al., PNAS
2018;115:2571-2577, doi:10.1073/pnas.1708282114).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from understudy.causal.calibration.calibrated_estimate import calibrate
from understudy.causal.calibration.error_model import ErrorModel
from understudy.causal.calibration.fit_null import fit_null
from understudy.causal.calibration.null_distribution import NullDistribution
from understudy.causal.study.diagnostics import Diagnostic
from understudy.causal.study.sealed import Sealed
from understudy.causal.twins.contrasts import Contrasts, Measure
from understudy.core.content import content_hash
from understudy.core.errors import DataError, Problem, StudyError
from understudy.core.record import Record

if TYPE_CHECKING:
    import pandas as pd

LARGEST_EASE = 0.25  # on the scale of log ratios, as that of LEGEND
CITATIONS = (
    "Schuemie et al. 2014, doi:10.1002/sim.5925",
    "Schuemie et al. 2018, doi:10.1073/pnas.1708282114",
)
# Null contrasts without which nothing is fitted, and below which a note is made.
FEWEST, FEW = 5, 20


@dataclass(frozen=True, eq=False, repr=False)
class CalibratedTwins:
    """What is left of the twins' contrasts when their systematic error is allowed for.

    Parameters
    ----------
    measure : {"log ratio", "difference"}
    count : int
        Of effects.
    null : NullDistribution
        Systematic error of the twins.
    threshold : float
        The effects are hidden unless `ease` is below it.
    level : float
        Of the intervals.
    effects : Sealed of DataFrame
        One row for each contrast that is not known to be null: name, estimate, standard_error, low, high, p, and
        calibrated_ of each.
    controls : DataFrame
        The same for the null contrasts, each calibrated by the others (leave one out).
    record : Record
    notes : tuple of str
    """

    measure: Measure
    count: int
    null: NullDistribution
    threshold: float
    level: float
    effects: Sealed[pd.DataFrame]
    controls: pd.DataFrame
    record: Record
    notes: tuple[str, ...] = ()

    @property
    def ease(self) -> float:
        """Expected absolute systematic error, on the scale of the contrasts."""
        return self.null.expected_absolute_error

    @property
    def blinded(self) -> bool:
        """Whether the effects stay hidden."""
        return self.effects.hidden

    @property
    def diagnostic(self) -> Diagnostic:
        """The condition of being seen."""
        return Diagnostic("systematic error", self.ease, self.threshold)

    @property
    def check(self) -> dict[str, float]:
        """Share of null contrasts whose interval holds zero: as the twins have it, and calibrated by the others."""
        table = self.controls
        return {
            "raw": float(np.mean((table["low"] <= 0) & (table["high"] >= 0))),
            "leave one out": float(np.mean((table["calibrated_low"] <= 0) & (table["calibrated_high"] >= 0))),
        }

    def table(self) -> pd.DataFrame:
        """Names, raw and calibrated effects; raises while they are hidden."""
        return self.effects.seen

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by name: the null contrasts, and the effects where they may be seen."""
        return {"null contrasts": self.controls} | ({} if self.blinded else {"effects": self.effects.seen})

    @property
    def sentences(self) -> tuple[str, ...]:
        """What came out, in words."""
        share, percent = self.check, f"{100 * self.level:g} %"
        unit = "on the scale of logarithms" if self.measure == "log ratio" else "in the outcome's unit"
        found = (
            f"On {len(self.controls)} contrasts known to be null the twins err by {self.null.mean:.3g} on average, "
            f"with a standard deviation of {self.null.sd:.3g} beside their own errors; expected absolute "
            f"systematic error {self.ease:.3g}, {unit}.",
            f"Of these contrasts {_share(share['raw'])} have zero in their {percent} interval as the twins give it, "
            f"{_share(share['leave one out'])} in the interval calibrated by the others.",
        )
        if self.blinded:
            told = f"Effects are hidden: the expected error must be below {self.threshold:g}, as was set beforehand."
            return (*found, told)
        return found

    def __repr__(self) -> str:
        hidden = ", hidden" if self.blinded else ""
        count = self.count
        return (
            f"CalibratedTwins: {count} effect{'' if count == 1 else 's'}{hidden}; {len(self.controls)} null contrasts, "
            f"systematic error {self.null.mean:.3g} ± {self.null.sd:.3g}, EASE {self.ease:.3g} "
            f"(must be below {self.threshold:g})"
        )


def calibrate_twins(
    contrasts: Contrasts | pd.DataFrame | Mapping[str, ArrayLike],
    *,
    threshold: float | None = None,
    level: float = 0.95,
    inputs: Mapping[str, str] | None = None,
) -> CalibratedTwins:
    """Fit the twins' systematic error on null contrasts and allow for it in the others.

    What it takes for granted: the error is of the same kind in both. Choose null contrasts in which the twins have to
    do what they do in the others.

    Parameters
    ----------
    contrasts : Contrasts, DataFrame or mapping
        At least five of them null; a table with columns name, estimate, standard_error and null holds log ratios.
    threshold : float, optional
        Largest expected absolute systematic error under which effects are shown, to be set before they are known: 0.25
        for log ratios. Differences have a unit, so theirs has to be given.
    level : float
        Of the intervals.
    inputs : mapping of str to str, optional
        SHA-256 of files by their names, for the record.

    Returns
    -------
    CalibratedTwins

    Raises
    ------
    DataError
        For fewer than five null contrasts, or a bad table.
    StudyError
        For differences without a threshold, or a threshold or level that cannot be.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> error = np.full(60, 0.1)
    >>> null = np.arange(60) < 40
    >>> truth = np.where(null, 0.0, -0.5)
    >>> estimate = truth + rng.normal(0.1, 0.12, 60) + rng.normal(0, error)  # the twins are wrong by 0.1 ± 0.12
    >>> columns = {"name": range(60), "estimate": estimate, "standard_error": error, "null": null}
    >>> found = calibrate_twins(columns)
    >>> round(found.null.mean, 2), found.blinded
    (0.09, False)
    >>> {name: round(share, 2) for name, share in found.check.items()}
    {'raw': 0.8, 'leave one out': 0.95}
    """
    contrasts = _contrasts(contrasts)
    threshold = _threshold(contrasts, threshold)
    if not 0 < level < 1:
        raise StudyError(f"level {level:g}", place="calibrate_twins", repair="a level between 0 and 1")
    controls = contrasts.take(contrasts.null)
    if len(controls.name) < FEWEST:
        problem = Problem(
            f"{len(controls.name)} null contrasts",
            f"give at least {FEWEST}, better thirty: contrasts that treatment cannot bring about",
            column="null",
        )
        raise DataError([problem], place="contrasts")
    null = fit_null(controls.estimate, controls.standard_error)
    others = [_without(controls, k) for k in range(len(controls.name))]
    effects = contrasts.take(~contrasts.null)
    hidden = () if null.expected_absolute_error < threshold else ("systematic error",)
    return CalibratedTwins(
        contrasts.measure,
        len(effects.name),
        null,
        threshold,
        level,
        Sealed(_table(effects, [null] * len(effects.name), level), hidden),
        _table(controls, others, level),
        Record.make(
            "calibrate_twins",
            inputs=inputs or {"contrasts": content_hash(contrasts.table().to_csv(index=False))},
            method="normal null by maximum likelihood",
            settings={"measure": contrasts.measure, "threshold": threshold, "level": level},
            citations=CITATIONS,
        ),
        _notes(null, effects),
    )


def _contrasts(given: Any) -> Contrasts:
    if isinstance(given, Contrasts):
        return given
    import pandas as pd

    return Contrasts.from_frame(given if isinstance(given, pd.DataFrame) else pd.DataFrame(dict(given)))


def _threshold(contrasts: Contrasts, threshold: float | None) -> float:
    if threshold is None and contrasts.measure == "difference":
        raise StudyError(
            "differences need a threshold in their unit",
            place="threshold",
            repair="state, before effects are known, which systematic error would make them worthless",
        )
    threshold = LARGEST_EASE if threshold is None else float(threshold)
    if not (np.isfinite(threshold) and threshold > 0):
        raise StudyError(f"threshold {threshold:g}", place="threshold", repair="a number above zero")
    return threshold


def _without(controls: Contrasts, k: int) -> NullDistribution:
    kept = np.arange(len(controls.name)) != k
    return fit_null(controls.estimate[kept], controls.standard_error[kept])


def _table(contrasts: Contrasts, nulls: Sequence[NullDistribution], level: float) -> pd.DataFrame:
    """Raw and calibrated, each by its own null."""
    import pandas as pd

    nothing = NullDistribution(0.0, 0.0, 0)
    raw = _rows(contrasts, [nothing] * len(nulls), level)
    calibrated = {f"calibrated_{name}": values for name, values in _rows(contrasts, nulls, level).items()}
    return pd.DataFrame({"name": contrasts.name, **raw, **calibrated})


def _rows(contrasts: Contrasts, nulls: Sequence[NullDistribution], level: float) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ("estimate", "standard_error", "low", "high", "p")}
    for estimate, error, null in zip(contrasts.estimate, contrasts.standard_error, nulls, strict=True):
        made = calibrate(estimate, error, null, level)
        p = float(null.calibrated_p(estimate, error).p) if error or null.sd else float(estimate == null.mean)
        values = (made.log_rr, made.standard_error, made.low, made.high, p)
        for column, value in zip(found.values(), values, strict=True):
            column.append(float(np.squeeze(value)))
    return found


def _notes(null: NullDistribution, effects: Contrasts) -> tuple[str, ...]:
    notes = ErrorModel.of_null(null).notes
    if null.controls < FEW:
        told = "their own scatter makes the systematic error uncertain, which the calibrated intervals do not count"
        notes = (*notes, f"{null.controls} null contrasts are few: {told}")
    if len(effects.name):
        return notes
    return (*notes, "every contrast is known to be null: there is nothing to calibrate")


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
