"""How Numba compiles the engine's loops: cached, without the interpreter's lock, without counting references.

Loops own none of their arrays; counting references to them would cost as much as the steps. What is called at one place
only is written into the caller: its working space has too many arrays to be handed over at every event.
"""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, nogil=True, _nrt=False)
inlined = njit(cache=True, nogil=True, _nrt=False, forceinline=True)
