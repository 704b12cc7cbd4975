"""Property tests draw the same examples in every run, so that a red run is a change's fault; `make fuzz` draws new ones."""

import os

from hypothesis import settings

FUZZ = int(os.environ.get("BGEN_FUZZ", "1"))
settings.register_profile("fixed", derandomize=True)
settings.register_profile("fuzz", derandomize=False)
settings.load_profile("fuzz" if FUZZ > 1 else "fixed")


def drawn(count: int) -> int:
    """How many examples a property test draws: `count`, or BGEN_FUZZ times as many."""
    return count * FUZZ
