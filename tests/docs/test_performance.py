"""The performance page says what was stored, and what was stored meets its aims."""

from pathlib import Path

from benchmarks import page


def test_the_page_is_made_from_the_stored_results():
    assert Path("docs/performance.md").read_text(encoding="utf-8") == page.page() + "\n"


def test_the_stored_results_meet_their_aims():
    engine, startup = page.load("engine"), page.load("startup")
    for row in engine["scipy_lsoda"]:
        assert row["kernel_error"] <= row["error"]
        assert row["kernel_times_faster"] >= 50
    assert engine["compile_s"] < 0.1
    limited = {name: row for name, row in startup["cases"].items() if row["limit_s"]}
    assert set(limited) == {"import understudy", "understudy --help"}
    assert all(row["median_s"] <= row["limit_s"] for row in limited.values())
