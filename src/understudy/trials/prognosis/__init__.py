"""Prognosis: what a patient would have come to on control, learned from earlier patients, and adjusted for."""
