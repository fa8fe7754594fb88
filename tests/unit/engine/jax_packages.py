"""The packages of the `[jax]` extra: a test that needs them is skipped where any of them is missing."""

from __future__ import annotations

from types import ModuleType

import pytest

from understudy.engine.jax.jax_extra import PACKAGES


def import_jax() -> ModuleType:
    """JAX, once it is known that all that the engine needs beside it is there too."""
    found = [pytest.importorskip(name, reason="needs pip install 'understudy[jax]'") for name in PACKAGES]
    return found[PACKAGES.index("jax")]
