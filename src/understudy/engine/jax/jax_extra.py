"""The `[jax]` extra: whether it is there, and what to do where it is not."""

from __future__ import annotations

import importlib.util

from understudy.core.errors import MissingExtraError, SimulationError

PACKAGES = ("jax", "diffrax", "equinox")


def require_jax() -> None:
    """Raise where a package of the extra is missing.

    Raises
    ------
    MissingExtraError
        With the pip line.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"JAX is wanted, and {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            repair="pip install 'understudy[jax]'",
        )


def require_doubles() -> None:
    """Raise where JAX is set to 32 bits: nothing of JAX's settings is changed behind anybody's back.

    Raises
    ------
    SimulationError
        Naming the setting.
    """
    import jax

    if not jax.config.jax_enable_x64:
        raise SimulationError(
            "JAX is set to numbers of 32 bits, which are too coarse for these solvers",
            repair='call jax.config.update("jax_enable_x64", True) first, or work inside `with jax.enable_x64(True):`',
        )
