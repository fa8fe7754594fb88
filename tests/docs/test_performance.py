"""The performance page says what was stored, and what was stored meets its aims."""

from benchmarks import page
from benchmarks.peers_section import CHART


def test_the_page_is_made_from_the_stored_results():
    assert page.PAGE.read_text(encoding="utf-8") == page.page(page.stored())


def test_the_chart_is_that_of_the_stored_result():
    peers = page.stored()["peers"]
    path = page.PAGE.parent / CHART
    assert path.exists() == (peers is not None), "run `python -m benchmarks.page`"
    if peers is not None:
        drawing = path.read_text(encoding="utf-8")
        assert peers["commit"][:10] in drawing
        assert all(name in drawing for case in peers["cases"].values() for name in case["solvers"])


def test_the_stored_results_meet_their_aims():
    engine, startup = page.load("engine"), page.load("startup")
    for row in engine["scipy_lsoda"]:
        assert row["kernel_error"] <= row["error"]
        assert row["kernel_times_faster"] >= 50
    assert engine["compile_s"] < 0.1
    limited = {name: row for name, row in startup["cases"].items() if row["limit_s"]}
    assert set(limited) == {"import understudy", "understudy --help"}
    assert all(row["median_s"] <= row["limit_s"] for row in limited.values())
