"""Sealed: what was computed and may not be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from understudy.core.errors import StudyError

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Sealed(Generic[T]):
    """Something that diagnostics hide or show.

    Parameters
    ----------
    _content : anything
    hidden_for : tuple of str
        Why it is hidden; empty where it may be seen.

    Examples
    --------
    >>> Sealed(1.13, ("balance",))
    hidden: balance
    >>> Sealed(1.13).seen
    1.13
    """

    _content: T = field(repr=False)
    hidden_for: tuple[str, ...] = ()

    @property
    def hidden(self) -> bool:
        """Whether it stays hidden."""
        return bool(self.hidden_for)

    @property
    def seen(self) -> T:
        """The content.

        Raises
        ------
        StudyError
            If it is hidden; the diagnostics are named.
        """
        if self.hidden:
            raise StudyError(
                f"the estimate is hidden: {', '.join(self.hidden_for)} did not pass",
                repair="mend the design; thresholds are fixed before the data are seen",
            )
        return self._content

    def but_for(self, *names: str) -> Sealed[T]:
        """The same where these diagnostics hide nothing.

        Examples
        --------
        >>> Sealed(1.13, ("balance", "power")).but_for("power")
        hidden: balance
        """
        return Sealed(self._content, tuple(each for each in self.hidden_for if each not in names))

    def __repr__(self) -> str:
        return f"hidden: {', '.join(self.hidden_for)}" if self.hidden else repr(self._content)
