"""Published and recomputed numbers of EvidenceSynthesis found again: ``python -m benchmarks.rwe_synthesis``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from benchmarks.rwe_found import rows_within
from benchmarks.rwe_site_profiles import (
    case_series_profiles,
    cox_profiles,
    pooled_case_series,
    pooled_cox,
    profiles,
)
from benchmarks.trial_results import Found, rows

from understudy.causal.synthesis import correct_bias, fit_bias, pool_fixed, pool_random

_SAMPLED = "sampled there: about 1,000 independent draws"
_GRID = "integrated there on a coarser grid"
_INTERVAL = "limits there by a search that stops earlier"


def found() -> Iterator[Found]:
    """Every expected number."""
    yield from _fixed()
    yield from _random()
    yield from _bias()
    yield from _hierarchical()


def _fixed() -> Iterator[Found]:
    for words, pooled in (
        ("sites pooled", pool_fixed(cox_profiles())),
        ("persons pooled", pool_fixed([pooled_cox()])),
    ):
        what = f"Cox fixed effect, {words}: RR"
        yield from rows("evidence synthesis", what, "2.914644", [pooled.ratio])
        yield from rows("evidence synthesis", f"{what}, limits", "1.374367 6.180870", pooled.ratio_interval)
        yield from rows_within(
            "evidence synthesis",
            f"{what}, limits (package)",
            "1.374313 6.181116",
            pooled.ratio_interval,
            3e-4,
            _INTERVAL,
        )
    pooled = pool_fixed([pooled_case_series()])
    what = "SCCS fixed effect, persons pooled: RR"
    yield from rows("evidence synthesis", what, "2.107838", [pooled.ratio])
    yield from rows("evidence synthesis", f"{what}, limits", "1.496396 2.957627", pooled.ratio_interval)
    yield from rows_within(
        "evidence synthesis", f"{what} (package)", "2.107837 1.496392 2.957637", [pooled.ratio, *pooled.ratio_interval],
        2e-5, _INTERVAL,
    )  # fmt: skip


def _random() -> Iterator[Found]:
    for name, sites, ours, theirs, tau_ours, tau_theirs in (
        ("Cox", cox_profiles(), "1.0366 0.1886 1.8859", "1.0502 0.1975 1.9073", "0.402 0.453", "0.4252"),
        (
            "SCCS",
            case_series_profiles(),
            "0.7436 0.1997 1.2755",
            "0.7463 0.2208 1.2777",
            "0.529 0.538",
            "0.5098",
        ),
    ):
        pooled = pool_random(sites)
        values, what = [pooled.log, pooled.low, pooled.high], f"{name} random effects: mean, limits"
        yield from rows_within("evidence synthesis", what, ours, values, 4e-4, _GRID)
        yield from rows_within("evidence synthesis", f"{what} (package)", theirs, values, 0.04, _SAMPLED)
        median, mean, *_ = pooled.heterogeneity
        what = f"{name} random effects: tau"
        yield from rows("evidence synthesis", f"{what}, median, mean", tau_ours, [median, mean])
        yield from rows_within(
            "evidence synthesis", f"{what} (package)", tau_theirs, [median], 0.04, _SAMPLED
        )


def _bias() -> Iterator[Found]:
    controls = profiles("negative_control_profiles.csv", ["period", "control"])
    bias = fit_bias([each for (period, _), each in controls.items() if period == 5])
    effect = profiles("outcome_of_interest_profiles.csv", ["period", "outcome"])[(5, 1)]
    result = correct_bias(effect, bias)
    raw, corrected, name = result.raw, result.corrected, "bias correction, look 5"
    values = [raw.median, *raw.interval()]
    yield from rows_within(name, "raw log RR", "1.1551 0.8986 1.3907", values, 2e-4, _GRID)
    yield from rows_within(
        name,
        "raw log RR (vignette)",
        "1.1582 0.905 1.397",
        [raw.median, *raw.highest_density()],
        0.01,
        _SAMPLED,
    )
    yield from rows_within(name, "mean of bias", "0.5726", [bias.mean], 2e-4, _GRID)
    yield from rows(name, "sd of bias", "0.687", [bias.sd])
    values = [corrected.median, *corrected.interval(), corrected.above(0.0)]
    yield from rows_within(name, "corrected, P above 0", "0.579 -0.831 2.000 0.796", values, 0.0025, _GRID)
    values = [corrected.median, *corrected.highest_density(), corrected.above(0.0)]
    # A limit of a density that is so flat there has a Monte Carlo error of about 0.05.
    yield from rows_within(
        name, "corrected, P above 0 (vignette)", "0.5741 -0.842 2.063 0.786", values, 0.07, _SAMPLED
    )


def _hierarchical() -> Iterator[Found]:
    cells = profiles("hierarchical_profiles.csv", ["outcome", "source"])
    expected = (
        "0.8920 -0.9943 0.4253 0.7839",
        "2.3026 -2.3026 -0.8916 0.0198",
        "-2.3026 -2.3026 -0.3567 -0.0513",
    )
    for outcome, theirs in enumerate(expected, start=1):
        tops = [each.points[np.argmax(each.values)] for (k, _), each in cells.items() if k == outcome]
        yield from rows("hierarchical profiles", f"highest point by source, outcome {outcome}", theirs, tops)


def main() -> int:
    """Print all; the exit code is 1 where a number departs."""
    numbers = list(found())
    for each in numbers:
        print(
            "  " if each.agrees else "! ", each.trial, "|", each.what, "|", each.theirs, f"| {each.ours:.8g}"
        )
    return int(not all(each.agrees for each in numbers))


if __name__ == "__main__":
    sys.exit(main())
