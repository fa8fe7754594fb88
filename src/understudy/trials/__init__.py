"""Trials: clinical trials read from their tables, replayed, understood, redesigned and simulated."""

from understudy.trials.check import Check, check
from understudy.trials.condition import Condition
from understudy.trials.designs.simulate_trials import simulate_trials
from understudy.trials.forecast import TrialForecast, forecast
from understudy.trials.new_trial import NewTrial, simulate_new_trial
from understudy.trials.plan import PlannedTrial, TrialPlan, load_plan, simulate_plan
from understudy.trials.prognosis.history import History, load_history
from understudy.trials.prognosis.score import PrognosticScore, load_score
from understudy.trials.prognosis.train import train_score
from understudy.trials.prognosis.twins import PrognosticTwins, prognostic_twins
from understudy.trials.protocol import Protocol
from understudy.trials.redesign.redesign import Redesign, redesign
from understudy.trials.replay import Replay, replay
from understudy.trials.responders.responders import Responders, responders
from understudy.trials.trial import Trial, load_trial

__all__ = [
    "Check",
    "Condition",
    "History",
    "NewTrial",
    "PlannedTrial",
    "PrognosticScore",
    "PrognosticTwins",
    "Protocol",
    "Redesign",
    "Replay",
    "Responders",
    "Trial",
    "TrialForecast",
    "TrialPlan",
    "check",
    "forecast",
    "load_history",
    "load_plan",
    "load_score",
    "load_trial",
    "prognostic_twins",
    "redesign",
    "replay",
    "responders",
    "simulate_new_trial",
    "simulate_plan",
    "simulate_trials",
    "train_score",
]
