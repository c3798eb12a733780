"""Calls of the Intune Management Extension to its gateway ("Sidecar"): selected apps, required apps, content, results."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from autopilot_agent.service.base import Answer, Call, Done

IME_PRODUCT = "{3FA85F64-0000-4000-8000-494D45000001}"
"""Product code of IntuneWindowsAgent.msi in this simulation; the real one changes with each version."""


class FileRule(msgspec.Struct, frozen=True, gc=False):
    """A detection or requirement rule; ``kind`` is file_system, registry, product_code or script, the rest as in Graph."""

    kind: str
    path: str = ""
    name: str = ""
    operation: str = "exists"
    operator: str = "notConfigured"
    value: str = ""


class Win32App(msgspec.Struct, frozen=True, gc=False):
    """One app as the gateway describes it. ``context`` is system or user, ``target`` device or user.

    ``return_codes`` are (exit code, meaning) pairs; ``dependencies`` are (app id, detect or autoInstall) pairs;
    ``milliseconds`` is the per-app limit; ``untracked`` tells one that no status page ever waits for.
    """

    id: str
    name: str
    version: int
    context: str
    target: str
    command_line: str
    milliseconds: int
    kind: str = "win32LobApp"
    restart_behavior: str = "basedOnReturnCode"
    detection: tuple[FileRule, ...] = ()
    requirements: tuple[FileRule, ...] = ()
    architectures: tuple[str, ...] = ()
    minimum_build: int = 0
    minimum_disk_mb: int = 0
    minimum_memory_mb: int = 0
    minimum_processors: int = 0
    minimum_mhz: int = 0
    return_codes: tuple[tuple[int, str], ...] = ()
    dependencies: tuple[tuple[str, str], ...] = ()
    size: int = 0
    msi: bool = False
    untracked: bool = False


class Apps(Answer, frozen=True, gc=False):
    """Apps that the gateway knows for this device or user; dependencies of listed apps are in ``others``."""

    apps: tuple[Win32App, ...] = ()
    others: tuple[Win32App, ...] = ()


class GetSelectedApps(Call[Apps], frozen=True, gc=False):
    """Which apps the ESP waits for in this ``phase`` (device or account)."""

    host: ClassVar[str] = "manage.microsoft.com"
    rule: ClassVar[str] = "MDM-SELECTED-APPS"

    enrolment_id: str
    phase: str
    user_id: str = ""


class GetRequiredApps(Call[Apps], frozen=True, gc=False):
    """All required apps, tracked or not."""

    host: ClassVar[str] = "manage.microsoft.com"
    rule: ClassVar[str] = "NET-INTUNE"

    enrolment_id: str
    user_id: str = ""


class Script(msgspec.Struct, frozen=True, gc=False):
    """A platform script; ``context`` is system or user."""

    id: str
    name: str
    context: str


class Scripts(Answer, frozen=True, gc=False):
    """Platform scripts to run once."""

    scripts: tuple[Script, ...] = ()


class GetScripts(Call[Scripts], frozen=True, gc=False):
    """Platform scripts of the device (and user); they are never tracked by the ESP."""

    host: ClassVar[str] = "manage.microsoft.com"
    rule: ClassVar[str] = "APP-SCRIPTS"

    enrolment_id: str
    user_id: str = ""


class ContentInfo(Answer, frozen=True, gc=False):
    """Where an app's content lies, and its size in bytes."""

    url: str
    size: int


class GetContentInfo(Call[ContentInfo], frozen=True, gc=False):
    """Ask where an app's package is and for the key to decrypt it."""

    host: ClassVar[str] = "manage.microsoft.com"
    rule: ClassVar[str] = "NET-INTUNE"

    enrolment_id: str
    app_id: str


class ReportAppResult(Call[Done], frozen=True, gc=False):
    """Win32AppResult: ``state`` is installed, failed, notApplicable or pendingReboot; ``code`` an exit code or HRESULT."""

    host: ClassVar[str] = "manage.microsoft.com"
    rule: ClassVar[str] = "NET-INTUNE"

    enrolment_id: str
    app_id: str
    state: str
    code: str
