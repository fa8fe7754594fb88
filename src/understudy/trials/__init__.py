"""Trials: clinical trials read from their tables, replayed, understood, redesigned and simulated."""

from understudy.trials.condition import Condition
from understudy.trials.designs.simulate_trials import simulate_trials
from understudy.trials.protocol import Protocol
from understudy.trials.trial import Trial, load_trial

__all__ = ["Condition", "Protocol", "Trial", "load_trial", "simulate_trials"]
