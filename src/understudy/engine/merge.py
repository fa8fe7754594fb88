"""Merge: the doses and the observation times of every patient as one list, in one compiled pass."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def merge(dose_start, dose_time, look_time, look_before, look_number):
    """Doses and looks of all patients in order of time.

    Parameters
    ----------
    dose_start : int array, shape (patients + 1,)
    dose_time : float array, shape (doses,)
        In order within each patient.
    look_time : float array, shape (1 or patients, looks)
        In order; one row serves all patients.
    look_before : bool array, like `look_time`
        Whether a look at the very time of a dose comes before it.
    look_number : int array, like `look_time`
        Which of its patient's looks each is.

    Returns
    -------
    time : float array, shape (doses + patients * looks,)
    number : int array, likewise
        Number of each look, counted through all patients; -1 for a dose.
    """
    patients, looks = dose_start.size - 1, look_time.shape[1]
    size = dose_time.size + patients * looks
    time, number = np.empty(size), np.empty(size, dtype=np.int64)
    row = 0
    for patient in range(patients):
        own = patient if look_time.shape[0] > 1 else 0
        dose, last = dose_start[patient], dose_start[patient + 1]
        for k in range(looks):
            now, before = look_time[own, k], look_before[own, k]
            while dose < last and (dose_time[dose] < now or (dose_time[dose] == now and not before)):
                time[row], number[row] = dose_time[dose], -1
                dose, row = dose + 1, row + 1
            time[row], number[row] = now, patient * looks + look_number[own, k]
            row += 1
        while dose < last:
            time[row], number[row] = dose_time[dose], -1
            dose, row = dose + 1, row + 1
    return time, number
