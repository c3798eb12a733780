"""A PC between two acts, and what its tenant knows of it, as a file; and going on from there as if nothing had been in between.

The file is JSON with a checksum over its content. It holds the device (hardware, network, Windows, disk), the records of the
cloud, the time, and the trace so far, so that a run that goes on ends with the same trace hash as one that never stopped.
What administrators configured is not in it: that is the tenant of the scenario that goes on.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from autopilot_agent import __version__
from autopilot_agent.device import Hardware, NetworkAdapter, Windows
from autopilot_agent.device.csp import CspTree
from autopilot_agent.device.registry import Registry
from autopilot_agent.device.storage import Disk
from autopilot_agent.errors import InputError, Place
from autopilot_agent.events import KINDS, Event
from autopilot_agent.oobe.states import State
from autopilot_agent.scenario.durations import format_duration
from autopilot_agent.scenario.plan import ActEnd, Plan
from autopilot_agent.scenario.saved_cloud import SavedCloud, restore_cloud, save_cloud

if TYPE_CHECKING:
    from autopilot_agent.scenario.loader import LoadedScenario

KIND = "autopilot-agent device"
FORMAT = 2
BEGINS = b'{"kind":"autopilot-agent device"'
"""How every such file begins, whatever its format."""
"""Raised when a file of before cannot be read any more."""
MOST_BYTES = 64_000_000

AnyEvent = KINDS[0]
for _kind in KINDS[1:]:
    AnyEvent = AnyEvent | _kind  # type: ignore[assignment]  # the union of all kinds, told apart by their tags


class SavedDevice(msgspec.Struct):
    """Everything that going on needs; ``now`` in virtual milliseconds, ``last`` the state in which the last act ended."""

    seed: int
    now: int
    last: str
    scenario: str
    hardware: Hardware
    network: NetworkAdapter
    windows: Windows
    disk: Disk
    cloud: SavedCloud
    counts: dict[str, int]
    ends: list[ActEnd]
    links: list[tuple[int, str]]
    screens: list[str]
    trace: list[AnyEvent]  # type: ignore[valid-type]  # the union made above


class _File(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    format: int
    made_by: str
    sha256: str
    content: msgspec.Raw


def save_device(plan: Plan) -> bytes:
    """The PC of a plan that was played, as the bytes of a file. Raises ``InputError`` while something is still due."""
    due = plan.agenda.next_due
    if due is not None:
        left = due - plan.world.now
        raise InputError(
            f"the device cannot be saved yet: something in the cloud is still due in {format_duration(left)}; "
            f"add {{act: wait, for: {-(-left // 60_000)}m}} as the last act."
        )
    content = _encoder.encode(
        SavedDevice(
            plan.clock.seed,
            plan.world.now,
            plan.last.value if plan.last is not None else "",
            plan.scenario.scenario,
            plan.device.hardware,
            plan.device.network,
            plan.device.windows,
            plan.device.disk,
            save_cloud(plan.state),
            plan.world.counts,
            plan.ends,
            plan.links,
            plan.world.screens,
            plan.world.trace,
        )
    )
    file = _File(KIND, FORMAT, __version__, hashlib.sha256(content).hexdigest(), msgspec.Raw(content))
    return msgspec.json.encode(file) + b"\n"


def load_device(data: bytes, name: str) -> SavedDevice:
    """Read such a file; raises ``InputError`` that says what is wrong with it. ``name`` is what the file is called."""
    place = Place(name)
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = "this is no whole device file: it is cut off or something else; save the device again."
        raise InputError(said, place) from None
    if file.kind != KIND:
        raise InputError(f"this is {file.kind[:60]!r}, not a device; give the file that --save-device wrote.", place)
    if file.format != FORMAT:
        raise InputError(
            f"the file has format {file.format}, written by version {file.made_by[:20]}; this version reads format {FORMAT}. "
            "Save the device again with this version.",
            place,
        )
    content = bytes(file.content)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        said = "the content does not fit its checksum: the file was changed or damaged; save the device again."
        raise InputError(said, place)
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError as error:
        said = f"the device cannot be read ({error}); version {file.made_by[:20]} wrote it, save it again with this one."
        raise InputError(said, place) from None


def read_device(path: Path) -> SavedDevice:
    """The same from a file on the disk, of a bounded size."""
    from autopilot_agent.text.text_file import read_bytes

    return load_device(read_bytes(path, MOST_BYTES), path.as_posix())


def write_device(path: Path, data: bytes) -> None:
    """Write the file whole or not at all; raises ``InputError`` when that is impossible."""
    beside = path.with_name(path.name + ".new")
    try:
        if path.exists() and not _is_device(path):
            raise InputError("this file is no saved device and is not written over; choose another name.", Place(str(path)))
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        said = f"the device cannot be saved ({error.strerror or error}); choose another place."
        raise InputError(said, Place(str(path))) from None


def _is_device(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(BEGINS)) == BEGINS


def check_words(loaded: LoadedScenario) -> bool:
    """Whether a scenario that goes on with a saved PC writes a network of its own; ``InputError`` when it describes a PC."""
    written = loaded.document.value.get("device") if isinstance(loaded.document.value, dict) else None
    if isinstance(written, dict) and set(written) - {"network"}:
        said = "the PC comes from the device file; of 'device' only 'network' can be written here, remove the rest."
        raise InputError(said, loaded.document.place(("device",), key=True))
    return bool(written)


def resume(plan: Plan, saved: SavedDevice, *, other_network: bool = False) -> None:
    """Put a saved PC into a plan that was not played yet; ``other_network`` keeps the network of the plan."""
    world, device = plan.world, plan.device
    device.hardware, device.windows, device.disk = saved.hardware, saved.windows, saved.disk
    for app, name in plan.device.disk.app_names.items():
        device.disk.app_names.setdefault(app, name)
    links = list(saved.links)
    if other_network:
        links.append((len(saved.trace), device.network.kind))
    else:
        device.network = saved.network
    restore_cloud(plan.state, saved.cloud)
    world.trace[:] = saved.trace
    world.screens[:] = saved.screens
    world.counts.update(saved.counts)
    plan.ends, plan.links = list(saved.ends), links
    plan.last = State(saved.last) if saved.last else None
    device.memory.profile = saved.disk.profile  # a page that waits for somebody still shows what it showed
    plan.resumed_at = len(saved.trace)
    plan.clock.begin_at(saved.now)


def _encode(value: Any) -> Any:
    if isinstance(value, CspTree | Registry):
        return value.dump()
    raise NotImplementedError(type(value).__name__)  # what msgspec expects of a hook for a type it does not know


def _decode(kind: type, value: Any) -> Any:
    if kind in (CspTree, Registry):
        return kind.load(value)
    raise NotImplementedError(kind.__name__)


_encoder = msgspec.json.Encoder(enc_hook=_encode)
_decoder = msgspec.json.Decoder(SavedDevice, dec_hook=_decode)

__all__ = ["Event", "SavedDevice", "check_words", "load_device", "read_device", "resume", "save_device", "write_device"]
