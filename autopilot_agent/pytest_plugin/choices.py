"""What the command line of pytest chooses for every scenario: seed, backend, values that are set."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from autopilot_agent.errors import AutopilotAgentError, InputError
from autopilot_agent.scenario.settings import parse_settings
from autopilot_agent.service import Backend
from autopilot_agent.tenant.state import TenantState

Cloud = str | Callable[[TenantState], Backend]


class Choices(msgspec.Struct, frozen=True):
    """The options, understood; ``seed`` None is each scenario's own."""

    seed: int | None = None
    backend: Cloud = "memory"
    settings: tuple[str, ...] = ()


_KEY = pytest.StashKey[Choices]()
SET = "--autopilot-set"
_OURS = re.compile(r"(?<!\S)--(ca|backend)\b")
"""Options that are named otherwise here than for ``run``."""


def check_options(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` for options that mean nothing."""
    try:
        parse_settings(config.option.autopilot_set, SET)
        choices_of(config)
    except InputError as error:
        raise pytest.UsageError(_OURS.sub(r"--autopilot-\1", str(error))) from None
    except AutopilotAgentError as error:
        raise pytest.UsageError(f"--autopilot-backend: {error}") from None


def choices_of(config: pytest.Config) -> Choices:
    """What the options say; raises ``InputError``, or ``ServiceUnavailable`` for a server that does not answer."""
    if _KEY not in config.stash:
        option = config.option
        config.stash[_KEY] = Choices(option.autopilot_seed, _cloud(option), tuple(option.autopilot_set))
    return config.stash[_KEY]


def _cloud(option: Namespace) -> Cloud:
    if option.autopilot_backend == "memory" and option.autopilot_ca is None:
        return "memory"
    from autopilot_agent.backends.chosen import ServerOptions, chosen_backend

    ca = Path(option.autopilot_ca) if option.autopilot_ca else None
    return chosen_backend(option.autopilot_backend, ServerOptions(ca=ca), [])
