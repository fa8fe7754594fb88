"""Diabetes score: DCSI, how severe the complications of diabetes are, from codes of ICD-9-CM.

Young et al., Am J Manag Care 2008;14:15-23 (PMID 18197741). Each complication counts once, by its most severe code.
"""

from __future__ import annotations

from understudy.causal.covariates.score import Score, ScoreItem

_CODES = {
    ("retinopathy", 1): "250.5% 362.01 362.1 362.53 362.81 362.82 362.83",
    ("retinopathy", 2): "361% 369% 362.02 379.23",
    ("nephropathy", 1): "250.4% 580% 581% 582% 583%",
    ("nephropathy", 2): "585% 586% 593.9%",
    (
        "neuropathy",
        1,
    ): "356.9% 250.6% 358.1% 951.0% 951.1% 951.3% 354.% 355% 713.5% 357.2% 596.54 337.0% 337.1% "
    "564.5% 536.3% 458.0%",
    ("cerebrovascular", 1): "435%",
    ("cerebrovascular", 2): "431% 433% 434% 436%",
    ("cardiovascular", 1): "440% 411% 413% 414% 429.2%",
    ("cardiovascular", 2): "410% 427.1% 427.3% 427.4% 427.5% 412% 428% 441% 440.23 440.24",
    ("peripheral vascular", 1): "250.7% 442.3% 443.81 443.9% 892.1%",
    ("peripheral vascular", 2): "785.4% 707.1% 040.0% 444.22",
    ("metabolic", 2): "250.1% 250.2% 250.3%",
}

DCSI = Score(
    "Diabetes complications severity index",
    tuple(ScoreItem(name, points, codes=tuple(codes.split())) for (name, points), codes in _CODES.items()),
    "PMID 18197741",
    vocabulary="ICD9CM",
)
