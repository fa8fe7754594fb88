"""What the page on covariates says of a million persons is what was measured and stored."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs" / "rwe-covariates.md").read_text(encoding="utf-8").split())
STORED = json.loads((ROOT / "benchmarks" / "results" / "rwe_covariates.json").read_text(encoding="utf-8"))


def test_the_figures_of_the_page_are_the_stored_ones():
    built = STORED["synthetic"]
    records = sum(built["rows"].values()) - sum(
        built["rows"][name] for name in ("concept", "concept_ancestor")
    )
    assert f"{built['entries']:,} persons with {records // 10**6} million records" in PAGE
    assert f"{built['covariates']:,} covariates with {built['values_stored'] // 10**6} million values" in PAGE
    assert f"in {built['seconds']:.0f} s on {STORED['machine']['cores']} cores" in PAGE.replace("two", "2")
    assert f"more than {built['peak_gb']:.1f} GB, of which the matrix is {built['matrix_gb']:.1f} GB" in PAGE
    assert f"{built['peak_gb_with_tidying']:.1f} GB with `tidy`" in PAGE


def test_the_bound_was_kept_and_the_reference_found():
    assert STORED["synthetic"]["peak_gb_with_tidying"] < STORED["bound_gb"]
    assert STORED["found"]
    assert all(each["agrees"] for each in STORED["found"])
