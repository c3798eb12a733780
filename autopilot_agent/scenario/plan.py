"""From a scenario to everything a run needs: device, tenant state, person, faults, clock."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from autopilot_agent.backends.faults import CallFault, FaultPlan, FaultyBackend
from autopilot_agent.backends.registry import make_backend
from autopilot_agent.clock import Clock
from autopilot_agent.device import Device, Hardware, NetworkAdapter, Tpm, Windows
from autopilot_agent.device.windows import PRODUCT_INFO
from autopilot_agent.errors import InputError
from autopilot_agent.oobe.flow import Flow
from autopilot_agent.oobe.modes import flow_for
from autopilot_agent.oobe.person import Reply, ScriptedPerson
from autopilot_agent.oobe.world import World
from autopilot_agent.scenario.durations import parse_duration, parse_signed_duration
from autopilot_agent.scenario.faults import apply_faults
from autopilot_agent.scenario.installers import installers_of
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.model import (
    Answer,
    AnswerSpec,
    CloudSpec,
    DeviceSpec,
    NetworkSpec,
    Scenario,
    UpdateSpec,
)
from autopilot_agent.scenario.tenants import tenant_of
from autopilot_agent.service import Backend
from autopilot_agent.service.network import Update
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.directory import User
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.state import Conditions, TenantState
from autopilot_agent.tenant.targeting import Targeting

DEFAULT_USER = "user1@contoso.example"


class Plan(msgspec.Struct):
    """One run, ready to go. ``named_faults`` are the catalogue rows that must strike."""

    scenario: Scenario
    flow: Flow
    clock: Clock
    device: Device
    state: TenantState
    person: ScriptedPerson
    world: World
    calls: list[CallFault]
    named_faults: tuple[str, ...]
    notices: tuple[str, ...]


def make_plan(
    loaded: LoadedScenario,
    *,
    seed: int | None = None,
    speed: float | None = None,
    shortcut: bool = True,
    backend: str | Callable[[TenantState], Backend] = "memory",
) -> Plan:
    """Put a run together. Raises ``InputError`` with a place for what cannot be."""
    scenario, calls, blocked = apply_faults(loaded.scenario)
    if scenario.tenant != loaded.scenario.tenant:  # a fault brought resources of its own
        data = tenant_of(msgspec.structs.replace(loaded, scenario=scenario))
    else:
        data = tenant_of(loaded)
    clock = Clock(scenario.seed if seed is None else seed, speed=speed, shortcut=shortcut)
    device = _device(scenario.device, blocked, loaded)
    notices = [f"{notice.place}: {notice.text}" for notice in data.notices]
    users = _users(scenario, data, clock)
    identity = _identity(scenario, data, clock)
    state = TenantState(
        data,
        _targeting(data),
        guid=clock.guid,
        conditions=_conditions(scenario.cloud),
        identity=identity,
        unregistered=scenario.device.serial_number if identity is None else "",
        users=users,
        critical=tuple(_update(update) for update in scenario.windows_update.critical),
        quality=(_update(scenario.windows_update.quality),) if scenario.windows_update.quality else (),
    )
    for app in data.mobile_apps:
        device.disk.app_names[app.id] = app.display_name or app.id
        product = getattr(app, "product_code", None) or getattr(app, "identity_name", None)
        if product:
            device.disk.app_names[product] = app.display_name or app.id
    person = ScriptedPerson({screen: _script(answer) for screen, answer in scenario.person.items()})
    world = World(
        clock=clock,
        device=device,
        backend=make_backend(backend, state) if isinstance(backend, str) else backend(state),
        person=_DefaultUser(person, _default_user(state, users)),
        installers=installers_of(scenario.installers, data),
        assumptions=scenario.assumptions,
    )
    if calls:
        plan = FaultPlan(calls, lambda: world.state.value, world.injected)
        world.backend = FaultyBackend(world.backend, plan)
        world.use_faults(plan.delay, plan.command_status)
    named = tuple(spec.fault for spec in scenario.faults if spec.fault)
    return Plan(scenario, flow_for(scenario.mode), clock, device, state, person, world, calls, named, tuple(notices))


class _DefaultUser:
    """A scripted person who types a user name of the tenant when the script names none."""

    def __init__(self, person: ScriptedPerson, user_name: str) -> None:
        self._person = person
        self._user_name = user_name

    def answer(self, question, *, now):  # type: ignore[no-untyped-def]  # same as Person.answer
        if question.screen == "SIGNIN" and not question.suggestion:
            question = msgspec.structs.replace(question, suggestion=self._user_name)
        return self._person.answer(question, now=now)


_targetings: dict[int, tuple[TenantData, Targeting]] = {}


def _targeting(data: TenantData) -> Targeting:
    """The index of a tenant, made once: many scenarios share one tenant."""
    found = _targetings.get(id(data))
    if found is None or found[0] is not data:
        if len(_targetings) > 256:
            _targetings.clear()
        found = _targetings[id(data)] = (data, Targeting(data))
    return found[1]


def _device(spec: DeviceSpec, blocked: dict[str, str], loaded: LoadedScenario) -> Device:
    if spec.windows.edition not in PRODUCT_INFO:
        raise InputError(
            f"unknown edition {spec.windows.edition!r}: expected one of {', '.join(PRODUCT_INFO)}",
            loaded.document.place(("device", "windows", "edition")),
        )
    parts = spec.windows.build.split(".")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        raise InputError(
            f"build {spec.windows.build!r} is not of the form 10.0.26100.4349",
            loaded.document.place(("device", "windows", "build")),
        )
    tpm = Tpm(spec.tpm.present, spec.tpm.version, spec.tpm.vendor, spec.tpm.firmware, spec.tpm.attestation)
    hardware = Hardware(
        spec.serial_number,
        spec.manufacturer,
        spec.model,
        spec.sku_number,
        spec.system_family,
        spec.product_key,
        spec.virtual_machine,
        spec.processors,
        spec.processor_mhz,
        spec.memory_mb,
        spec.architecture,
        tpm,
    )
    network = NetworkSpec(kind=spec.network) if isinstance(spec.network, str) else spec.network
    adapter = NetworkAdapter(
        network.kind,
        network.ssid,
        network.internet,
        network.metered,
        network.captive_portal,
        {**dict.fromkeys(network.blocked, ""), **blocked},
        max(1, network.megabits),
        parse_duration(network.lost_at) if network.lost_at else None,
        parse_duration(network.back_at) if network.back_at else None,
    )
    windows = Windows(
        spec.windows.edition,
        spec.windows.build,
        tuple(spec.windows.languages) or ("en-US",),
        spec.windows.region,
        spec.windows.keyboard,
        spec.windows.wlidsvc,
        spec.windows.oobe_restarts,
        tuple(spec.windows.provisioning_package),
        spec.windows.enrolled_before,
        parse_signed_duration(spec.clock_skew),
        spec.windows.join_needs_restart,
    )
    device = Device(hardware, adapter, windows)
    device.disk.free_mb = spec.free_disk_mb
    device.disk.products.update(spec.products)
    device.disk.files.update(dict.fromkeys(spec.files, ""))
    for key, values in spec.registry.items():
        for name, value in values.items():
            device.disk.registry.set(key, name, value)
    return device


def _conditions(cloud: CloudSpec) -> Conditions:
    pending = cloud.profile_pending_until
    return Conditions(
        cloud.joined_devices,
        cloud.enrolled_devices,
        cloud.federated,
        cloud.mfa,
        cloud.terms_of_use,
        cloud.terms_of_use_broken,
        cloud.licence_lost_after_enrolment,
        cloud.profile_deleted,
        parse_duration(pending) if pending else None,
        cloud.registration_mismatch,
        cloud.device_already_enrolled,
        cloud.profile_missing,
        cloud.stale_registered_object,
    )


def _users(scenario: Scenario, data: TenantData, clock: Clock) -> tuple[User, ...]:
    """A tenant without any user gets the one the script names, so that a profile alone makes a scenario."""
    if data.users:
        return ()
    answer = scenario.person.get("SIGNIN", DEFAULT_USER)
    first = answer[0] if isinstance(answer, list) and answer else answer
    name = first if isinstance(first, str) and "@" in first else DEFAULT_USER
    organization = data.organization
    if organization is not None and organization.verified_domains and name == DEFAULT_USER:
        name = f"user1@{organization.default_domain}"
    assigned = scenario.device.assigned_user
    name = assigned or name
    return (User(id=clock.guid("user", name), user_principal_name=name, display_name=name.partition("@")[0]),)


def _default_user(state: TenantState, users: tuple[User, ...]) -> str:
    return (users or state.data.users)[0].user_principal_name


def _identity(scenario: Scenario, data: TenantData, clock: Clock) -> WindowsAutopilotDeviceIdentity | None:
    """The registration of this device: the tenant's own record of the serial number, else one made from the scenario."""
    spec = scenario.device
    known = next((one for one in data.windows_autopilot_device_identities if one.serial_number == spec.serial_number), None)
    if not spec.registered or scenario.mode == "ordinary-oobe":
        return None
    if known is not None:
        written = {
            "group_tag": spec.group_tag,
            "purchase_order_identifier": spec.purchase_order,
            "user_principal_name": spec.assigned_user,
            "display_name": spec.device_name,
        }
        given = {field: value for field, value in written.items() if value}
        return msgspec.structs.replace(known, **given) if given else known
    return WindowsAutopilotDeviceIdentity(
        id=clock.guid("ztd registration"),
        serial_number=spec.serial_number,
        product_key=spec.product_key or None,
        manufacturer=spec.manufacturer,
        model=spec.model,
        group_tag=spec.group_tag or None,
        purchase_order_identifier=spec.purchase_order or None,
        user_principal_name=spec.assigned_user or None,
        display_name=spec.device_name or None,
        azure_active_directory_device_id=clock.guid("entra device"),
    )


def _update(spec: UpdateSpec) -> Update:
    return Update(spec.kb, spec.title, parse_duration(spec.duration), spec.restart)


def _script(answer: Answer | list[Answer]) -> Reply | list[Reply]:
    return [_reply(one) for one in answer] if isinstance(answer, list) else _reply(answer)


def _reply(answer: Answer) -> Reply:
    if isinstance(answer, AnswerSpec):
        value = next(iter(answer.fields.values()), "")
        return Reply(answer.choice, value, parse_duration(answer.after) if answer.after else 0, bool(answer.choice))
    if isinstance(answer, bool):
        return Reply("Yes" if answer else "nothing")
    return Reply(str(answer))
