"""Antimony process: libAntimony by itself, run as a program of its own.

libAntimony can stop the process that it runs in, so it gets one. From standard input come a word, ``sbml`` or
``antimony``, for what is wanted, and after a line's end the text; to standard output goes the answer, or to standard
error why there is none.
"""

from __future__ import annotations

import sys

# Bytes that a translation may take.
MOST_MEMORY = 2_000_000_000


def main() -> int:
    """Translate; the exit code is 1 where Antimony does not understand the text."""
    _bound_memory()
    import antimony

    wanted, _, text = sys.stdin.buffer.read().decode("utf-8").partition("\n")
    load = antimony.loadAntimonyString if wanted == "sbml" else antimony.loadSBMLString
    if load(text) < 0:
        sys.stderr.write(antimony.getLastError())
        return 1
    give = antimony.getSBMLString if wanted == "sbml" else antimony.getAntimonyString
    sys.stdout.buffer.write(give(antimony.getMainModuleName()).encode("utf-8"))
    return 0


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


if __name__ == "__main__":
    raise SystemExit(main())
