"""Stroke scores: CHADS2 and CHA2DS2-VASc, made for atrial fibrillation and used as measures of morbidity.

Points: Gage et al., JAMA 2001;285:2864-2870 (doi:10.1001/jama.285.22.2864); Lip et al., Chest 2010;137:263-272
(doi:10.1378/chest.09-1584). The concepts of the OMOP vocabulary are those of FeatureExtraction.
"""

from __future__ import annotations

from understudy.causal.covariates.score import Score, ScoreItem

_VASCULAR = (
    *(312327, 43020432, 314962, 312939, 315288, 317309, 134380, 196438, 200138, 194393),
    *(319047, 40486130, 317003, 4313767, 321596),
)

CHADS2 = Score(
    "CHADS2",
    (
        ScoreItem("congestive heart failure", 1, (316139,)),
        ScoreItem("hypertension", 1, (316866,)),
        ScoreItem("diabetes", 1, (201820,)),
        ScoreItem("stroke", 2, (381591, 434056)),
    ),
    "doi:10.1001/jama.285.22.2864",
    age_points=((75, 1),),
)
CHA2DS2_VASC = Score(
    "CHA2DS2-VASc",
    (
        ScoreItem("congestive heart failure", 1, (316139, 314378), (316139, 314378, 318773, 321319)),
        ScoreItem("hypertension", 1, (320128, 442604, 201313), without=(197930,)),
        ScoreItem(
            "diabetes", 1, (201820, 442793), without=(195771, 376112, 4174977, 4058243, 193323, 376979)
        ),
        ScoreItem(
            "stroke",
            2,
            (4043731, 4110192, 375557, 4108356, 373503, 434656, 433505, 376714, 312337),
        ),
        ScoreItem(
            "vascular disease",
            1,
            _VASCULAR,
            (*_VASCULAR, 317305, 321886, 314659, 321887, 437312, 134057),
        ),
    ),
    "doi:10.1378/chest.09-1584",
    age_points=((65, 1), (75, 2)),
    women=1,
)
