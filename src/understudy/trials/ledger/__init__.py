"""Ledger: predictions frozen before an outcome is opened, and scored once when it is."""

from understudy.trials.ledger.chain import Entry
from understudy.trials.ledger.freezing import freeze
from understudy.trials.ledger.prediction import Prediction, load_prediction
from understudy.trials.ledger.scoring import score
from understudy.trials.ledger.verification import Verification, read_ledger, verify

__all__ = [
    "Entry",
    "Prediction",
    "Verification",
    "freeze",
    "load_prediction",
    "read_ledger",
    "score",
    "verify",
]
