"""Every example starts in a folder of its own that holds the project's examples."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from page import ROOT


@pytest.fixture
def reader_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy of ``examples/``, made the current one; no colours, 100 columns."""
    if (ROOT / "examples").is_dir():
        shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("dossier"))
    monkeypatch.chdir(tmp_path)
    for name, value in {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path
