"""Forecasts: the coming course of any measure from a patient's first visits, with intervals that are tried."""

from understudy.trials.forecasting.comparison import Comparison, compare
from understudy.trials.forecasting.courses import Courses, courses_of
from understudy.trials.forecasting.forecaster import Forecaster, fit_forecaster

__all__ = ["Comparison", "Courses", "Forecaster", "compare", "courses_of", "fit_forecaster"]
