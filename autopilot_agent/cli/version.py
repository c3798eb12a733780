"""``--version --verbose``: what this installation is made of, for reports of bugs."""

from __future__ import annotations

import platform
import re
import sys
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from autopilot_agent import __version__

PACKAGE = "autopilot-agent"
USERS = ("walk", "wire", "serve")
"""Extras that change what the program can do."""


def line() -> str:
    """Name and version."""
    return f"{PACKAGE} {__version__}"


def facts() -> str:
    """The version, and below it Python, platform, rulebook, and which optional packages are here."""
    from autopilot_agent import rulebook
    from autopilot_agent.events import SCHEMA_VERSION

    found = {
        "Python": f"{platform.python_implementation()} {platform.python_version()} ({64 if sys.maxsize > 2**32 else 32} bit)",
        "platform": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "rulebook": _rulebook(rulebook.HERE),
        "trace": f"schema {SCHEMA_VERSION}",
    }
    needed = _requirements()
    found["packages"] = ", ".join(_shown(name) for name in needed.get("", ()))
    for extra in USERS:
        names = needed.get(extra, ())
        complete = all(_version(name) for name in names)
        note = "" if complete else f"; not complete: pip install {PACKAGE}[{extra}]"
        found[f"extra {extra}"] = ", ".join(_shown(name) for name in names) + note if names else "not known"
    size = max(map(len, found))
    return "\n".join([line(), *(f"  {name:{size}}  {value}".rstrip() for name, value in found.items())])


def _rulebook(folder: Path) -> str:
    """How many rows its tables have, and one hash over all of them; whatever the line ends of the checkout are."""
    digest, rows = sha256(), 0
    for table in sorted(folder.glob("*.jsonl"), key=lambda one: one.name):
        data = table.read_bytes()
        rows += data.count(b"\n")
        digest.update(table.name.encode() + b"\n" + b" ".join(data.split()) + b"\n")
    return f"{rows} rows, sha256 {digest.hexdigest()[:16]}"


def _requirements() -> dict[str, list[str]]:
    """Names of required packages by extra, "" for those always needed; nothing where the package is not installed."""
    found: dict[str, list[str]] = {}
    try:
        lines = requires(PACKAGE) or []
    except PackageNotFoundError:
        return found
    for text in lines:
        name = re.match(r"[A-Za-z0-9._-]+", text)
        extra = re.search(r"extra\s*==\s*[\"']([^\"']+)", text)
        inner = re.match(rf"{PACKAGE}\[([^\]]+)\]", text)
        key = extra[1] if extra else ""
        if inner:
            found.setdefault(key, []).extend(found.get(inner[1], []))
        elif name:
            found.setdefault(key, []).append(name[0])
    return found


def _shown(name: str) -> str:
    return f"{name} {_version(name) or 'missing'}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
