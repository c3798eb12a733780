"""The scenario file as one type; its parts are in ``parts`` and ``act_specs``."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from autopilot_agent.scenario.act_specs import ActSpec
from autopilot_agent.scenario.parts import (
    Answer,
    AnswerSpec,
    CloudSpec,
    DeviceSpec,
    Duration,
    ExpectSpec,
    FaultSpec,
    Happening,
    InstallerSpec,
    NetworkSpec,
    Strict,
    UpdateSpec,
    WindowsUpdateSpec,
)

__all__ = [
    "MODES",
    "Answer",
    "AnswerSpec",
    "CloudSpec",
    "DeviceSpec",
    "Duration",
    "ExpectSpec",
    "FaultSpec",
    "Happening",
    "InstallerSpec",
    "Mode",
    "NetworkSpec",
    "Scenario",
    "UpdateSpec",
    "WindowsUpdateSpec",
]

Mode = Literal[
    "user-driven", "ordinary-oobe", "hybrid", "self-deploying", "pre-provisioned", "existing-device", "lifecycle"
]
MODES: tuple[str, ...] = Mode.__args__  # type: ignore[attr-defined]  # a Literal's choices
NOT_REGISTERED = ("ordinary-oobe", "existing-device")
"""Modes of a device that nobody registered, unless the scenario says otherwise."""
USUAL_ACTS: dict[str, tuple[str, ...]] = {"pre-provisioned": ("technician", "reseal", "ship", "user")}
"""The acts of a mode that does not write any; the others have one, ``provision``."""


class Scenario(Strict):
    """One scenario. ``include`` and ``matrix`` are gone from it once its file is read: it is one case, put together.

    ``root`` takes no defaults from the folders; ``skip`` and ``xfail`` are the reason why it is not played, or fails.
    """

    scenario: str
    include: list[str] | str | None = None
    matrix: list[dict[str, Any]] | dict[str, list[Any]] | None = None
    root: bool = False
    skip: str | None = None
    xfail: str | None = None
    mode: Mode = "user-driven"
    teaches: str = ""
    source: str = ""
    tags: list[str] = msgspec.field(default_factory=list)
    seed: int = 1
    device: DeviceSpec = msgspec.field(default_factory=DeviceSpec)
    tenant: dict[str, Any] = msgspec.field(default_factory=dict)
    cloud: CloudSpec = msgspec.field(default_factory=CloudSpec)
    windows_update: WindowsUpdateSpec = msgspec.field(default_factory=WindowsUpdateSpec)
    installers: dict[str, InstallerSpec] = msgspec.field(default_factory=dict)
    person: dict[str, Answer | list[Answer]] = msgspec.field(default_factory=dict)
    faults: list[FaultSpec] = msgspec.field(default_factory=list)
    happenings: list[Happening] = msgspec.field(default_factory=list)
    acts: list[str | ActSpec] | None = None
    assumptions: dict[str, str] = msgspec.field(default_factory=dict)
    expect: ExpectSpec = msgspec.field(default_factory=ExpectSpec)

    @property
    def registered(self) -> bool:
        """Whether somebody registered the device before the first act."""
        written = self.device.registered
        return self.mode not in NOT_REGISTERED if written is None else written
