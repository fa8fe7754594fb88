"""Weeks of remission of 42 children with leukaemia on 6-mercaptopurine or placebo.

Freireich EJ et al. 1963, Blood 21:699-716; the times are those of Gehan 1965, Biometrika 52:203-223, table 1.
"""

from __future__ import annotations

import numpy as np

DRUG = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], dtype=float)
DRUG_EVENT = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])
PLACEBO = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], dtype=float)

TIME = np.r_[DRUG, PLACEBO]
EVENT = np.r_[DRUG_EVENT, np.ones(21, int)]
ON_PLACEBO = np.r_[np.zeros(21), np.ones(21)]
