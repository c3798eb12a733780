"""Whether a device asks again what it asked when a recording was made.

What is compared is what a recording keeps: method, URL, certificate shown, headers and body, without secrets. Keys are new for
every device, so what is made with them is left out; what a person typed is compared by the three digits that were kept of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autopilot_agent.backends.recorded import Exchange

_VARIES = re.compile(
    r"(<(?:[\w.-]+:)?BinarySecurityToken\b)[^>]*>[^<]*"  # a certificate request, or a token to enrol with
    r'|("pkcs10","Data":")[^"]*|("(?:TransportKey|SignedBlob|kngc)":")[^"]*'  # keys, and what is signed with them
    r"|(<NextNonce\b[^>]*>)[^<]*"  # made from a secret that is not kept
    r"|(AADUserToken</Type></Meta><Data>)[^<]*"  # of a user whose tokens are those of the recording
    r"|(\.)\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"  # the real time, for a server that is not ours
)
BEFORE, AFTER = 12, 36
"""Characters of an excerpt around the first that differs."""


def misfit(asked: Exchange, kept: Exchange) -> str:
    """What differs between a request and the recorded one, for a sentence; "" where they fit."""
    pairs = [
        ("address", asked.url, kept.url),
        ("certificate", asked.certificate, kept.certificate),
        ("typed password or proof", asked.typed, kept.typed or asked.typed),  # nothing kept: by an earlier version
        *_headers(asked.request_headers, kept.request_headers),
        ("body", _lasting(asked), _lasting(kept)),
    ]
    for what, now, then in pairs:
        if now != then:
            return f"its {what} is another one" if what.startswith("typed") else f"its {what} has {_excerpts(now, then)}"
    return ""


def _headers(asked: dict[str, str], kept: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(f"header {name}", asked.get(name, ""), kept.get(name, "")) for name in dict.fromkeys((*asked, *kept))]


def _lasting(one: Exchange) -> str:
    """The body without what is another one in every run."""
    if one.request_base64:
        return one.request_body
    return _VARIES.sub(lambda found: next(group for group in found.groups() if group is not None), one.request_body)


def _excerpts(now: str, then: str) -> str:
    at = next((at for at, (one, other) in enumerate(zip(now, then, strict=False)) if one != other), min(len(now), len(then)))
    here, there = (text[max(0, at - BEFORE) : at + AFTER] for text in (now, then))
    return f"{here!r} where the recording has {there!r}"
