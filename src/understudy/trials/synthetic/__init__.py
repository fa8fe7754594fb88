"""Synthetic cohorts: rows like those of a table but of nobody, and how like, and how private, they are."""

from understudy.trials.synthetic.appraisal import Appraisal, appraise
from understudy.trials.synthetic.cohort import SyntheticCohort, synthesise
from understudy.trials.synthetic.fidelity import Fidelity, fidelity
from understudy.trials.synthetic.mark import SYNTHETIC, is_synthetic, refuse_synthetic
from understudy.trials.synthetic.privacy import Privacy, privacy

__all__ = [
    "SYNTHETIC",
    "Appraisal",
    "Fidelity",
    "Privacy",
    "SyntheticCohort",
    "appraise",
    "fidelity",
    "is_synthetic",
    "privacy",
    "refuse_synthetic",
    "synthesise",
]
