"""Every block of Python and every `understudy` command of the documentation runs and prints what is shown."""

from __future__ import annotations

import pytest
from fence_runner import FenceRunner, Mismatch
from page import PAGES, Page, fences

from understudy.core.errors import UnitError

RUNNABLE = [Page(path) for path in PAGES if any(f.language in ("python", "bash") for f in Page(path).fences)]


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page, reader_folder):
    session = FenceRunner(page.path)
    for fence in page.fences:
        session.run(fence)


PROGRAM = "```python\nx = 6\nprint(x * 7)\n```\n"


def _run(text, tmp_path):
    session = FenceRunner(tmp_path / "page.md")
    for fence in fences(text):
        session.run(fence)
    return session


@pytest.mark.parametrize(
    "wrong",
    [
        PROGRAM + "\n```text\n43\n```\n",
        "```python\n>>> 6 * 7\n43\n```\n",
        "```python\nraise ValueError('no')\n```\n",
        "```python\nraise ValueError('no')\n```\n```text\nValueError: yes\n```\n",
        "```python\nprint(undefined)\n```\n```text\nundefined\n```\n",
    ],
)
def test_a_planted_mistake_is_found(wrong, tmp_path):
    with pytest.raises(Mismatch):
        _run(wrong, tmp_path)


def test_right_outputs_pass_and_names_live_on(tmp_path):
    text = PROGRAM + "\n```text\n42\n```\n\n```python\n>>> x\n6\n```\n```python\ny = x + 1\n```\n"
    assert _run(text, tmp_path).names["y"] == 7


def test_an_error_that_is_shown_passes(tmp_path):
    code = "from understudy.core.units import unit\nunit('mg/Lh')"
    shown = (
        "understudy.core.errors.UnitError: unknown unit 'Lh'\n  where: 'mg/Lh'\n  repair: did you mean L/h?"
    )
    _run(f"```python\n{code}\n```\n\n```text\n{shown}\n```\n", tmp_path)
    assert UnitError.__module__ == "understudy.core.errors"


def test_a_block_marked_so_is_not_run(tmp_path):
    _run("```python no-run\nraise SystemExit\n```\n```bash no-run\nunderstudy nonsense\n```\n", tmp_path)


@pytest.mark.parametrize(
    ("mark", "runs"), [("with:numpy", True), ("with:nowhere", False), ("without:numpy", False)]
)
def test_a_block_may_be_for_those_who_have_a_package_or_not(mark, runs, tmp_path):
    assert ("x" in _run(f"```python {mark}\nx = 1\n```\n", tmp_path).names) == runs
