"""Synthetic positive controls."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.calibration import inject_outcomes
from understudy.core.errors import DataError

N = 20_000
RNG = np.random.default_rng(8)
EXPOSED = np.arange(N) < N // 2
TIME = RNG.uniform(100, 700, N)
RISK = RNG.lognormal(0, 1, N)
EVENTS = RNG.poisson(3e-4 * RISK * TIME)


@pytest.mark.parametrize("ratio", [1.5, 2.0, 4.0])
def test_the_exposed_have_so_many_times_their_outcomes(ratio):
    found = inject_outcomes(EXPOSED, TIME, EVENTS, ratio, risk=RISK)
    old = EVENTS[EXPOSED].sum()
    # Outcomes are whole.
    assert np.exp(found.true_log_rr) == pytest.approx(ratio, abs=0.5 / old)
    assert found.events[EXPOSED].sum() == old + found.added
    assert (found.events[~EXPOSED] == EVENTS[~EXPOSED]).all()


def test_they_fall_on_those_at_risk_and_in_their_time():
    found = inject_outcomes(EXPOSED, TIME, EVENTS, 4.0, risk=RISK)
    added = (found.events - EVENTS)[EXPOSED]
    high = RISK[EXPOSED] > np.median(RISK[EXPOSED])
    share = (RISK * TIME)[EXPOSED][high].sum() / (RISK * TIME)[EXPOSED].sum()
    # Four standard errors of a share of some 4,000.
    assert added[high].sum() / added.sum() == pytest.approx(share, abs=4 * 0.5 / np.sqrt(added.sum()))
    assert (found.first <= TIME).all()
    assert (found.first[EXPOSED][added > 0] < TIME[EXPOSED][added > 0]).all()


def test_a_hazard_ratio_becomes_what_was_asked_for():
    waiting = RNG.exponential(1 / 4e-4, N)
    first, event = np.minimum(waiting, TIME), waiting < TIME
    found = inject_outcomes(EXPOSED, TIME, event, 2.0, first=first)
    rates = [found.events[arm].clip(max=1).sum() / found.first[arm].sum() for arm in (EXPOSED, ~EXPOSED)]
    # Of rates of first outcomes; four standard errors of some 3,000, and that risk ends with the first.
    assert np.log(rates[0] / rates[1]) == pytest.approx(np.log(2), abs=0.12)


def test_the_seed_says_who():
    first, again, other = (inject_outcomes(EXPOSED, TIME, EVENTS, 2.0, seed=s).events for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ratio": 0.5}, "no ratio above one"),
        ({"ratio": np.nan}, "no ratio above one"),
        ({"time": TIME[:-1]}, "differ in length"),
        ({"time": -TIME}, "not positive"),
        ({"events": -EVENTS - 1}, "negative count"),
        ({"events": np.zeros(N, int)}, "fewer than 25 outcomes"),
        ({"risk": np.where(EXPOSED, 0.0, 1.0)}, "nobody who is exposed"),
    ],
)
def test_what_cannot_be_is_refused(change, told):
    question = {"exposed": EXPOSED, "time": TIME, "events": EVENTS, "ratio": 2.0} | change
    with pytest.raises(DataError, match=told):
        inject_outcomes(**question)
