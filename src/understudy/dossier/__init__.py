"""Dossier: reports of studies and of trials.

Examples
--------
>>> from understudy import dossier, trials
>>> dossier.chapter_of(trials.check(trials.load_trial("examples/leukaemia/trial.toml"))).title
'Who was in the trial'
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Where each public name is defined; they are loaded when they are first used.
_HOME = {
    "chapter_of": "understudy.dossier.trial_parts",
    "trial_dossier": "understudy.dossier.joint_dossier",
}

__all__ = ["chapter_of", "trial_dossier"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
