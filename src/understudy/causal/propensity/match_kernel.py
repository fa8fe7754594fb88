"""Greedy matching on one number, compiled: of all pairs that are still free the nearest, again and again."""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def matched(target_values, target_rows, comparator_values, comparator_rows, ratio, caliper):
    """For each comparator the position of its target among `target_rows`, or -1.

    Both sides are sorted by value, then row. In round r every target that found a comparator in round r - 1 may find
    one more. In a round the nearest free pair is taken; of pairs equally near the one with the smallest row of a
    target, then of a comparator. A pair must be nearer than `caliper`.
    """
    t_starts, c_starts = _groups(target_values), _groups(comparator_values)
    found = np.full(comparator_rows.size, -1, dtype=np.int64)
    eligible, won = np.ones(target_rows.size, dtype=np.bool_), np.zeros(target_rows.size, dtype=np.bool_)
    groups = c_starts.size - 1
    free = c_starts[:-1].copy()  # of each group of comparators, the first that is free
    below, above = (
        np.arange(groups),
        np.arange(groups),
    )  # the nearest group that has free ones, or a step to it
    place = np.empty(t_starts.size - 1, dtype=np.int64)
    for a in range(place.size):
        place[a] = np.searchsorted(comparator_values[c_starts[:-1]], target_values[t_starts[a]])
    for _ in range(ratio):
        won[:] = False
        waiting = t_starts[:-1].copy()
        heap = [(0.0, np.int64(-1), np.int64(-1))]
        for a in range(place.size):
            waiting[a] = _next_waiting(waiting[a], t_starts[a + 1], eligible)
            if waiting[a] < t_starts[a + 1]:
                heap.append((0.0, target_rows[waiting[a]], np.int64(a)))
        heapq.heapify(heap)
        heapq.heappop(heap)
        while len(heap) > 0:
            key, row, a = heapq.heappop(heap)
            value = target_values[t_starts[a]]
            left, right = _below(below, place[a] - 1), _above(above, place[a])
            near_left = value - comparator_values[c_starts[left]] if left >= 0 else np.inf
            near_right = comparator_values[c_starts[right]] - value if right < groups else np.inf
            nearest = min(near_left, near_right)
            if not nearest < caliper:
                continue
            if nearest > key:
                heapq.heappush(heap, (nearest, row, a))
                continue
            group = left if near_left < near_right else right
            if near_left == near_right and comparator_rows[free[left]] < comparator_rows[free[right]]:
                group = left
            found[free[group]] = waiting[a]
            won[waiting[a]] = True
            free[group] += 1
            if free[group] == c_starts[group + 1]:
                below[group], above[group] = group - 1, group + 1
            waiting[a] = _next_waiting(waiting[a] + 1, t_starts[a + 1], eligible)
            if waiting[a] < t_starts[a + 1]:
                heapq.heappush(heap, (nearest, target_rows[waiting[a]], a))
        if not won.any():
            break
        eligible[:] = won
    return found


@njit(cache=True, nogil=True)
def _groups(values):
    """Where each run of one value begins, and the end."""
    starts = [0]
    for i in range(1, values.size):
        if values[i] != values[i - 1]:
            starts.append(i)
    starts.append(values.size)
    return np.array(starts)


@njit(cache=True, nogil=True)
def _next_waiting(first, end, eligible):
    while first < end and not eligible[first]:
        first += 1
    return first


@njit(cache=True, nogil=True)
def _below(steps, group):
    """The nearest group at or below that has free comparators, -1 if none; steps passed are shortened."""
    last = group
    while last >= 0 and steps[last] != last:
        last = steps[last]
    while group >= 0 and group != last:
        following = steps[group]
        steps[group] = last
        group = following
    return last


@njit(cache=True, nogil=True)
def _above(steps, group):
    """The nearest group at or above that has free comparators, the number of groups if none."""
    last = group
    while last < steps.size and steps[last] != last:
        last = steps[last]
    while group < steps.size and group != last:
        following = steps[group]
        steps[group] = last
        group = following
    return last
