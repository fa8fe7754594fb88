"""Numbers of EmpiricalCalibration and EvidenceSynthesis, published and recomputed, found again."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import rwe_calibration, rwe_synthesis
from benchmarks.rwe_site_profiles import FOLDER, cox_profiles, pooled_cox, profiles

from understudy.causal.synthesis import (
    SiteProfile,
    approximate,
    correct_each_look,
    dersimonian_laird,
    log_likelihood,
    pool_fixed,
)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="shared/reference/rwe is not beside the project")


def test_calibration_by_negative_controls():
    numbers = list(rwe_calibration.found())
    assert [each for each in numbers if not each.agrees] == []
    assert len(numbers) == 35


def test_synthesis_over_sites():
    numbers = list(rwe_synthesis.found())
    assert [each for each in numbers if not each.agrees] == []
    assert len(numbers) == 62


def test_a_planted_number_is_seen():
    first = next(iter(rwe_calibration.found()))
    assert first.agrees
    assert not type(first)(first.trial, first.what, first.theirs, first.ours + 1e-5).agrees


def test_federated_equals_pooled(tmp_path):
    """What ten sites write, read and added up, is the stratified Cox model of all persons."""
    sites = [SiteProfile(f"site {k}", "main", "hazard ratio", each) for k, each in enumerate(cox_profiles())]
    files = [site.write(tmp_path / f"{k}.json") for k, site in enumerate(sites)]
    federated = pool_fixed([SiteProfile.read(file).profile for file in files])
    pooled = pool_fixed([pooled_cox()])
    # The log-likelihoods are the same sums; what is left is the stop of a search.
    values = [[each.log, each.low, each.high] for each in (federated, pooled)]
    assert values[0] == pytest.approx(values[1], abs=1e-6)


# The farthest that estimate and limits may move, in standard errors of the pooled log hazard ratio.
@pytest.mark.parametrize(
    ("kind", "shift"), [("grid", 0.001), ("adaptive grid", 0.02), ("custom", 0.15), ("skew normal", 0.25)]
)
def test_less_can_be_sent(kind, shift):
    wanted = pool_fixed([pooled_cox()])
    found = pool_fixed([approximate(each, kind) for each in cox_profiles()])
    moved = np.abs(np.subtract([found.log, found.low, found.high], [wanted.log, wanted.low, wanted.high]))
    assert moved.max() < shift * wanted.standard_error


def test_moments_cannot_use_sites_without_events_in_an_arm():
    sites = [pool_fixed([each]) for each in cox_profiles()]
    finite = [each for each in sites if np.isfinite(each.low) and np.isfinite(each.high)]
    found = dersimonian_laird([each.log for each in sites], [each.standard_error for each in sites])
    assert found.sites == len(finite) < 10
    assert "left out" in found.notes[0]


def test_twelve_looks_are_corrected():
    controls = profiles("negative_control_profiles.csv", ["period", "control"])
    effects = profiles("outcome_of_interest_profiles.csv", ["period", "outcome"])
    by_look = {
        look: [each for (period, _), each in controls.items() if period == look] for look in range(1, 13)
    }
    assert [len(each) for each in by_look.values()] == [6, 13, 20, 35, 56, 63, 66, 70, 70, 73, 75, 76]
    found = correct_each_look({look: effects[(look, 1)] for look in by_look}, by_look)
    widths = [np.subtract(*each.corrected.interval()[::-1]) for each in found.values()]
    raw = [np.subtract(*each.raw.interval()[::-1]) for each in found.values()]
    assert all(wide > narrow for wide, narrow in zip(widths, raw, strict=True))
    # The bias is positive: what is seen at look 12 is half of it bias, as at look 5.
    last = found[12]
    assert last.corrected.median < last.raw.median
    assert last.corrected.above(0.0) < 0.95 < last.raw.above(0.0)


def test_hierarchical_profiles_are_whole():
    cells = profiles("hierarchical_profiles.csv", ["outcome", "source"])
    assert len(cells) == 12
    for each in cells.values():
        assert each.points.size == 991
        assert np.isfinite(log_likelihood(each, np.linspace(-5, 5, 101))).all()
