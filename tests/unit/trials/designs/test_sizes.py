"""Sample sizes, re-estimation, assurance: published examples and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from understudy.core.errors import SimulationError
from understudy.trials.designs import (
    PredictiveProbability,
    PromisingZone,
    assurance,
    blinded_size,
    conditional_power,
    events_needed,
    inverse_normal,
    normal_assurance,
    two_counts,
    two_means,
    two_proportions,
    two_survivals,
    weighted_z,
)
from understudy.trials.designs.survival_sample_size import event_probability


@pytest.mark.parametrize(("effect", "patients"), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_cohens_table(effect, patients):
    """Cohen, Psychol Bull 112, 155 (1992), table 2 (393, 64, 26; exact noncentral t gives 394 for the first)."""
    assert two_means(effect, 1.0, power=0.8).control == patients


def test_power_of_the_t_test_by_simulation():
    found = two_means(1.0, 2.0, power=0.9, ratio=2.0)
    rng = np.random.default_rng(3)
    low = rng.normal(0, 2, (20_000, found.control))
    high = rng.normal(1, 2, (20_000, found.treatment))
    freedom = found.total - 2
    pooled = (low.var(axis=1) * found.control + high.var(axis=1) * found.treatment) / freedom
    t = (high.mean(axis=1) - low.mean(axis=1)) / np.sqrt(pooled * (1 / found.control + 1 / found.treatment))
    from scipy.stats import t as student

    # Standard error 0.0021.
    assert (t > student.isf(0.025, freedom)).mean() == pytest.approx(found.power, abs=0.008)


def test_equivalence_and_non_inferiority():
    # Julious 2010: without a difference, two one-sided tests need z(1 - alpha) + z(1 - beta / 2).
    expected = 2 * (norm.isf(0.05) + norm.isf(0.1)) ** 2 / 0.5**2
    found = two_means(0.0, 1.0, alpha=0.05, power=0.8, margin=0.5, equivalence=True)
    assert expected <= found.control <= expected + 2  # the t distribution's correction
    one = two_means(0.0, 1.0, alpha=0.025, power=0.9, margin=0.5)
    assert one.control == two_means(0.5, 1.0, alpha=0.025, sides=1, power=0.9).control


def test_proportions_of_a_textbook():
    """Chow, Shao and Wang 2008, section 4.2: 65 and 85 %, margin 10 %: 25; equivalence 75 and 80 %, 20 %: 98 (96 by
    their formula, which halves beta though the difference is not nought)."""
    assert two_proportions(0.65, 0.85, power=0.8, margin=0.1, alpha=0.05).control == 25
    # Fleiss 1981: 25 against 40 %, alpha 0.05, power 0.9 — 203 without correction for continuity.
    assert two_proportions(0.25, 0.40, power=0.9).control == 203


def test_counts_are_poisson_without_dispersion():
    n = two_counts(1.0, 0.7, power=0.9)
    expected = (norm.isf(0.025) + norm.isf(0.1)) ** 2 * (1 + 1 / 0.7) / math.log(0.7) ** 2
    assert n.control == math.ceil(expected)
    assert two_counts(1.0, 0.7, dispersion=0.5, power=0.9).control == math.ceil(
        (norm.isf(0.025) + norm.isf(0.1)) ** 2 * (1 + 1 / 0.7 + 1.0) / math.log(0.7) ** 2
    )


def test_events_of_schoenfeld_and_freedman():
    z = (norm.isf(0.025) + norm.isf(0.1)) ** 2
    assert events_needed(0.7) == pytest.approx(4 * z / math.log(0.7) ** 2)
    assert events_needed(0.7, method="freedman") == pytest.approx(z * (1.7 / 0.3) ** 2)
    # Schoenfeld 1983: at unequal allocation events grow as 1 / (p (1 - p)).
    assert events_needed(0.7, ratio=2) == pytest.approx(events_needed(0.7) * 9 / 8)
    assert events_needed(1.0, margin=1.3) == pytest.approx(
        4 * (norm.isf(0.05) + norm.isf(0.1)) ** 2 / math.log(1.3) ** 2
    )


def test_event_probability_by_integration():
    from scipy.integrate import quad

    hazard, dropout, accrual, follow_up = 0.05, 0.02, 12.0, 6.0
    expected = quad(
        lambda entry: (
            hazard / (hazard + dropout) * -math.expm1(-(hazard + dropout) * (accrual + follow_up - entry))
        ),
        0,
        accrual,
    )[0]
    found = event_probability(hazard, accrual=accrual, follow_up=follow_up, dropout=dropout)
    assert found == pytest.approx(expected / accrual, rel=1e-9)
    assert two_survivals(0.05, 0.7, accrual=12, follow_up=6).events == 331


def test_promising_zone_of_mehta_and_pocock():
    """Stat Med 30, 3267 (2011), table I, target power 80 %: lower ends of the zone for largest size and interim."""
    table = {1.5: (0.42, 0.41, 0.38), 2.0: (0.37, 0.36, 0.33), 3.0: (0.32, 0.31, 0.30)}
    for most, ends in table.items():
        for interim, end in zip((0.25, 0.5, 0.75), ends, strict=True):
            zone = PromisingZone(442, interim, most, power=0.8)
            assert zone.least_promising == pytest.approx(end, abs=0.006), (most, interim)


def test_promising_zone_increases_and_keeps_the_error():
    zone = PromisingZone(200, 0.5, 2.0, power=0.9)
    assert zone.zone(0.3) == "unfavourable"
    assert zone.new_patients(0.3) == 200
    assert zone.zone(1.6) == "promising"
    assert 200 < zone.new_patients(1.6) <= 400
    assert zone.zone(3.0) == "favourable"
    assert zone.new_patients(3.0) == 200
    rng = np.random.default_rng(4)
    z1, z2 = rng.normal(size=(2, 40_000))
    grid = np.linspace(-5, 5, 2001)
    size = np.array([zone.new_patients(z) for z in grid])[np.clip(np.searchsorted(grid, z1), 0, 2000)]
    plain = (np.sqrt(100) * z1 + np.sqrt(size - 100) * z2) / np.sqrt(size)
    error = 4 * math.sqrt(0.025 * 0.975 / 40_000)
    assert (plain > 1.959964).mean() <= 0.025 + error
    # Cui, Hung and Wang's weights keep it exactly.
    assert (weighted_z(z1, z2, 0.5) > 1.959964).mean() == pytest.approx(0.025, abs=error)


def test_combination_and_conditional_power():
    assert inverse_normal([0.025, 0.025], [3, 4]) == pytest.approx(7 / 5 * norm.isf(0.025))

    end = math.sqrt(0.4) + 2.0 * 0.6 + math.sqrt(0.6) * np.random.default_rng(5).normal(size=100_000)
    assert conditional_power(1.0, 0.4, drift=2.0) == pytest.approx((end > 1.959964).mean(), abs=0.006)
    with pytest.raises(SimulationError, match="weights do not fit"):
        inverse_normal([0.0, 0.5], [1, 1])


def test_blinded_variance_counts_the_effect_as_noise():
    values = np.concatenate([np.linspace(-1, 1, 50), np.linspace(1, 3, 50)])
    assert blinded_size(values, difference=1.0) > two_means(1.0, float(values[:50].std(ddof=1))).total
    with pytest.raises(SimulationError, match="no variance"):
        blinded_size([1.0, 1.0], difference=1.0)


def test_assurance_is_the_mean_of_the_power():
    effects = np.random.default_rng(6).normal(0.4, 0.2, 20_000)
    mean, error = assurance(lambda effect: normal_assurance(effect, 0.0, 0.15), effects)
    assert mean == pytest.approx(normal_assurance(0.4, 0.2, 0.15), abs=4 * error)
    assert 0 < error < 0.003


def test_predictive_probability_of_lee_and_liu():
    """Clin Trials 5, 93 (2008): 16 responses of 23, 40 patients at most, beta(0.6, 0.4), 60 %: 0.5656."""
    design = PredictiveProbability(40, 0.6, success=0.9, prior=(0.6, 0.4))
    assert float(design.of(16, 23)) == pytest.approx(0.5656, abs=0.5e-4)
    assert float(design.of(28, 40)) == 1.0
    assert float(design.of(20, 40)) == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: two_means(0.0, 1.0),
        lambda: two_means(-0.6, 1.0, margin=0.5),
        lambda: two_means(0.5, 0.0),
        lambda: two_means(0.5, 1.0, alpha=0.7),
        lambda: two_proportions(0.0, 0.5),
        lambda: two_counts(1.0, 1.2, margin=1.1),
        lambda: events_needed(1.0),
        lambda: events_needed(0.7, margin=1.2, method="freedman"),
        lambda: event_probability(0.1, accrual=0, follow_up=0),
        lambda: PromisingZone(100, most=0.5),
    ],
)
def test_questions_without_an_answer(call):
    with pytest.raises(SimulationError):
        call()
