"""The results in docs/sbml.md are those that are stored, and they are what the page and the README claim."""

from pathlib import Path

from benchmarks.sbml_page import PAGE, load, page

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run python -m benchmarks.sbml_page"


def test_what_is_claimed_is_stored():
    counts = load()["counts"]
    assert counts.get("wrong", 0) == 0
    passed, total = f"{counts['passed']:,}", f"{sum(counts.values()):,}"
    for name in ("README.md", "CHANGELOG.md"):
        assert f"{passed} of {total}" in (ROOT / name).read_text(encoding="utf-8").replace("\n", " ")
