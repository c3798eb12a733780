"""Detection and requirement rules of Win32 apps, evaluated on the device's disk (formats.md 1.8)."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.oobe.world import Installer
from autopilot_agent.service.ime import FileRule, Win32App

NOT_THERE = ("doesNotExist",)


def detected(app: Win32App, device: Device) -> bool:
    """Whether every detection rule finds what it looks for; an app without rules is never detected before it is installed."""
    if not app.detection:
        return f"app:{app.id}" in device.disk.products
    return all(_met(rule, device, app.id) for rule in app.detection)


def leave_traces(app: Win32App, device: Device) -> None:
    """What a good installer leaves behind: exactly what the app's detection rules look for."""
    device.disk.products.add(f"app:{app.id}")
    for rule in app.detection:
        if rule.kind == "product_code":
            device.disk.products.add(rule.path)
        elif rule.operation in NOT_THERE:
            if rule.kind == "file_system":
                device.disk.files.pop(_path(rule), None)
            elif rule.kind == "registry":
                device.disk.registry.delete(rule.path)
        elif rule.kind == "registry":
            device.disk.registry.set(rule.path, rule.name or "(default)", _fitting(rule))
        elif rule.kind == "file_system":
            device.disk.files[_path(rule)] = _fitting(rule)


def _fitting(rule: FileRule) -> str:
    """A value that the rule accepts."""
    if rule.operator == "greaterThan":
        return f"{rule.value}.1"
    if rule.operator == "lessThan":
        return "0"
    return f"{rule.value} (another)" if rule.operator == "notEqual" else rule.value


def unmet_requirement(app: Win32App, device: Device, installer: Installer) -> str:
    """The first requirement that the device does not meet, in words, or ""."""
    hardware, windows = device.hardware, device.windows
    if app.architectures and hardware.architecture not in app.architectures and "neutral" not in app.architectures:
        return f"needs {' or '.join(app.architectures)}, the PC is {hardware.architecture}"
    if app.minimum_build and windows.number < app.minimum_build:
        return f"needs Windows build {app.minimum_build}, the PC has {windows.number}"
    if app.minimum_disk_mb > device.disk.free_mb:
        return f"needs {app.minimum_disk_mb} MB of free disk, {device.disk.free_mb} MB are free"
    if app.minimum_memory_mb > hardware.memory_mb:
        return f"needs {app.minimum_memory_mb} MB of memory, the PC has {hardware.memory_mb} MB"
    if app.minimum_processors > hardware.processors:
        return f"needs {app.minimum_processors} processors, the PC has {hardware.processors}"
    if app.minimum_mhz > hardware.processor_mhz:
        return f"needs {app.minimum_mhz} MHz, the PC has {hardware.processor_mhz} MHz"
    for rule in app.requirements:
        if rule.kind == "script":
            actual = installer.requirement_script
            if actual is not None and not _compare(actual, rule.operator, rule.value):
                return f"the requirement script says {actual!r}"
        elif not _met(rule, device, app.id):
            return f"the requirement on {_path(rule)} is not met"
    return ""


def _path(rule: FileRule) -> str:
    return f"{rule.path}\\{rule.name}" if rule.name else rule.path


def _met(rule: FileRule, device: Device, app_id: str) -> bool:
    disk = device.disk
    if rule.kind == "product_code":
        return rule.path in disk.products
    if rule.kind == "script":
        return f"app:{app_id}" in disk.products
    if rule.kind == "registry":
        value = disk.registry.get(rule.path, rule.name or "(default)")
        there = value is not None or (not rule.name and disk.registry.has(rule.path))
    else:
        found = disk.files.get(_path(rule))
        value, there = found, found is not None
    if rule.operation in NOT_THERE:
        return not there
    if not there:
        return False
    if rule.operation in ("exists", "notConfigured"):
        return True
    return _compare(str(value), rule.operator, rule.value)


def _compare(actual: str, operator: str, wanted: str) -> bool:
    left: object
    right: object
    try:
        left, right = _version(actual), _version(wanted)
    except ValueError:
        left, right = actual, wanted
    if operator in ("equal", "notConfigured"):
        return left == right
    if operator == "notEqual":
        return left != right
    less, same = left < right, left == right  # type: ignore[operator]  # both are of one kind, see above
    return {
        "greaterThan": not less and not same,
        "greaterThanOrEqual": not less,
        "lessThan": less,
        "lessThanOrEqual": less or same,
    }.get(operator, False)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.strip().split("."))
