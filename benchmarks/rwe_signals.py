"""Spontaneous reports: the numbers of the dietary supplements' reports and of the FAERS sample, found again.

``found()`` yields each expected number, theirs as it is printed and ours. The prior is printed to the digits to which
the other program stopped at the summit: its slopes there are still about 0.001, ours are zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks.trial_results import Found, rows

from understudy.causal.signals import Reports, find_signals, read_reports, rule_groups
from understudy.causal.signals.cleaning import later_copies

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "rwe"


def found() -> Iterator[Found]:
    """Each expected number of spontaneous reports."""
    yield from supplements()
    yield from faers_sample(read_reports(REFERENCE / "faers_sample"))


def supplements() -> Iterator[Found]:
    """Dietary supplements (CAERS): openEBGM's example."""
    signals = find_signals(read_reports(REFERENCE / "caers.csv.gz"))
    table, name = signals.table, "caers"
    counts = [signals.reports, signals.drugs, signals.events, signals.pairs]
    yield from rows(name, "reports, products, reactions, pairs", "3356 2874 1328 17189", counts)
    prior = signals.prior
    yield from rows(
        name,
        "prior: alpha1, beta1, alpha2, beta2, p",
        "3.2560 0.39999 2.0238 1.90614 0.06531",
        prior.parameters,
    )
    yield from rows(name, "negative log-likelihood", "4162.4557", prior.negative_log_likelihood)
    yield from rows(name, "pairs with EB05 > 2", "131", int((table["ebgm_low"] > 2).sum()))
    above = [int((table["ebgm"] > 3).sum()), int((table["ebgm"].round(2) > 3).sum())]
    yield from rows(name, "pairs with EBGM > 3: unrounded, rounded", "557 556", above)
    top = table.loc[table["ebgm"].idxmax()]
    yield from rows(
        name, f"{top['drug']} and {top['event']}: reports, EBGM, EB05, EB95", "16 23.26 15.686 33.48",
        top[["n", "ebgm", "ebgm_low", "ebgm_high"]],
    )  # fmt: skip


def faers_sample(reports: Reports) -> Iterator[Found]:
    """A thousand reports to FAERS, as DiAna has them."""
    name, drugs = "faers_sample", reports.drugs
    yield from rows(name, "reports, cases", "1000 1000", [reports.count, reports.cases["case"].nunique()])
    terms = [reports.reactions["event"].nunique(), drugs.loc[drugs["substance"] != "", "substance"].nunique()]
    yield from rows(name, "reaction terms, substances", "1140 720", terms)
    roles = drugs["role"].value_counts()[["C", "PS", "SS", "I"]]
    yield from rows(name, "roles C, PS, SS, I", "1793 1109 989 18", roles)
    each = drugs.drop_duplicates(["report", "sequence"])
    yield from rows(
        name, "dechallenge D, Y, N", "239 143 41", each["dechallenge"].value_counts()[["D", "Y", "N"]]
    )
    yield from rows(
        name, "rechallenge D, N, Y", "536 25 13", each["rechallenge"].value_counts()[["D", "N", "Y"]]
    )
    flags = [reports.cases[each].sum() for each in ("rb_duplicates", "rb_duplicates_only_susp")]
    yield from rows(name, "duplicates flagged, of suspected drugs only", "170 195", flags)


def duplicates(reports: Reports) -> dict[str, int]:
    """Our rule against DiAna's flags, which were set on the full database: of most of them the partner is not here."""
    ours = later_copies(reports, rule_groups(reports, undated=True))
    theirs = reports.cases["rb_duplicates"].to_numpy(bool)
    return {
        "ours": int(ours.sum()),
        "theirs": int(theirs.sum()),
        "ours that are theirs": int(np.sum(ours & theirs)),
    }
