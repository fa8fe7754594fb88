"""Run in Numba's CUDA simulator by test_cuda.py: the tests of events with the device loop in the kernel's place.

It ends with the exit status of pytest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
TESTS = Path(__file__).parents[1] / "events" / "test_state_events.py"


def main(*options: str) -> int:
    from cuda_simulation import Heard, on_simulator

    from understudy.engine.kernel import kernel

    np.seterr(all="ignore")
    kernel.solve = heard = Heard(on_simulator)
    status = pytest.main([str(TESTS), "-q", "-p", "no:cacheprovider", "-k", "not reference", *options])
    print("Problems solved by the device loop:", len(heard.found))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
