"""Biostatistics: estimators of trials and cohorts, from arrays of numbers to estimates with their errors.

Nothing here knows of trials, drugs or files: what a trial asks is in `understudy.trials`.
"""
