"""The documentation is complete and hangs together: links, navigation, public names, versions."""

from __future__ import annotations

import re
import tomllib
from runpy import run_path

import pytest
from page import DOCS, PAGES, ROOT, Page, slug

import understudy
from understudy.core import errors
from understudy.core.errors import UnderstudyError

ALL = [Page(path) for path in PAGES]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert [target for target in page.links if not _leads_somewhere(page, target)] == []


def _leads_somewhere(page: Page, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True
    file, _, anchor = target.partition("#")
    path = (page.path.parent / file).resolve() if file else page.path
    # The built site holds docs/ only.
    inside = DOCS not in page.path.parents or path.is_relative_to(DOCS)
    return path.exists() and inside and (not anchor or anchor in Page(path).anchors)


def test_a_link_that_leads_nowhere_is_found():
    page = Page(ROOT / "README.md")
    assert not _leads_somewhere(page, "docs/nowhere.md")
    assert not _leads_somewhere(page, "docs/errors.md#nowhere")
    assert not _leads_somewhere(Page(DOCS / "index.md"), "../README.md")


def test_headings_become_anchors_as_in_the_built_site():
    assert slug("How `errors` read, (in short)") == "how-errors-read-in-short"


def test_the_navigation_names_every_page_once():
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("name", understudy.__all__)
def test_every_public_name_is_told_of(name):
    assert any(re.search(rf"\b{name}\b", page.text) for page in ALL if page.path.name != "reference.md")


def test_the_page_of_public_names_is_up_to_date():
    written = run_path(str(DOCS / "reference.py"))["page"]()
    assert (DOCS / "reference.md").read_text(encoding="utf-8") == written, "run `python docs/reference.py`"


def test_every_error_has_its_section():
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    headings = Page(DOCS / "errors.md").anchors
    assert len(kinds) > 5
    assert [
        kind.__name__
        for kind in kinds
        if kind is not UnderstudyError and kind.__name__.lower() not in headings
    ] == []


def test_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {word for page in ALL for word in re.findall(r"`make ([\w-]+)", page.text)}
    named |= {
        word
        for page in ALL
        for fence in page.fences
        if fence.language == "bash"
        for word in re.findall(r"^make ([\w-]+)", fence.code, re.M)
    }
    assert "demo" in named
    assert named <= targets


def test_readme_begins_with_the_two_commands():
    first = next(fence for fence in Page(ROOT / "README.md").fences if fence.language == "bash")
    assert re.findall(r"^make (\w+)", first.code, re.M) == ["demo", "test"]


def test_version_is_the_same_everywhere():
    version = PROJECT["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf'^version: "?{re.escape(version)}"?$', citation, re.M)
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_map_of_the_code_names_every_room():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = [path.name for path in (ROOT / "src" / "understudy").iterdir() if (path / "__init__.py").exists()]
    assert rooms
    assert [room for room in rooms if f"`{room}/`" not in text] == []
