"""Published: numbers of a trial's publication beside ours, and whether they are the same."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from understudy.core.errors import StudyError

if TYPE_CHECKING:
    from understudy.trials.analyses.analysis import Analysed
    from understudy.trials.trial import Trial

_PARTS = {
    "estimate": "value", "lower": "low", "upper": "high", "p": "p_value", "se": "standard_error",
    "subjects": "subjects", "events": "events",
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """A published number beside ours.

    Parameters
    ----------
    endpoint, arm, what : str
    published, ours : float
    agrees : bool
        To the digits that are published.
    """

    endpoint: str
    arm: str
    what: str
    published: float
    ours: float
    agrees: bool


def compared(trial: Trial, found: Analysed) -> tuple[Comparison, ...]:
    """Published numbers beside ours.

    Raises
    ------
    StudyError
        For an arm or a part that there is not.
    """
    labels = {**trial.protocol.arms.labels}
    made = []
    for arm, parts in trial.protocol.analysis.published.items():
        effect = next((e for e in found.effects if e.arm == labels.get(arm, arm)), None)
        if effect is None:
            known = ", ".join(dict.fromkeys(e.arm for e in found.effects))
            raise StudyError(
                f"no effect is of {arm!r}", place="analysis.published", repair=f"effects are of: {known}"
            )
        for part, value in parts.items():
            if part not in _PARTS:
                raise StudyError(
                    f"unknown number {part!r}", place=f"analysis.published.{arm}", repair=", ".join(_PARTS)
                )
            ours = float(getattr(effect, _PARTS[part]) or 0)
            made.append(
                Comparison(
                    trial.protocol.endpoint.name, effect.arm, part, value, ours, same_digits(value, ours)
                )
            )
    return tuple(made)


def same_digits(published: float, ours: float) -> bool:
    """Whether a number rounds to a published one, by the decimals that this one is written with.

    Examples
    --------
    >>> same_digits(0.69, 0.6899), same_digits(0.69, 0.684), same_digits(79, 79.0)
    (True, False, True)
    """
    unit = 10.0 ** Decimal(repr(float(published))).normalize().as_tuple().exponent
    # Half a unit of the last digit, and a little for the binary fractions of numbers that end in 5.
    return abs(published - ours) <= 0.5 * min(unit, 1.0) * (1 + 1e-9)
