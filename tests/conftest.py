"""What all tests share: no test may depend on how fast the machine is."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import settings

os.environ.pop("COLUMNS", None)  # a shell that exports its width would have texts wrapped elsewhere
THOROUGH = bool(os.environ.get("AUTOPILOT_AGENT_THOROUGH"))
"""``make thorough`` looks for new examples; otherwise the same ones are tried on every machine, every day."""
settings.register_profile("untimed", deadline=None, derandomize=not THOROUGH)
settings.load_profile("untimed")


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays until the end; the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
