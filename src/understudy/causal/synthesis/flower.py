"""Flower: site profiles over a federation of Flower nodes; nothing but profiles is sent.

Flower (https://flower.ai, Apache-2.0) brings messages from a server to nodes and back, encrypted and authenticated as
its deployment is set up; what is asked and answered is here. Extra ``[federated]``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from understudy.causal.synthesis.site_profile import SiteProfile
from understudy.core.errors import DataError, MissingExtraError, Problem, SimulationError

if TYPE_CHECKING:
    from flwr.app import Context
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp

_RECORD, _ANALYSIS, _PROFILE = "understudy", "analysis", "profile"
_TIMEOUT = 600.0  # seconds


def client_app(read: Callable[[Context, str], SiteProfile]) -> ClientApp:
    """The app of a site: it answers with its profile of the analysis that is asked for.

    Parameters
    ----------
    read : callable
        From Flower's context of the node (its ``node_config`` may say where files lie) and the name of an analysis to
        the site's profile. The profile goes through the checks and the masking of site files.

    Returns
    -------
    flwr.clientapp.ClientApp

    Raises
    ------
    MissingExtraError
        Without Flower.
    """
    flwr = _flower()
    app = flwr.clientapp.ClientApp()

    @app.query()
    def answer(message: Any, context: Any) -> Any:
        analysis = str(message.content[_RECORD][_ANALYSIS])
        sent = read(context, analysis)
        if sent.analysis != analysis:
            problem = Problem(
                "profile of another analysis", f"give that of {analysis!r}", value=sent.analysis
            )
            raise DataError([problem], place="a site's answer")
        text = json.dumps(sent.to_json(), allow_nan=False)
        record = flwr.app.ConfigRecord({_PROFILE: text})
        return flwr.app.Message(flwr.app.RecordDict({_RECORD: record}), reply_to=message)

    return app


def server_app(
    analysis: str, sites: int, receive: Callable[[list[SiteProfile]], None], *, timeout: float = _TIMEOUT
) -> ServerApp:
    """The app of the coordinator: it asks every node once, checks what comes, and hands it on.

    Parameters
    ----------
    analysis : str
    sites : int
        Nodes that are waited for.
    receive : callable
        Gets the profiles, sorted by site: for `pool_fixed` and `pool_random`.
    timeout : float
        Seconds to wait.

    Returns
    -------
    flwr.serverapp.ServerApp

    Raises
    ------
    MissingExtraError
        Without Flower.
    """
    flwr = _flower()
    app = flwr.serverapp.ServerApp()

    @app.main()
    def main(grid: Any, context: Any) -> None:
        receive(exchange(grid, analysis, sites, timeout=timeout))

    return app


def exchange(grid: Grid, analysis: str, sites: int, *, timeout: float = _TIMEOUT) -> list[SiteProfile]:
    """Ask all nodes of a grid for their profile of an analysis.

    Parameters
    ----------
    grid : flwr.serverapp.Grid
    analysis : str
    sites : int
        Nodes that are waited for.
    timeout : float
        Seconds.

    Raises
    ------
    SimulationError
        If fewer nodes are there or answer, or one answers with an error.
    DataError
        For an answer that is no site profile, or of another analysis; for two of one name.
    """
    flwr = _flower()
    nodes = _nodes(grid, sites, timeout)
    asked = [
        flwr.app.Message(
            flwr.app.RecordDict({_RECORD: flwr.app.ConfigRecord({_ANALYSIS: analysis})}),
            dst_node_id=node,
            message_type=flwr.app.MessageType.QUERY,
        )
        for node in nodes
    ]
    replies = list(grid.send_and_receive(asked, timeout=timeout))
    failed = [each for each in replies if each.has_error()]
    if failed or len(replies) < len(nodes):
        cause = f"{len(replies) - len(failed)} of {len(nodes)} sites answered with a profile"
        raise SimulationError(cause, place="the federation", repair="see the logs of the other sites")
    return _profiles((str(each.content[_RECORD][_PROFILE]) for each in replies), analysis)


def _profiles(texts: Iterable[str], analysis: str) -> list[SiteProfile]:
    """Checked answers, sorted by site."""
    found = [SiteProfile.from_json(json.loads(text), "a site's answer") for text in texts]
    names = [each.site for each in found]
    problems = [
        Problem("two sites of one name", "give each its own", value=name)
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    problems += [
        Problem("profile of another analysis", f"ask for {analysis!r}", value=each.analysis)
        for each in found
        if each.analysis != analysis
    ]
    if problems:
        raise DataError(problems, place="the sites' answers")
    return sorted(found, key=lambda each: each.site)


def _nodes(grid: Any, sites: int, timeout: float) -> list[int]:
    """Ids of the nodes, waiting until so many are there."""
    import time

    end = time.monotonic() + timeout
    while len(nodes := sorted(grid.get_node_ids())) < sites:
        if time.monotonic() > end:
            cause = f"{len(nodes)} of {sites} sites are connected"
            raise SimulationError(
                cause, place="the federation", repair="start the nodes, or wait for fewer sites"
            )
        time.sleep(0.2)
    return nodes[:sites]


def _flower() -> Any:
    """The package, with the parts that are used here."""
    try:
        import flwr
        import flwr.app
        import flwr.clientapp
        import flwr.serverapp
    except ImportError:
        raise MissingExtraError(
            "Flower is not installed",
            place="a federated synthesis",
            repair='pip install "understudy[federated]"',
        ) from None
    return flwr
