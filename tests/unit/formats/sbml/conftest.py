"""Files of models for these tests."""

import pytest

from understudy import load


@pytest.fixture
def sbml(tmp_path):
    """A function that reads SBML text."""
    pytest.importorskip("libsbml")

    def read(text: str, name: str = "model.xml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return load(path)

    return read


@pytest.fixture
def antimony(tmp_path):
    """A function that reads Antimony text."""
    pytest.importorskip("antimony")

    def read(text: str):
        path = tmp_path / "model.ant"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return read
