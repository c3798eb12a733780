"""The one loader of what we claim about Windows: rules, faults, error codes, durations, screens, events, all as data.

Each table is a JSON Lines file beside this module, read when first asked for. A row that cites no source, or an id that
stands twice, is a defect that a test finds; lookups of unknown ids raise ``KeyError``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

HERE = Path(__file__).parent
_HRESULT, _NUMBER = re.compile("0x[0-9A-F]{8}"), re.compile(r"\b[0-9]{3}\b")
Grade = Literal["documented", "observed", "assumed"]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One modelled behaviour: what, how sure we are, where it is written, in which modes it counts."""

    id: str
    statement: str
    grade: Grade
    source: str
    modes: tuple[str, ...] = ()


class FaultRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the failure catalogue (flows.md, section 9)."""

    id: str
    symptom: str
    code: str
    modes: tuple[str, ...]
    step: str
    cause: str
    next: str
    fix: str
    retry: Literal["useful", "after-fix", "needs-hardware", "needs-reset", "useless", "none"]
    grade: Grade
    source: str


class Injection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a named fault is brought about: changes to the scenario (``change``) and calls that misbehave (``calls``).

    ``change`` maps a dotted path of the scenario model, or ``tenant.<what>``, to a value; see ``scenario/faults.py``.
    """

    id: str
    change: dict[str, object] = {}
    calls: list[dict[str, object]] = []
    note: str = ""


def needs_of(injection: Injection) -> str:
    """What a fault needs of the scenario before it can strike: the end of its note; "" when it always can."""
    at = injection.note.casefold().rfind("needs ")
    return injection.note[at + len("needs ") :].rstrip(".") if at >= 0 else ""


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One meaning of an error code as a person meets it (diagnostics.md, section 3).

    ``at`` names the steps, or the rules behind a failure, where it means this; a row without counts wherever no other does.
    """

    code: str
    name: str
    area: str
    meaning: str
    cause: str
    remedy: str
    retry: Literal["yes", "after-fix", "no", ""]
    source: str
    at: tuple[str, ...] = ()


class Duration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long something takes, in seconds; a null bound is open (flows.md, section 10)."""

    id: str
    what: str
    typical: float | None
    minimum: float | None
    maximum: float | None
    grade: Grade
    source: str


class Screen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One page of OOBE as Windows shows it (flows.md, section 2.2).

    ``choices`` are the buttons that some version of it has, ``actions`` what can be done there without a button, and
    ``windows_10`` is its title there where that is another one.
    """

    id: str
    title: str
    text: str
    choices: tuple[str, ...]
    fields: tuple[str, ...]
    grade: Grade
    source: str
    actions: tuple[str, ...] = ()
    windows_10: str = ""


class Invariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One statement that no run may break (flows.md, section 12)."""

    id: str
    statement: str
    applies: tuple[str, ...]


class OpenQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A point on which the sources disagree, and the model chosen (flows.md, section 11)."""

    id: str
    question: str
    positions: str
    model: str


class WindowsEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event id of a Windows log channel."""

    channel: str
    id: int
    level: Literal["information", "warning", "error"]
    meaning: str
    source: str


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place that rules cite by a short key."""

    key: str
    where: str


class Uncovered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule, an edge (``state outcome``), a screen or a button (``page: choice``) that no scenario can exercise, and why."""

    id: str
    reason: str


