"""Provenance section: versions, hashes, seed, settings and durations, from the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from understudy.core.record import Record
from understudy.dossier.number import figures
from understudy.dossier.page import Bullets, Column, Section, Table, Text, section


def provenance_section(record: Record, command: str = "") -> Section | None:
    """How the numbers were made, so that they can be made again.

    Parameters
    ----------
    record : Record
    command : str
        That makes the numbers again; where it is given, sources stand elsewhere on the page, beside the methods.
    """
    cited = () if command else record.citations
    return section(
        "provenance",
        "How this was made",
        [
            Text(
                "The same inputs, versions, settings and seed give the same numbers and the same record hash; "
                "record.json, beside this report, holds what follows in a form that programs read."
            ),
            Table((Column("Item"), Column("Value")), tuple(_facts(record, command)), "Provenance.", "facts"),
            Text("Cited", "heading") if cited else None,
            Bullets(cited) if cited else None,
        ],
    )


# A protocol is a file of its own, known by its hash; parts of a dossier have a section of their own.
_ELSEWHERE = ("protocol", "parts", "left_out")


def _facts(record: Record, command: str = "") -> Iterator[tuple[str, str | Markup]]:
    stages = ", ".join(f"{name} {figures(seconds, 2)} s" for name, seconds in record.stages.items())
    facts = {
        "What": record.what,
        "Command": _code(command),
        "Method": record.method,
        "Seed": "" if record.seed is None else str(record.seed),
        "Settings": _listing(
            {name: each for name, each in record.settings.items() if name not in _ELSEWHERE}
        ),
        "Versions": _listing(record.versions),
        "Machine": _listing(record.machine),
        "Started": f"{record.started} (UTC)" if record.started else "",
        "Duration": f"{figures(record.duration_s)} s" if record.duration_s else "",
        "Of which": stages,
        "Model, SHA-256": _code(record.model),
        **{f"{name}, SHA-256": _code(value) for name, value in record.inputs.items()},
        "This record, SHA-256": _code(record.hash),
    }
    yield from ((name, value) for name, value in facts.items() if value)


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(text) if text else Markup("")


def _listing(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{_words(name)} {_value(value)}" for name, value in values.items())


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{_words(str(name))}: {_value(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_value, value))
    words = {"None": "not set", "True": "yes", "False": "no"}
    return words.get(str(value), str(value))
