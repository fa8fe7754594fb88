"""Dask's workers give the same numbers, also where one of them dies."""

import pytest
import xarray as xr
from many_patients import QUESTION, SATURABLE, Lazy, needs_dask, table, undisturbed

from understudy.core.errors import MissingExtraError
from understudy.core.result import Outcome
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.simulate import simulate

pytestmark = needs_dask
COUNT = 101


def assert_same(found, expected):
    xr.testing.assert_identical(found.dataset.load().drop_attrs(), expected.dataset.drop_attrs())
    assert found.failures == expected.failures
    assert found.record.hash == expected.record.hash


@pytest.fixture
def client():
    """A client whose workers are threads of this process: it starts in no time."""
    from distributed import Client

    options = {"processes": False, "n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with Client(**options) as found:
        yield found


def test_a_client_of_the_users_own(client):
    asked = (SATURABLE, table(0, COUNT), *QUESTION)
    found = simulate(*asked, dispatch=Dispatch(client, chunk=20))
    assert_same(found, undisturbed(COUNT))
    assert found.record.dispatch["where"] == "dask"
    assert_same(simulate(*asked, dispatch=client), undisturbed(COUNT))
    assert client.status == "running", "what is the user's stays open"


def test_without_dask(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingExtraError, match="dask is not installed") as caught:
        simulate(SATURABLE, table(0, 5), *QUESTION, dispatch="dask")
    assert caught.value.repair == "pip install 'understudy[dask]'"


@pytest.mark.slow
@pytest.mark.parametrize("stored", [False, True])
def test_a_worker_that_is_killed_in_the_middle(stored, tmp_path):
    if stored:
        pytest.importorskip("zarr", reason="zarr is not installed: pip install zarr")
    fallen = tmp_path / "fallen"
    path = tmp_path / "run.zarr" if stored else None
    patients = Lazy(COUNT, kills_before=str(fallen))
    found = simulate(SATURABLE, patients, *QUESTION, to=path, dispatch=Dispatch("dask", chunk=10), jobs=2)
    assert fallen.exists(), "a worker did die"
    assert_same(found, undisturbed(COUNT))
    if stored:
        assert_same(Outcome.load(path), undisturbed(COUNT))


@pytest.mark.slow
def test_workers_in_processes():
    asked = (SATURABLE, table(0, COUNT), *QUESTION)
    assert_same(simulate(*asked, dispatch=Dispatch("dask", chunk=16), jobs=2), undisturbed(COUNT))
