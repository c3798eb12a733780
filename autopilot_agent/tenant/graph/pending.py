"""A resource on its way into the TenantData, and the ids of those that have none."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .base import Entity
from .kinds import Kind
from .source import JsonPath, Source


class Pending(msgspec.Struct):
    """A resource that was read and may still be completed by what is read later.

    ``raw`` is what properties are read from, ``whole`` the resource as it was written; ``amended`` names the properties that
    a scenario changed afterwards.
    """

    entity: Entity
    collection: str
    raw: Mapping[str, object]
    source: Source
    path: JsonPath
    kind: Kind
    whole: Mapping[str, object]
    amended: frozenset[str] = frozenset()


def made_up_id(*words: str) -> str:
    """A GUID that depends only on the words, for resources whose export dropped the id."""
    import hashlib  # most input has ids

    digest = hashlib.sha256("\n".join(words).casefold().encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
