"""Twice augmented timeline: what doses do to sensitivities and second sensitivities.

An event whose time u moves is a step along the solution by the distance u moves, the event, and the same step back. As
u moves by du = u_i s + u_j t + u_ij s t, such a step takes the states y, their sensitivities S and the second ones H to

- S_i + u_i y',
- H_ij + u_ij y' + u_i S_j' + u_j S_i' + u_i u_j y'',

with the derivatives by time on the side of the event on which the step is taken, all infusions and their slopes
included. It is written as events of the kind FLOW that add derivatives of one copy of the states to others: that of y
goes half before and half after those of all S, which brings in u_i u_j y'' exactly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from understudy.engine.sensitivity.augmented_timeline import (
    AFTER,
    BEFORE,
    EventSlopes,
    Parts,
    add_changed_values,
    with_parts,
)
from understudy.engine.sensitivity.twice_augmented_model import Pairs
from understudy.engine.timeline import BOLUS, FLOW, RATE, Timeline


def augment_timeline_twice(
    timeline: Timeline, first: EventSlopes, second: EventSlopes, own: int, pairs: Pairs
) -> Timeline:
    """The timeline with the events of both kinds of sensitivities.

    Parameters
    ----------
    timeline : Timeline
        Without doses that enter by absorption profiles.
    first, second : EventSlopes
        Along each direction, and along each pair.
    own : int
        How many states are the mechanism's.
    pairs : tuple of (int, int)
    """
    kind, parts = timeline.event_kind, Parts(timeline)
    value, time = np.hstack([first.value, second.value]), np.hstack([first.time, second.time])
    moved = np.flatnonzero(np.isin(kind, (BOLUS, RATE)) & (time != 0.0).any(axis=1))
    steps = [(0, 0.5 * time[moved]), *_between(first.time[moved], pairs), (0, 0.5 * time[moved])]
    flow = [np.zeros((0, value.shape[1]))]
    _add_steps(parts, BEFORE, moved, steps, flow)
    add_changed_values(parts, kind, replace(first, value=value), own)
    _add_steps(parts, AFTER, moved, [(source, -step) for source, step in steps], flow)
    return with_parts(timeline, parts, np.vstack(flow))


def _between(time: np.ndarray, pairs: Pairs) -> list[tuple[int, np.ndarray]]:
    """What the derivatives of each direction's sensitivities are added to, with the copy that they are of."""
    directions = time.shape[1]
    found = [np.zeros((len(time), directions + len(pairs))) for _ in range(directions)]
    for place, (i, j) in enumerate(pairs):
        found[i][:, directions + place] += time[:, j]
        found[j][:, directions + place] += time[:, i]
    return [(1 + m, step) for m, step in enumerate(found)]


def _add_steps(parts: Parts, side: int, event: np.ndarray, steps: list, flow: list) -> None:
    for source, step in steps:
        needed = (step != 0.0).any(axis=1)
        parts.add(event[needed], side, FLOW, sum(map(len, flow)) + np.arange(needed.sum()), float(source))
        flow.append(step[needed])
