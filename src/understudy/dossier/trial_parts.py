"""Trial parts: which report tells of which result, and which parts a protocol asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.dossier import (
    check_report,
    forecast_report,
    redesign_report,
    replay_report,
    responders_report,
    shorten_report,
    simulate_report,
    synthesise_report,
    tumour_report,
    twins_report,
)
from understudy.dossier.chapter import Chapter, protocol_name
from understudy.trials.check import Check, check
from understudy.trials.forecast import TrialForecast, forecast
from understudy.trials.new_trial import NewTrial, simulate_new_trial
from understudy.trials.power_curve import curve_trials
from understudy.trials.prognosis.score import load_score
from understudy.trials.prognosis.twins import PrognosticTwins, prognostic_twins
from understudy.trials.questionnaire.shortening import Shortening
from understudy.trials.redesign.redesign import Redesign, redesign
from understudy.trials.replay import Replay, replay
from understudy.trials.responders.responders import Responders, responders
from understudy.trials.synthetic.appraisal import Appraisal
from understudy.trials.trial import Trial
from understudy.trials.tumour.lesion_study import LesionStudy

_CHAPTERS = {
    Check: check_report.chapter,
    Replay: replay_report.chapter,
    Responders: responders_report.chapter,
    Redesign: redesign_report.chapter,
    TrialForecast: forecast_report.chapter,
    PrognosticTwins: twins_report.chapter,
    NewTrial: simulate_report.chapter,
    Shortening: shorten_report.chapter,
    LesionStudy: tumour_report.chapter,
    Appraisal: synthesise_report.chapter,
}
# Kinds of endpoint whose effects can be made again in resamples.
_RESAMPLED = ("survival", "continuous", "binary")


def chapter_of(found: Any) -> Chapter:
    """What a result of `understudy.trials` says: sentences, charts, tables, numbers, methods and its record.

    Parameters
    ----------
    found : result
        Of a verb such as `understudy.trials.replay`.

    Returns
    -------
    Chapter
        `Chapter.write` makes the report of it, `Chapter.charts` are its figures.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> from understudy import trials
    >>> told = chapter_of(trials.replay(trials.load_trial("examples/leukaemia/trial.toml")))
    >>> list(told.charts), round(told.numbers[0].value, 4)
    (['survival', 'effects'], 0.2076)
    """
    make = _CHAPTERS.get(type(found))
    if make is None:
        known = ", ".join(each.__name__ for each in _CHAPTERS)
        raise TypeError(f"no report tells of a {type(found).__name__}; there are reports of {known}")
    return make(found)


@dataclass(frozen=True)
class Asked:
    """What a dossier is made of.

    Parameters
    ----------
    trial : Trial
    score : Path or None
        File of the frozen score.
    arm : str or None
        The treated arm of parts that compare one; the first, if left out.
    trials, copies, resamples : int
        Simulated trials of each scenario, permuted copies, resamples of subjects.
    jobs : int
    """

    trial: Trial
    score: Path | None = None
    arm: str | None = None
    trials: int = 10_000
    copies: int = 500
    resamples: int = 500
    jobs: int = 1


@dataclass(frozen=True)
class Part:
    """A part of a dossier.

    Parameters
    ----------
    name : str
        Its command.
    title : str
    missing : function
        Why the protocol does not ask for it, a clause; empty where it does.
    make : function
        Its result.
    """

    name: str
    title: str
    missing: Callable[[Asked], str]
    make: Callable[[Asked], Any]


def _no_responders(asked: Asked) -> str:
    if not asked.trial.covariates:
        return "the protocol names no covariates: [baseline] is missing"
    return _not_resampled(asked, "who responds is sought")


def _no_redesign(asked: Asked) -> str:
    if not asked.trial.protocol.criteria:
        return "the protocol has no criteria of eligibility: [[criteria]] is missing"
    return _not_resampled(asked, "criteria are redesigned")


def _no_forecast(asked: Asked) -> str:
    if asked.trial.protocol.forecast is None:
        return "the protocol foretells no measure: [forecast] is missing"
    return ""


def _no_twins(asked: Asked) -> str:
    if asked.score is not None:
        return ""
    if asked.trial.protocol.history is None:
        return "the protocol has no earlier patients on control: [history] is missing"
    command = f"understudy trial twins {protocol_name(asked.trial)} --train --out score.json"
    return f"no frozen score is given: train one with `{command}` and name it in [history] as score_file"


def _no_simulation(asked: Asked) -> str:
    design = asked.trial.protocol.design
    if design is None:
        return "the protocol has no new trial: [design] is missing"
    if design.kind in ("escalation", "single_arm"):
        words = design.kind.replace("_", " ")
        return f"[design] is a {words} design, which takes no control arm of an earlier trial: `trial plan` has it"
    return _not_resampled(asked, "new trials are simulated")


def _not_resampled(asked: Asked, what: str) -> str:
    kind = asked.trial.protocol.endpoint.kind
    return (
        "" if kind in _RESAMPLED else f"{what} for {', '.join(_RESAMPLED)} endpoints, and this one is {kind}"
    )


PARTS = (
    Part("check", "Who was in the trial", lambda asked: "", lambda asked: check(asked.trial)),
    Part("replay", "The trial as it happened", lambda asked: "", lambda asked: replay(asked.trial)),
    Part("responders", "Who responds", _no_responders,
         lambda asked: responders(asked.trial, arm=asked.arm, copies=asked.copies)),
    Part("redesign", "Other criteria", _no_redesign,
         lambda asked: redesign(asked.trial, arm=asked.arm, resamples=asked.resamples)),
    Part("forecast", "How the measure goes on", _no_forecast, lambda asked: forecast(asked.trial)),
    Part("twins", "Digital twins", _no_twins, lambda asked: prognostic_twins(asked.trial, load_score(asked.score))),
    Part("simulate", "A new trial", _no_simulation,
         lambda asked: simulate_new_trial(
             asked.trial, arm=asked.arm, trials=asked.trials, curve=curve_trials(asked.trials), jobs=asked.jobs)),
)  # fmt: skip
