"""Charlson: comorbidities that shorten life, as OHDSI finds them in standard concepts.

Weights: Charlson et al., J Chronic Dis 1987;40:373-383 (doi:10.1016/0021-9681(87)90171-8). Conditions grouped for
records of claims by Deyo et al., J Clin Epidemiol 1992;45:613-619 (doi:10.1016/0895-4356(92)90133-8) and Romano et al.,
J Clin Epidemiol 1993;46:1075-1079 (doi:10.1016/0895-4356(93)90103-8); the ancestors in the OMOP vocabulary are those of
FeatureExtraction.
"""

from __future__ import annotations

from understudy.causal.covariates.score import Score, ScoreItem

CHARLSON = Score(
    "Charlson comorbidity index (Romano)",
    (
        ScoreItem("myocardial infarction", 1, (4329847,)),
        ScoreItem("congestive heart failure", 1, (316139,)),
        ScoreItem("peripheral vascular disease", 1, (321052,)),
        ScoreItem("cerebrovascular disease", 1, (381591, 434056)),
        ScoreItem("dementia", 1, (4182210,)),
        ScoreItem("chronic pulmonary disease", 1, (4063381,)),
        ScoreItem("rheumatologic disease", 1, (257628, 134442, 80800, 80809, 256197, 255348)),
        ScoreItem("peptic ulcer disease", 1, (4247120,)),
        ScoreItem("mild liver disease", 1, (4064161, 4212540)),
        ScoreItem("diabetes", 1, (201820,)),
        ScoreItem("diabetes with chronic complications", 2, (443767, 442793)),
        ScoreItem("hemiplegia or paraplegia", 2, (192606, 374022)),
        ScoreItem("renal disease", 2, (4030518,)),
        ScoreItem("malignancy", 2, (443392,)),
        ScoreItem("moderate or severe liver disease", 3, (4245975, 4029488, 192680, 24966)),
        ScoreItem("metastatic solid tumour", 6, (432851,)),
        ScoreItem("AIDS", 6, (439727,)),
    ),
    "doi:10.1016/0021-9681(87)90171-8",
)
