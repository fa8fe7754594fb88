"""Sources of a real-world study's methods: how each number was made, and after whom."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.causal.study.result import StudyResult
from understudy.dossier.chapter import Method

_COHORTS = Method(
    "cohorts and time at risk", "as OHDSI defines them, on an OMOP CDM", "duckdb",
    "The Book of OHDSI 2021, ISBN 978-1088855195",
)  # fmt: skip
_SCORE = Method(
    "propensity score", "logistic regression on all covariates with a Laplace prior",
    source="Tian, Schuemie and Suchard 2018, doi:10.1093/ije/dyy120",
)  # fmt: skip
_PREFERENCE = Method(
    "preference score, equipoise", "propensity relative to prevalence",
    source="Walker et al. 2013, doi:10.2147/CER.S40357",
)  # fmt: skip
_BALANCE = Method("balance", "standardised differences of means", source="Austin 2009, doi:10.1002/sim.3697")
_POWER = Method(
    "minimum detectable relative risk", "from the number of events; power 80 %, two-sided 5 %",
    source="Schoenfeld 1983, doi:10.2307/2531021",
)  # fmt: skip
_BLIND = Method(
    "hiding of estimates", "until all diagnostics pass",
    source="Schuemie et al. 2020, doi:10.1093/jamia/ocaa103",
)  # fmt: skip
_ADJUSTMENTS = {
    "match": Method(
        "matching", "greedy, nearest first within a caliper", source="Rassen et al. 2012, doi:10.1002/pds.3263"
    ),
    "stratify": Method(
        "stratification", "by quantiles of the score",
        source="Rosenbaum and Rubin 1984, doi:10.1080/01621459.1984.10478078",
    ),
    "weight": Method(
        "weights", "inverse probability of treatment, or of overlap",
        source="Robins, Hernán and Brumback 2000, doi:10.1097/00001648-200009000-00011; Li, Morgan and Zaslavsky 2018, "
        "doi:10.1080/01621459.2016.1260466",
    ),
}  # fmt: skip
_MODELS = {
    "cox": Method(
        "hazard ratio", "Cox regression, Breslow's ties",
        source="Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x; Breslow 1974, doi:10.2307/2529620",
    ),
    "poisson": Method("rate ratio", "Poisson regression"),
    "logistic": Method("odds ratio", "logistic regression"),
}  # fmt: skip
_INTERVALS = Method(
    "intervals", "profile likelihood", source="Venzon and Moolgavkar 1988, doi:10.2307/2347496"
)
_CALIBRATION = Method(
    "calibration, systematic error", "normal null distribution of negative controls, by its posterior",
    source="Schuemie et al. 2014, doi:10.1002/sim.5925; Schuemie et al. 2018, doi:10.1073/pnas.1708282114",
)  # fmt: skip


def methods(found: StudyResult) -> Iterator[Method]:
    """Of what this study did."""
    yield _COHORTS
    if found.material.model is not None:
        yield from (_SCORE, _PREFERENCE, _BALANCE)
    sections = found.study.file.analyses
    yield from (_ADJUSTMENTS[each.adjustment] for each in sections if each.adjustment in _ADJUSTMENTS)
    yield from (_MODELS[each.model] for each in sections)
    yield from (_INTERVALS, _POWER, _BLIND)
    if found.controls and any(found.controls.values()):
        yield _CALIBRATION
