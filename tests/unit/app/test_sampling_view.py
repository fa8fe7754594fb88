"""What the terminal shows of a fit by NUTS."""

from understudy.app.fit_view import show
from understudy.inference.fit import Fit


def drawn(rhat: float) -> Fit:
    row = {
        "median": 1.5,
        "low": 1.25,
        "high": 2.25,
        "rhat": rhat,
        "ess_bulk": 950.0,
        "ess_tail": 310.0,
        "mcse": 0.01,
    }
    details = {
        "posterior": {"theta": row}, "individuals": row, "chains": 4, "draws_per_chain": 250, "divergences": 7,
        "saturated": 0, "ebfmi": [0.9, 0.8], "leapfrogs_per_draw": 7.0,
    }  # fmt: skip
    return Fit("NUTS", 100.0, {"theta": 1.6}, {"theta": 0.2}, details=details, covariance_kind="posterior")


def test_it_shows_whether_chains_can_be_believed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    show(drawn(1.023))
    told = capsys.readouterr().out
    for part in (
        "posterior mean",
        "1.25 to 2.25",
        "1.023",
        "950",
        "310",
        "7 divergences",
        "E-BFMI 0.80",
        "the worst",
    ):
        assert part in told
    assert "AIC" not in told
