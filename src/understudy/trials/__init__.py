"""Trials: clinical trials read from their tables, replayed, understood, redesigned and simulated."""

from understudy.trials.condition import Condition
from understudy.trials.designs.simulate_trials import simulate_trials
from understudy.trials.new_trial import NewTrial, simulate_new_trial
from understudy.trials.protocol import Protocol
from understudy.trials.redesign.redesign import Redesign, redesign
from understudy.trials.replay import Replay, replay
from understudy.trials.responders.responders import Responders, responders
from understudy.trials.trial import Trial, load_trial

__all__ = [
    "Condition",
    "NewTrial",
    "Protocol",
    "Redesign",
    "Replay",
    "Responders",
    "Trial",
    "load_trial",
    "redesign",
    "replay",
    "responders",
    "simulate_new_trial",
    "simulate_trials",
]
