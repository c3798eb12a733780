"""What the command line of pytest chooses for every scenario: seed, backend, values that are set."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from autopilot_agent.errors import AutopilotAgentError, InputError
from autopilot_agent.pytest_plugin import HOSTS
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
_OURS = re.compile(r"(?<!\S)--(ca|backend|allow-host)\b")
"""Options that are named otherwise here than for ``run``."""


def check_options(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` for options that mean nothing."""
    try:
        parse_settings(config.option.autopilot_set, SET)
        choices_of(config)
    except InputError as error:
        raise pytest.UsageError(named_here(str(error))) from None
    except AutopilotAgentError as error:
        raise pytest.UsageError(f"--autopilot-backend: {error}") from None


def named_here(text: str) -> str:
    """A sentence with the options as pytest knows them."""
    return _OURS.sub(r"--autopilot-\1", text)


def choices_of(config: pytest.Config) -> Choices:
    """What the options say; raises ``InputError``, or ``ServiceUnavailable`` for a server that does not answer."""
    if _KEY not in config.stash:
        option = config.option
        config.stash[_KEY] = Choices(option.autopilot_seed, cloud_of(config), tuple(option.autopilot_set))
    return config.stash[_KEY]


def cloud_of(config: pytest.Config, named: str | None = None) -> Cloud:
    """The cloud that a test names, else that of the options; what belongs to a server is for whichever is one."""
    option = config.option
    name: str = named or option.autopilot_backend
    hosts, ca = list(option.autopilot_allow_host), Path(option.autopilot_ca) if option.autopilot_ca else None
    if name == "memory" and (named or not (hosts or ca)):
        return "memory"
    from autopilot_agent.backends.chosen import ServerOptions, chosen_backend

    server = name.lower().startswith(("http:", "https:"))
    if server:
        hosts += config.getini(HOSTS)  # these are facts about a project: they ask for no server
    given = ServerOptions(ca=ca, allow_host=hosts) if server or not named else ServerOptions()
    return chosen_backend(name, given, [])
