"""Runs a page's blocks of code from top to bottom, as a reader would type them."""

from __future__ import annotations

import doctest
import shlex
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

from page import Fence

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
NOT_RUN = "no-run"
WITHOUT, WITH = "without:", "with:"


class Mismatch(AssertionError):
    """A block that fails, or prints something else than the page says."""


class FenceRunner:
    """One reader's session: names live on from block to block.

    Parameters
    ----------
    page : path
        For the places in messages.
    """

    def __init__(self, page: Path):
        self.page = page
        self.names: dict = {"__name__": "__main__"}

    def run(self, fence: Fence) -> None:
        """Run a block of Python or of `understudy` commands; others are for reading only."""
        if fence.mark == NOT_RUN or _is_for_others(fence.mark):
            return
        if fence.language == "python":
            self._python(fence)
        elif fence.language == "bash":
            self._commands(fence)

    def _python(self, fence: Fence) -> None:
        if fence.code.lstrip().startswith(">>>"):
            self._session(fence)
            return
        printed, error = StringIO(), None
        with redirect_stdout(printed):
            try:
                # Blank lines before the code, so that tracebacks name the line of the page.
                source = "\n" * (fence.line - 1) + fence.code
                exec(compile(source, str(self.page), "exec", dont_inherit=True), self.names)
            except Exception as problem:
                error = problem
        self._compare(fence, printed.getvalue(), error)

    def _session(self, fence: Fence) -> None:
        parsed = doctest.DocTestParser().get_doctest(
            fence.code, self.names, self.page.name, str(self.page), fence.line - 1
        )
        report = StringIO()
        failed = (
            doctest.DocTestRunner(optionflags=FLAGS).run(parsed, out=report.write, clear_globs=False).failed
        )
        if failed:
            raise Mismatch(report.getvalue())
        self.names.update(parsed.globs)

    def _compare(self, fence: Fence, printed: str, error: Exception | None) -> None:
        if error is not None and not _is_shown(error, fence.output):
            raise Mismatch(f"{self._place(fence)} stops with {error!r}") from error
        told = "".join(traceback.format_exception_only(error)) if error else ""
        self._compare_output(fence, printed + told)

    def _compare_output(self, fence: Fence, found: str) -> None:
        if fence.output is not None and not _same(fence.output, found):
            raise Mismatch(f"{self._place(fence)} prints\n{found}\nwhere the page says\n{fence.output}")

    def _commands(self, fence: Fence) -> None:
        printed = ""
        for line in fence.code.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["understudy"]:
                code, text = command(words[1:])
                printed += text
                if code and fence.output is None:
                    raise Mismatch(f"{self._place(fence)}: {line} exits with {code}\n{text}")
        self._compare_output(fence, printed)

    def _place(self, fence: Fence) -> str:
        return f"{self.page.name}, line {fence.line}: the {fence.language} block"


def command(arguments: list[str]) -> tuple[int, str]:
    """Exit code and printed text of an `understudy` command; ``> file`` at its end is understood."""
    from understudy.app.cli import main

    target = arguments[-1] if arguments[-2:-1] == [">"] else None
    printed, given = TextIOWrapper(BytesIO(), encoding="utf-8", newline="\n"), sys.argv
    sys.argv = ["understudy", *(arguments[:-2] if target else arguments)]
    code = 0
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            code = main() or 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        sys.argv = given
    printed.flush()
    text = printed.buffer.getvalue().decode("utf-8")
    if target:
        Path(target).write_text(text, encoding="utf-8")
    return code, "" if target else text


def _is_for_others(mark: str) -> bool:
    """Whether a block is marked ``without:package`` and that is installed here, or ``with:package`` and it is not."""
    if mark.startswith(WITHOUT):
        return find_spec(mark.removeprefix(WITHOUT)) is not None
    return mark.startswith(WITH) and find_spec(mark.removeprefix(WITH)) is None


def _is_shown(error: Exception, output: str | None) -> bool:
    name = type(error).__name__
    return output is not None and any(
        line.startswith(("understudy.", name)) and name in line for line in output.splitlines()
    )


def _same(wanted: str, found: str) -> bool:
    return doctest.OutputChecker().check_output(wanted, found, FLAGS)
