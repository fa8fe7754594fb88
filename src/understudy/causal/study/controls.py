"""Controls: how wrong an analysis is where the answer is known to be no effect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.calibration import (
    CalibratedEstimate,
    NullDistribution,
    calibrate_interval,
    ease,
    fit_null,
    leave_one_out,
)
from understudy.causal.effect_estimate import EffectEstimate

if TYPE_CHECKING:
    import pandas as pd
