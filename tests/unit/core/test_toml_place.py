"""Lines of keys, in every way of writing TOML."""

from __future__ import annotations

import pytest

from understudy.core.toml_place import lines_of

TEXT = '''\
# a comment with title = "no"
title = """
low = 1
"""

a.b = 5
[target]  # low = 3
low = 15
"high" = 40
units = { TIME = "h", AMT = "mg" }


[[regimens]]
doses = "x"
[[regimens]]
label = "[target]"
doses = [
  "y",

  "z",
]
[population.nested]
strata = [{ cuts = [1,
  2] }, { cuts = [3] }]'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("a", "b"), 6),
        (("target",), 7),
        (("target", "low"), 8),
        (("target", "high"), 9),
        (("target", "units", "TIME"), 10),
        (("regimens", 0, "doses"), 14),
        (("regimens", 1), 15),
        (("regimens", 1, "label"), 16),
        (("regimens", 1, "doses"), 17),
        (("population",), 22),
        (("population", "nested", "strata", 1, "cuts"), 23),
    ],
)
def test_line(path, line):
    assert lines_of(TEXT, [path]) == {path: line}


@pytest.mark.parametrize("path", [(), ("low",), ("target", "unit"), ("regimens", 2), ("title", 0)])
def test_absent_key_has_no_line(path):
    assert lines_of(TEXT, [path]) == {}


def test_many_keys_in_one_reading():
    paths = [("target", "high"), ("title",), ("nothing",)]
    assert lines_of(TEXT, paths) == {("title",): 2, ("target", "high"): 9}
