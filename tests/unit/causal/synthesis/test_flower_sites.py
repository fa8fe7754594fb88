"""Profiles over Flower: what is sent and what is checked; with Flower installed, through its own simulation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis import SiteProfile, flower, pool_fixed
from understudy.causal.synthesis.flower import _profiles, client_app, exchange, server_app
from understudy.core.errors import DataError, MissingExtraError, SimulationError

HAS_FLOWER = find_spec("flwr") is not None
with_flower = pytest.mark.skipif(
    not HAS_FLOWER, reason="Flower is not installed: pip install 'understudy[federated]'"
)
X = np.linspace(-3, 3, 61)


def _site(k, analysis="main"):
    return SiteProfile(
        f"site {k}", analysis, "hazard ratio", LikelihoodProfile(X, -(k + 1) * (X - 0.1 * k) ** 2)
    )


def _text(site):
    return json.dumps(site.to_json())


def test_answers_are_checked_and_sorted():
    assert [each.site for each in _profiles([_text(_site(1)), _text(_site(0))], "main")] == [
        "site 0",
        "site 1",
    ]
    with pytest.raises(DataError, match="two sites of one name"):
        _profiles([_text(_site(1)), _text(_site(1))], "main")
    with pytest.raises(DataError, match="profile of another analysis"):
        _profiles([_text(_site(1, "other"))], "main")
    with pytest.raises(DataError, match="unknown key"):
        _profiles([json.dumps(_site(1).to_json() | {"ages": [1]})], "main")


@pytest.mark.skipif(HAS_FLOWER, reason="Flower is installed")
@pytest.mark.parametrize(
    "call", [lambda: client_app(lambda c, a: _site(0)), lambda: server_app("main", 1, list)]
)
def test_without_flower_the_pip_line_is_told(call):
    with pytest.raises(MissingExtraError, match=r"pip install \"understudy\[federated\]\""):
        call()


@dataclass
class _Message:
    """What of Flower's message is used."""

    content: dict
    dst_node_id: int = 0
    message_type: str = "query"

    def has_error(self):
        return "understudy" not in self.content


@dataclass
class _Grid:
    """Nodes that answer at once, but for those that fail or are silent."""

    nodes: list
    silent: tuple = ()
    failing: tuple = ()

    def get_node_ids(self):
        return self.nodes

    def send_and_receive(self, messages, timeout):
        for message in messages:
            node, asked = message.dst_node_id, message.content["understudy"]["analysis"]
            if node in self.failing:
                yield _Message({})
            elif node not in self.silent:
                yield _Message({"understudy": {"profile": _text(_site(node, asked))}})


@pytest.fixture
def stand_in(monkeypatch):
    """Flower's messages without Flower: it makes real ones in a run only."""
    app = SimpleNamespace(
        Message=_Message, RecordDict=dict, ConfigRecord=dict, MessageType=SimpleNamespace(QUERY="query")
    )
    monkeypatch.setattr(flower, "_flower", lambda: SimpleNamespace(app=app))


def test_every_node_is_asked(stand_in):
    found = exchange(_Grid([2, 0, 1]), "main", 3)
    assert [each.site for each in found] == ["site 0", "site 1", "site 2"]
    assert {each.analysis for each in found} == {"main"}


@pytest.mark.parametrize("grid", [_Grid([2, 0, 1], silent=(1,)), _Grid([2, 0, 1], failing=(1,))])
def test_nodes_that_do_not_answer_are_told(grid, stand_in):
    with pytest.raises(SimulationError, match="2 of 3 sites answered"):
        exchange(grid, "main", 3)


def test_nodes_that_do_not_come_are_told(stand_in):
    with pytest.raises(SimulationError, match="1 of 3 sites are connected"):
        exchange(_Grid([2]), "main", 3, timeout=0.0)


def _read(context, analysis):
    return _site(int(context.node_config["partition-id"]), analysis)


@with_flower
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's and Flower's own
def test_a_federation_pools_as_files_do():
    pytest.importorskip("ray", reason="Flower's simulation needs Ray")
    from flwr.simulation import run_simulation

    got = []
    resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}, "init_args": {"num_cpus": 1}}
    server = server_app("main", 3, got.extend, timeout=60.0)
    run_simulation(server, client_app(_read), num_supernodes=3, backend_config=resources)
    wanted = pool_fixed([_site(k).profile for k in range(3)])
    assert pool_fixed([each.profile for each in got]).log == pytest.approx(wanted.log, abs=1e-12)
