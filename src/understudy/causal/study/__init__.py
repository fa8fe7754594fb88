"""A real-world study: its file, its diagnostics, and what it may say."""

from __future__ import annotations

from understudy.causal.study.result import StudyResult
from understudy.causal.study.run import run_study
from understudy.causal.study.simulated_study import SimulatedStudy
from understudy.causal.study.study import Study, load_study

__all__ = ["SimulatedStudy", "Study", "StudyResult", "load_study", "run_study"]
