"""Run in Numba's CUDA simulator by test_cuda.py: the conformance tests for devices, every fourth library model.

It ends with the exit status of pytest.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
TESTS = Path(__file__).parents[3] / "conformance"
sys.path.insert(0, str(TESTS))


def main(*options: str) -> int:
    import test_engines
    from cuda_simulation import on_processor

    from understudy.engine.cuda import cuda, linked

    test_engines.ENTRIES = dict(list(test_engines.ENTRIES.items())[::4])
    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: object() if name == "numba_cuda" else find(name, *rest)
    cuda.require_device = lambda: None
    cuda.linked = linked.linked = on_processor
    # What overflows in a step that is then rejected is no fault.
    quiet = ["-q", "-p", "no:cacheprovider", "-W", "ignore::RuntimeWarning"]
    return pytest.main([str(TESTS / "test_cuda_engine.py"), *quiet, *options])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
