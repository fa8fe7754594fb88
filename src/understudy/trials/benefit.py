"""Benefit: which arm an effect favours, where the protocol says what is good for the patient."""

from __future__ import annotations

from understudy.trials.effect import Effect
from understudy.trials.endpoint_section import MeasureSection

# Values of these kinds are good or bad only as the protocol says.
_MEASURED = ("continuous", "longitudinal")


def favours(effect: Effect, endpoint: MeasureSection) -> str:
    """The arm that looks better.

    Returns
    -------
    str
        "treated", "control", or "" where arms are alike or nothing says what is good. Events and counts are bad unless
        the endpoint says ``better = "higher"``; wins are good; values need ``better``.

    Examples
    --------
    >>> from understudy.trials.endpoint_section import EndpointSection
    >>> endpoint = EndpointSection(kind="survival", time="DAYS", event={"DEAD": 1})
    >>> favours(Effect("drug", "placebo", "hazard ratio", 0.5, 0.3, 0.8, 0.25, 0.004, 100, "Cox"), endpoint)
    'treated'
    """
    sign = _sign_of_more(effect.measure, endpoint)
    distance = effect.value - (1.0 if effect.is_ratio else 0.0)
    if not sign or not distance:
        return ""
    return "treated" if sign * distance > 0 else "control"


def _sign_of_more(measure: str, endpoint: MeasureSection) -> int:
    """1 where a larger effect is good, -1 where it is bad, 0 where nothing says so."""
    if endpoint.kind == "hierarchical":
        return 1
    if endpoint.kind in _MEASURED and endpoint.better is None:
        return 0
    more = 1 if endpoint.better == "higher" else -1
    # More time without the event is good where the event is bad.
    return -more if measure.startswith("difference of mean time") else more
