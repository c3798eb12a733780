"""What the tests of the plug-in share: the types of their two fixtures, and a scenario."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Inner = Callable[..., pytest.RunResult]
Write = Callable[[str, str], Path]

LAPTOP = """scenario: A laptop with a name
tags: [happy-path, laptop]
tenant:
  windowsAutopilotDeploymentProfiles:
    - {displayName: Contoso, assignments: [all devices], deviceNameTemplate: CON-%SERIAL%}
expect:
  end_state: desktop
  device_name: CON-5CG0000001
"""
WRONG_NAME = LAPTOP.replace("CON-5CG0000001", "LAP-5CG0000001")
