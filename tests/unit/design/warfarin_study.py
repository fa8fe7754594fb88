"""The warfarin study of Nyberg 2015, doi:10.1111/bcp.12352, and a population whose information has a closed form."""

from __future__ import annotations

from understudy import Model, PopulationModel

TIMES = [0.5, 1, 2, 6, 24, 36, 72, 120]
STUDY = [{"patients": 32, "regimen": "70 mg", "times": TIMES}]
ORAL = Model(
    "oral", "h", {"CL": (0.15, "L/h"), "V": (8, "L"), "ka": (1, "1/h")}, {"depot": "mg", "A": "mg"},
    {"depot": "-ka * depot", "A": "ka * depot - CL / V * A"}, inputs={"oral": "depot"},
    outputs={"C": ("A / V", "mg/L")},
)  # fmt: skip
LEVEL = Model("level", "h", {"base": 1.0}, {"A": "mg"}, {"A": "-A"}, outputs={"y": "base"})
OMEGA, SIGMA2 = 0.8, 0.3


def warfarin(**changes: object) -> PopulationModel:
    """Proportional error with a variance of 0.01."""
    parts: dict = {
        "name": "warfarin",
        "structural": ORAL,
        "individual": {n: f"theta_{n} * exp(eta_{n})" for n in ("CL", "V", "ka")},
        "fixed": {
            "theta_CL": (0.15, "L/h"), "theta_V": (8, "L"), "theta_ka": (1, "1/h"), "sigma2": (0.01, "1"),
        },
        "random": {"eta_CL": 0.07, "eta_V": 0.02, "eta_ka": 0.6},
        "residual": {"C": "sigma2 * C ** 2"},
    }  # fmt: skip
    return PopulationModel(**parts | changes)


def linear(**changes: object) -> PopulationModel:
    """Measurements ``theta + beta * SEX + eta + epsilon``."""
    parts: dict = {
        "name": "linear",
        "structural": LEVEL,
        "individual": {"base": "theta + beta * SEX + eta"},
        "fixed": {"theta": 5.0, "beta": 0.5, "sigma2": SIGMA2},
        "random": {"eta": OMEGA},
        "residual": {"y": "sigma2"},
        "covariates": {"SEX": "1"},
    }
    return PopulationModel(**parts | changes)