class RebootUri(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy URI, as a LocURI prefix, whose change asks for a coalesced reboot."""

    uri: str
    why: str
    source: str


Fate = Literal["kept", "removed", "unstated"]
"""What a reset does to an aspect where no other word is needed."""


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to empty a PC or to let it go, aspect by aspect (flows.md, section 8).

    ``unstated``: the sources are silent; a new Windows then comes without it, one that stays keeps it. ``assumed`` names the
    aspects that are our reading. ``command`` is the LocURI whose Exec carries the order, "" for what nobody orders from afar;
    ``windows`` says whether Windows is laid out anew.
    """

    id: str
    title: str
    rule: str
    started_by: Literal["local administrator", "Intune administrator", "imaging", "person at the page"]
    command: str
    windows: Literal["new", "same"]
    oobe_afterwards: Literal["yes", "no"]
    profile_applied: Literal["yes", "no"]
    profile_cache: Fate
    user_accounts: Fate
    user_files: Literal["kept", "removed", "company removed", "unstated"]
    apps: Literal["removed", "preinstalled kept", "managed removed", "unstated"]
    settings: Fate
    wifi: Fate
    locale: Literal["kept", "restored", "asked", "unstated"]
    packages: Fate
    entra_join: Fate
    entra_record: Fate
    mdm_enrolment: Fate
    scep_certificates: Literal["kept", "removed", "revoked", "unstated"]
    primary_user: Literal["kept", "cleared", "unstated"]
    sync_before_desktop: Literal["enforced", "by the ESP", "unstated"]
    esp_tracks_apps: Literal["yes", "no", "unstated"]
    device_name: Literal["kept", "new", "unstated"]
    bitlocker: Literal["kept", "decrypted", "unstated"]
    winre: Literal["needed", "not needed"]
    hybrid: Literal["supported", "refused", "unstated"]
    propagation: Literal["at once", "check-in", "push"]
    assumed: tuple[str, ...]
    grade: Grade
    source: str


RESET_ASPECTS = tuple(
    name for name in Reset.__struct_fields__ if name not in ("id", "title", "rule", "command", "assumed", "grade", "source")
)
"""The columns of the table of resets that say what happens."""


class Exercise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hidden fault to be found by whoever sits in front of the PC; ``others`` are the wrong answers that are offered."""

    id: str
    fault: str
    mode: str
    story: str
    others: tuple[str, ...]
    hints: tuple[str, ...]


Row = TypeVar("Row", bound=msgspec.Struct)


def read_table(name: str, row: type[Row]) -> list[Row]:
    """Read ``<name>.jsonl`` as rows; a broken line raises ``ValueError`` with file and line."""
    path = HERE / f"{name}.jsonl"
    data = path.read_bytes()
    try:
        return msgspec.json.Decoder(row).decode_lines(data)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path.name}: {error}") from error


@cache
def rules() -> dict[str, Rule]:
    """All rules by id, the failure catalogue's rows among them (a fault is a rule with a cause)."""
    table = {row.id: row for row in read_table("rules", Rule)}
    for fault in faults().values():
        statement = f"{fault.symptom}: {fault.cause}. {fault.next}"
        table[fault.id] = Rule(fault.id, statement, fault.grade, fault.source, fault.modes)
    return table


@cache
def faults() -> dict[str, FaultRow]:
    """The failure catalogue by id ("F-26")."""
    return {row.id: row for row in read_table("faults", FaultRow)}


@cache
def codes_of_fault(fault: str) -> tuple[str, ...]:
    """The codes that a row of the catalogue is about, its usual one first; none where the row names no code."""
    row = faults()[fault]
    if not row.code:
        return ()
    others = _HRESULT.findall(row.symptom) if row.code.startswith("0x") else _NUMBER.findall(row.symptom)
    return tuple(dict.fromkeys([row.code, *others]))


RETRY_HELPS = {"useful": True, "yes": True, "none": None, "": None}
"""What each word for a retry says in the json of ``run``; the rest do not help."""


@cache
def injections() -> dict[str, Injection]:
    """How each fault that can be asked for by name is brought about, by id."""
    return {row.id: row for row in read_table("injections", Injection)}


@cache
def exercises() -> dict[str, Exercise]:
    """Exercises by id ("EX-01")."""
    return {row.id: row for row in read_table("exercises", Exercise)}


@cache
def codes() -> dict[str, Code]:
    """Error codes by normalised code; the first row of a code that stands in several tables wins."""
    table: dict[str, Code] = {}
    for row in read_table("codes", Code):
        table.setdefault(row.code, row)
    return table


@cache
def durations() -> dict[str, Duration]:
    """Durations by id, in seconds."""
    return {row.id: row for row in read_table("durations", Duration)}


@cache
def screens() -> dict[str, Screen]:
    """OOBE pages by id ("REGION")."""
    return {row.id: row for row in read_table("screens", Screen)}


@cache
def invariants() -> dict[str, Invariant]:
    """Invariants by id ("I-01")."""
    return {row.id: row for row in read_table("invariants", Invariant)}


@cache
def questions() -> dict[str, OpenQuestion]:
    """Open questions by id ("Q-02")."""
    return {row.id: row for row in read_table("questions", OpenQuestion)}


@cache
def windows_events() -> dict[tuple[str, int], WindowsEvent]:
    """Windows event ids by channel and id."""
    return {(row.channel, row.id): row for row in read_table("events", WindowsEvent)}


@cache
def uncovered() -> dict[str, Uncovered]:
    """What no scenario can exercise, by id; the list may only shrink."""
    return {row.id: row for row in read_table("uncovered", Uncovered)}


@cache
def sources() -> dict[str, str]:
    """Where each source key of the rulebook leads."""
    return {row.key: row.where for row in read_table("sources", Source)}


def cited_sources(text: str) -> list[tuple[str, str]]:
    """The keys of a ``source`` text with where they lead: ``ap-tf, oof-ud/C`` and ``protocols 13.4 [documented]`` alike."""
    found: list[tuple[str, str]] = []
    for part in text.split(","):
        key = part.strip().split("/")[0].strip()
        where = sources().get(key) or sources().get(key.split(" ")[0])
        if where is not None:
            found.append((part.strip(), where))
    return found


@cache
def reboot_uris() -> tuple[RebootUri, ...]:
    """Policy URIs that ask for a reboot when they change during device setup."""
    return tuple(read_table("reboot_uris", RebootUri))


@cache
def resets() -> dict[str, Reset]:
    """Every kind of reset by id; the ids that an administrator can order are the values of ``RemoteAction``."""
    return {row.id: row for row in read_table("resets", Reset)}


def normalised_code(text: str) -> str:
    """``80180014``, ``0x80180014``, ``-2145910764`` and ``2149056532`` all name 0x80180014; other text comes back as it is."""
    raw = text.strip()
    lowered = raw.lower()
    try:
        if lowered.startswith("0x"):
            return f"0x{int(lowered, 16) & 0xFFFFFFFF:08X}"
        if len(lowered) == 8 and lowered[0] in "8c0" and all(c in "0123456789abcdef" for c in lowered):
            return f"0x{int(lowered, 16):08X}"
        number = int(lowered)
    except ValueError:
        return raw
    if number < 0 or number > 0x7FFFFFFF:
        return f"0x{number & 0xFFFFFFFF:08X}"
    return raw
