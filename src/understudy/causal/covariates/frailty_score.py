"""Frailty score: the Hospital Frailty Risk Score, from codes of ICD-10 in three characters.

Gilbert et al., Lancet 2018;391:1775-1782 (doi:10.1016/S0140-6736(18)30668-8), appendix: 109 codes and their points.
"""

from __future__ import annotations

from understudy.causal.covariates.score import Score, ScoreItem

_POINTS = {
    7.1: "F00",
    4.4: "G81",
    4.0: "G30",
    3.7: "I69",
    3.6: "R29",
    3.2: "N39 F05 W19 S00",
    3.0: "R31",
    2.9: "B96",
    2.7: "R41",
    2.6: "R26 I67 R56",
    2.5: "R40",
    2.4: "T83 S06",
    2.3: "S42 E87 M25 E86",
    2.2: "R54",
    2.1: "Z50 F03 W18",
    2.0: "Z75 F01 S80 L03",
    1.9: "H54 E53",
    1.8: "Z60 G20 R55 S22 K59 N17",
    1.7: "L89 Z22 B95",
    1.6: "L97 R44 K26 I95 N19 A41",
    1.5: "Z87 J96 X59 M19 G40",
    1.4: "M81 S72 S32 E16 R94 N18",
    1.3: "R33 R69 N28",
    1.2: "R32 G31 Y95 S09 R45 G45",
    1.1: "Z74 M79 W06 S01 A04 A09 J18",
    1.0: "J69 R47 E55 Z93 R02",
    0.9: "R63 H91 W10 W01 E05 M41",
    0.8: "R13 Z99 U80 M80 K92 I63",
    0.7: "N20 F10 Y84 R00 J22",
    0.6: "Z73 R79",
    0.5: "Z91 S51 F32 M48",
    0.4: "E83 M15 D64 L08",
    0.3: "R11 K52",
    0.1: "R50",
}

HFRS = Score(
    "Hospital frailty risk score",
    tuple(
        ScoreItem(code, points, codes=(f"{code}%",))
        for points, codes in _POINTS.items()
        for code in codes.split()
    ),
    "doi:10.1016/S0140-6736(18)30668-8",
    vocabulary="ICD10",
)
