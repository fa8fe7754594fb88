"""Result: figures of a benchmark with the machine, versions and commit they belong to, stored as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from understudy.core.record import versions

FOLDER = Path(__file__).parent / "results"


def store(name: str, figures: dict[str, Any]) -> Path:
    """Write ``benchmarks/results/<name>.json``; no names of hosts or users are in it."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    made = {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
    }
    path.write_text(json.dumps({**made, **figures}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """Model of the processor and number of cores."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def commit() -> str:
    """Hash of the commit, with a mark where files under version control differ from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(FOLDER.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":(top,exclude)benchmarks/results")
    return git("rev-parse", "HEAD") + (" with changes" if changed else "")
