"""Questionnaires: shorter ones that decide as the whole does, and what that costs."""

from understudy.trials.questionnaire.questionnaire import Questionnaire, read_questionnaire
from understudy.trials.questionnaire.shortening import Shortening, shorten

__all__ = ["Questionnaire", "Shortening", "read_questionnaire", "shorten"]
