"""Settings of a dispatch: what is understood, and what is refused."""

import pytest

from understudy.core.errors import SimulationError
from understudy.engine.dispatch.settings import Dispatch, as_dispatch


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2 GB", 2 * 10**9),
        ("2GB", 2 * 10**9),
        (" 1.5 GiB ", 3 * 2**29),
        ("500 MB", 5 * 10**8),
        ("100000 kB", 10**8),
        ("4g", 4 * 10**9),
        (3e8, 3 * 10**8),
        ("300000000", 3 * 10**8),
    ],
)
def test_memory_as_people_write_it(written, meant):
    assert Dispatch(memory=written).bytes == meant


@pytest.mark.parametrize(
    "written", ["much", "2 parsecs", "GB", "-1 GB", 0, "2 mm", "1,5 GB", "nan GB", "inf GB", ""]
)
def test_what_is_no_amount_of_memory(written):
    with pytest.raises(SimulationError, match="is no amount of memory"):
        Dispatch(memory=written)


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"where": "cloud"}, "cannot be simulated in 'cloud'"),
        ({"where": 3}, "cannot be simulated in 3"),
        ({"chunk": 0}, "a chunk of 0 patients"),
        ({"retries": -1}, "-1 retries"),
    ],
)
def test_settings_that_make_no_sense(settings, cause):
    with pytest.raises(SimulationError, match=cause):
        Dispatch(**settings)


def test_a_word_or_nothing_stands_for_settings():
    assert as_dispatch("dask") == Dispatch("dask")
    assert as_dispatch(None) == Dispatch("threads")
    own = Dispatch("serial", chunk=5)
    assert as_dispatch(own) is own
