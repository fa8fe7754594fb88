"""Scores: which analysis is which score."""

from __future__ import annotations

from understudy.causal.covariates.charlson import CHARLSON
from understudy.causal.covariates.diabetes_score import DCSI
from understudy.causal.covariates.frailty_score import HFRS
from understudy.causal.covariates.score import Score
from understudy.causal.covariates.stroke_scores import CHA2DS2_VASC, CHADS2

SCORES: dict[int, Score] = {901: CHARLSON, 902: DCSI, 903: CHADS2, 904: CHA2DS2_VASC, 926: HFRS}
