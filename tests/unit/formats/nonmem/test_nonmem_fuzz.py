"""Damaged control streams and data: whatever they hold, an error that names the place, or a model."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stream_case import DATA, text_of

from understudy.core.errors import UnderstudyError
from understudy.formats.load import load
from understudy.formats.nonmem.control_stream import ControlStream, read

_WORDS = (
    "$", "(", ")", "=", ",", ".EQ.", "IF (", "THEN", "ELSE", "ENDIF", "THETA(1)", "ETA(9)", "**", "-1", "1E400", "FIX",
    "BLOCK(2)", "SAME", "NAMES(", "x999999", "\n", "\t", ";", "&", '"', "'", "$PK\n", "$DES\n", "DADT(1)", "EXP(",
    "EPS(1)", "DV", "é", "\0", "IGNORE=(", "ACCEPT", "NULL=", "CMT", "ADVAN5", "INF", "T", "NEWIND", "W" * 300,
)  # fmt: skip
_EDITS = st.lists(
    st.tuples(st.integers(0, 2_000), st.integers(0, 15), st.sampled_from(("", *_WORDS))), max_size=4
)
_SLOW_STARTS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def edited(text: str, edits) -> str:
    for at, gone, added in edits:
        at %= len(text) + 1
        text = text[:at] + added + text[at + gone :]
    return text


def read_anyhow(text: str, data: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data.csv").write_text(data)
        path = Path(folder) / "run.ctl"
        path.write_text(text)
        try:
            found = read(path)
        except UnderstudyError as error:
            found = error
        is_told = isinstance(found, UnderstudyError) and bool(found.cause and found.place)
        assert is_told or isinstance(found, ControlStream)


@_SLOW_STARTS
@given(_EDITS)
def test_damaged_control_streams(edits):
    read_anyhow(edited(text_of(), edits), DATA)


@_SLOW_STARTS
@given(_EDITS)
def test_damaged_data(edits):
    read_anyhow(text_of(), edited(DATA, edits))


@_SLOW_STARTS
@given(st.binary(max_size=300))
def test_any_bytes(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.ctl"
        path.write_bytes(content)
        with pytest.raises(UnderstudyError):
            read(path)


@_SLOW_STARTS
@given(st.binary(max_size=300), st.sampled_from((".ext", ".lst", ".phi", ".cov")))
def test_any_bytes_as_results(content, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"run{suffix}"
        path.write_bytes(content)
        with pytest.raises(UnderstudyError):
            load(path)


def test_a_data_file_whose_name_no_file_system_takes(tmp_path):
    path = tmp_path / "run.ctl"
    path.write_text(text_of(DATA="W" * 300))
    with pytest.raises(UnderstudyError, match="cannot read the data file"):
        read(path)
