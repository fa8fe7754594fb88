"""Section: a table of a file that a user writes in TOML, each key described and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from understudy.core.errors import UnderstudyError


class Section(BaseModel):
    """A table of such a file: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def complaint(cause: str, repair: str, place: str = "") -> PydanticCustomError:
    """What a rule raises; ``{cause}`` is filled in by Pydantic, so that braces in it stay as they are."""
    return PydanticCustomError("study", "{cause}", {"cause": cause, "repair": repair, "place": place})


def checked(call: Callable[[], Any]) -> Any:
    """A call whose error, if any, becomes a complaint."""
    try:
        return call()
    except UnderstudyError as error:
        raise complaint(error.cause, error.repair, error.place) from None


# Numbers are taken as written: no "5" for 5, no true for 1.
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
