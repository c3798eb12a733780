"""A run as a golden trace: one line for each fact and each event, the same whenever, wherever and however it was written.

What is in it comes from the run alone: no date, no path, no title, and nothing that looks like a secret. Times are those since
the line before, so that a wait that became longer changes one line and not all that follow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import unified_diff

from autopilot_agent.events import Event, StateEntered
from autopilot_agent.reports.printable import printable
from autopilot_agent.scenario.run import Result, Run

FORMAT = 1
BEGINS = "# A golden trace of autopilot-agent"
FACTS = ("mode", "seed", "flow", "end_state", "outcome", "join", "mdm_enrolled", "device_name", "reboots")
MOST_LINES = 40
"""Lines of a difference that are shown."""
REDACTED = "<redacted>"
_SECRETS = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)", re.DOTALL),
        (r"\beyJ[A-Za-z0-9_-]{10,}(\.[A-Za-z0-9_-]*){1,4}", 0),  # a token in JSON's web form
        (r"(?<![./%\w])[A-Za-z0-9+/_-]{80,}={0,2}(?![\w/.])", 0),  # base64; no LocURI: those begin with a dot
        (r"\b[0-9A-Fa-f]{40,}\b", 0),  # a thumbprint or a key
        (r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)", 0),  # user and password of an address
    )
)
_NAMED = re.compile(r"(?i)(\b(?:password|passwd|pwd|(?:client_)?secret|(?:access|refresh|id)_token)\b\s*[=:]\s*)[^\s,;]+")
_BARE = re.compile(r"[^\s\"=\[\]{},]+")


def snapshot(run: Run, name: str) -> str:
    """The text of a golden trace; ``name`` is what the file is called in its first line."""
    lines = [f"{BEGINS}, format {FORMAT}: {_safe(name)}", "# Seconds since the line before, what happened, and [the rule].", ""]
    lines += [_fact(key, getattr(run.result, key)) for key in FACTS]
    lines += _ending(run.result)
    lines += _events(run.events)
    return "\n".join(lines) + "\n"


def redacted(text: str) -> str:
    """The text without what looks like a certificate, a key, a token or a password."""
    for pattern in _SECRETS:
        text = pattern.sub(REDACTED, text)
    return _NAMED.sub(rf"\1{REDACTED}", text)


def differences(kept: str, now: str, name: str) -> list[str]:
    """What differs between a kept trace and a new one, as a unified difference; what is beyond ``MOST_LINES`` is counted."""
    before, after = kept.replace("\r\n", "\n").split("\n"), now.split("\n")
    found = list(unified_diff(before, after, f"{name} (kept)", f"{name} (now)", lineterm="", n=2))
    left = len(found) - MOST_LINES
    return [*found[:MOST_LINES], f"... and {left} more lines"] if left > 1 else found


def _fact(name: str, value: object) -> str:
    shown = str(value).lower() if isinstance(value, bool) else _safe(str(value))
    return f"{name:14} {shown}".rstrip()


def _ending(result: Result) -> Iterator[str]:
    yield _fact("seconds", f"{result.virtual_seconds:.3f}")
    error = result.error
    if error is not None:
        parts = {"code": error.code, "step": error.step, "rule": error.rule}
        yield _fact("error", " ".join(f"{key}={_word(value)}" for key, value in parts.items() if value))
    for name, state in sorted(result.apps.items()):
        yield _fact("app", f"{_word(name)} {_word(state)}")
    for act in result.acts if len(result.acts) > 1 else ():
        yield _fact("act", f"{_word(act.act)} end_state={_word(act.end_state)} seconds={act.seconds:.3f}")


def _events(events: list[Event]) -> Iterator[str]:
    before = 0
    for event in events:
        if isinstance(event, StateEntered):
            yield ""
        yield event_line(event, event.at - before)
        before = event.at


def event_line(event: Event, gap: int) -> str:
    """One event, ``gap`` milliseconds after the one before: its kind, its first field, the others that say something."""
    fields = [name for name in event.__struct_fields__ if name not in ("seq", "at", "rule")]
    kind = str(event.__struct_config__.tag)
    parts = [_word(getattr(event, fields[0]))] if fields else []
    defaults = dict(zip(event.__struct_fields__[::-1], event.__struct_defaults__[::-1], strict=False))
    for name in fields[1:]:
        value = getattr(event, name)
        if name not in defaults or value != defaults[name]:
            parts.append(f"{name}={_word(value)}")
    rule = f" [{_safe(event.rule)}]" if event.rule else ""
    return f"{gap / 1000:+10.3f}  {kind:15} {' '.join(parts)}{rule}"


def _word(value: object) -> str:
    """A value as one word: as it is, or quoted as in JSON where it has blanks or would be taken for something else."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_word(one) for one in value) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    text = redacted(value)
    return text if _BARE.fullmatch(text) and printable(text) == text else printable(json.dumps(text, ensure_ascii=False))


def _safe(text: str) -> str:
    return printable(redacted(text))
