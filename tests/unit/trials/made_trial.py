"""Made trial: a protocol and tables of any columns, written into a folder."""

from __future__ import annotations

from pathlib import Path

from understudy.trials import Trial, load_trial

HEAD = """title = "made"
subjects = { file = "adsl.csv", id = "ID", arm = "ARM" }
arms = { control = "placebo", treated = ["drug"] }
"""


def write_table(path: Path, header: str, rows: list[tuple]) -> None:
    """A CSV; None becomes an empty cell."""
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def made_trial(
    folder: Path, protocol: str, tables: dict[str, tuple[str, list[tuple]]], head: str = HEAD
) -> Trial:
    """The trial of tables, each a header and rows, and the rest of a protocol below the usual head."""
    for name, (header, rows) in tables.items():
        write_table(folder / name, header, rows)
    (folder / "trial.toml").write_text(head + protocol, encoding="utf-8")
    return load_trial(folder / "trial.toml")
