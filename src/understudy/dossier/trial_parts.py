"""Trial parts: which report tells of which result."""

from __future__ import annotations

from typing import Any

from understudy.dossier import (
    forecast_report,
    redesign_report,
    replay_report,
    responders_report,
    twins_report,
)
from understudy.dossier.chapter import Chapter
from understudy.trials.forecast import TrialForecast
from understudy.trials.prognosis.twins import PrognosticTwins
from understudy.trials.redesign.redesign import Redesign
from understudy.trials.replay import Replay
from understudy.trials.responders.responders import Responders

_CHAPTERS = {
    Replay: replay_report.chapter,
    Responders: responders_report.chapter,
    Redesign: redesign_report.chapter,
    TrialForecast: forecast_report.chapter,
    PrognosticTwins: twins_report.chapter,
}


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
