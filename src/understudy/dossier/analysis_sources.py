"""Analysis sources: after whom each analysis of a trial is made."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.dossier.chapter import Method
from understudy.trials.analyses.method import METHODS

_COX = "Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x; Efron 1977, doi:10.1080/01621459.1977.10480613"
_KAPLAN = "Kaplan and Meier 1958, doi:10.1080/01621459.1958.10501452"
_SOURCES = {
    "cox": _COX,
    "log-rank": "Mantel 1966, PMID 5910392",
    "restricted mean": "Royston and Parmar 2013, doi:10.1186/1471-2288-13-152",
    "fine-gray": "Fine and Gray 1999, doi:10.1080/01621459.1999.10474144",
    "cumulative incidence": "Gray 1988, doi:10.1214/aos/1176350951",
    "proportional rates": "Lin, Wei, Yang and Ying 2000, doi:10.1111/1467-9868.00259",
    "andersen-gill": "Andersen and Gill 1982, doi:10.1214/aos/1176345976",
    "pwp total time": "Prentice, Williams and Peterson 1981, doi:10.1093/biomet/68.2.373",
    "pwp gap time": "Prentice, Williams and Peterson 1981, doi:10.1093/biomet/68.2.373",
    "mean cumulative": "Lawless and Nadeau 1995, doi:10.1080/00401706.1995.10484300",
    "negative binomial": "Lawless 1987, doi:10.2307/3314912",
    "mmrm": "Mallinckrodt et al. 2008, doi:10.1177/009286150804200402; Kenward and Roger 1997, doi:10.2307/2533558",
    "multiple imputation": "Carpenter, Roger and Kenward 2013, doi:10.1080/10543406.2013.834911",
    "logistic": "Ge et al. 2011, doi:10.1177/009286151104500409",
    "firth logistic": "Firth 1993, doi:10.1093/biomet/80.1.27; Heinze and Schemper 2002, doi:10.1002/sim.1047",
    "proportions": "Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I",
    "win ratio": "Pocock et al. 2012, doi:10.1093/eurheartj/ehr352",
}
# Of parts that have a source of their own, by their first words.
_PARTS = {
    "Kaplan-Meier": _KAPLAN,
    "test of proportional": "Grambsch and Therneau 1994, doi:10.1093/biomet/81.3.515",
}


def analysis_methods(name: str) -> Iterator[Method]:
    """What an analysis computes, by whose code and after whom."""
    method = METHODS[name]
    for what, package in method.parts:
        own = next((source for words, source in _PARTS.items() if what.startswith(words)), None)
        yield Method(what, method.words, package, _SOURCES.get(name, "") if own is None else own)
