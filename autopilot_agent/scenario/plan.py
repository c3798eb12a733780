"""From a scenario to everything a run needs: device, tenant state, person, faults, clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable
from weakref import WeakMethod

import msgspec

from autopilot_agent.backends.faults import CallFault, FaultPlan, FaultyBackend
from autopilot_agent.backends.registry import make_backend
from autopilot_agent.clock import Clock
from autopilot_agent.device import Device
from autopilot_agent.errors import InputError, Place
from autopilot_agent.events import Event
from autopilot_agent.oobe.flow import Flow
from autopilot_agent.oobe.modes import flow_for
from autopilot_agent.oobe.states import State
from autopilot_agent.oobe.world import World
from autopilot_agent.scenario.act_specs import (
    ActSpec,
    Admin,
    FreshStart,
    ReplaceMotherboard,
    ResetRemote,
    Retire,
    TaskSequence,
    Wipe,
    name_of,
    written_out,
)
from autopilot_agent.scenario.agenda import Agenda
from autopilot_agent.scenario.cast import Cast
from autopilot_agent.scenario.disturbances import Disturbances
from autopilot_agent.scenario.durations import parse_duration
from autopilot_agent.scenario.faults import apply_faults
from autopilot_agent.scenario.happenings import Happenings
from autopilot_agent.scenario.installers import check_expected_apps, installers_of
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.model import USUAL_ACTS, CloudSpec, Scenario, UpdateSpec
from autopilot_agent.scenario.on_premises import active_directory_of
from autopilot_agent.scenario.pc import make_device
from autopilot_agent.scenario.tenants import merged, tenant_of, without_replaced
from autopilot_agent.service import Backend
from autopilot_agent.service.network import Update
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.directory import User
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.state import Conditions, OtherMdm, TenantState
from autopilot_agent.tenant.targeting import Targeting

DEFAULT_USER = "user1@contoso.example"


class ActEnd(msgspec.Struct):
    """How one act ended: what the json of ``run`` says of it. ``began`` and ``seconds`` in virtual seconds."""

    act: str
    end_state: str = ""
    outcome: str = ""
    join: str = "none"
    mdm_enrolled: bool = False
    device_name: str = ""
    began: float = 0.0
    seconds: float = 0.0
    error: str = ""


@runtime_checkable
class RemoteCloud(Protocol):
    """A backend whose cloud is somewhere else: it may tell what it recorded."""

    def cloud(self) -> bytes | None:
        """``SavedCloud`` as JSON, or None."""
        ...

    def close(self) -> None:
        """Let go of connections; more can be asked afterwards."""
        ...


class Plan(msgspec.Struct, weakref=True):
    """One run, ready to go. ``named_faults`` are the catalogue rows that must strike.

    ``links`` has the kinds of network that the PC was plugged into, each with the number of the event from which on.
    ``changes`` has the tenant as it is after each act of an administrator who changes resources, by the act's number.
    ``last`` is the state in which the last played act ended; ``resumed_at`` how many events a device file brought along.
    ``cut_at`` cuts the power at that wait of the run (None: never); tests interrupt a run everywhere with it.
    ``remote`` is a cloud outside of this process, ``cloud_known`` whether ``state`` has what the cloud recorded.
    ``written`` is the tenant in the scenario's words, with the changes made since, which are in ``changed``; ``injected``
    names the faults that began in the middle of the run.
    """

    scenario: Scenario
    flow: Flow
    clock: Clock
    device: Device
    state: TenantState
    person: Cast
    world: World
    calls: list[CallFault]
    named_faults: tuple[str, ...]
    notices: tuple[str, ...]
    acts: tuple[ActSpec, ...] = ()
    changes: dict[int, TenantData] = {}
    loaded: LoadedScenario | None = None
    cut_at: int | None = None
    last: State | None = None
    resumed_at: int = 0
    ends: list[ActEnd] = []
    links: list[tuple[int, str]] = []
    never_reached: list[tuple[int, str, str]] = []
    agenda: Agenda = msgspec.field(default_factory=Agenda)
    cloud: CloudSpec = msgspec.field(default_factory=CloudSpec)
    happenings: Happenings | None = None
    written: dict[str, object] = {}
    changed: dict[str, object] = {}
    injected: set[str] = set()
    spoilt: FaultPlan | None = None
    disturbances: Disturbances | None = None
    remote: RemoteCloud | None = None
    cloud_known: bool = True

    def spoil(self, fault: CallFault) -> None:
        """From now on this fault is at work as well."""
        if self.spoilt is None or self.disturbances is None:
            _put_faults_in_front(self)
        assert self.spoilt is not None and self.disturbances is not None
        self.injected.add(fault.name)
        self.spoilt.add(fault)
        self.disturbances.add(fault)
        self.world.disturb = None if self.disturbances.idle else self.disturbances.entering

    def heal(self, name: str | None) -> None:
        """No fault of that name spoils anything any more (None: no fault at all)."""
        if self.spoilt is not None and self.disturbances is not None:
            self.spoilt.remove(name)
            self.disturbances.remove(name)


def make_plan(
    loaded: LoadedScenario,
    *,
    seed: int | None = None,
    speed: float | None = None,
    shortcut: bool = True,
    backend: str | Callable[[TenantState], Backend] = "memory",
    sink: Callable[[Event], None] | None = None,
    pace: Callable[[int, int], None] | None = None,
    tenant: TenantData | None = None,
) -> Plan:
    """Put a run together; ``sink`` is told every event, ``pace`` is the clock's. Raises ``InputError`` with a place.

    ``tenant`` is one that was read already: it stands in for what the scenario says about its tenant.
    """
    scenario, calls, blocked = apply_faults(loaded.scenario)
    if tenant is not None:
        data = tenant
    elif scenario.tenant != loaded.scenario.tenant:  # a fault brought resources of its own
        data = tenant_of(msgspec.structs.replace(loaded, scenario=scenario))
    else:
        data = tenant_of(loaded)
    clock = Clock(scenario.seed if seed is None else seed, speed=speed, shortcut=shortcut, pace=pace)
    device = make_device(scenario.device, blocked, loaded.document)
    notices = [f"{notice.place}: {notice.text}" for notice in (*data.notices, *targeting_of(data).notices)]
    users = _users(scenario, data, clock)
    identity = _identity(scenario, data, clock)
    state = TenantState(
        data,
        targeting_of(data),
        guid=clock.guid,
        conditions=conditions_of(scenario.cloud, scenario.device.registered_by),
        identity=identity,
        hardware_hash=device.hardware.hash,
        unregistered=scenario.device.serial_number if identity is None else "",
        users=users,
        critical=tuple(_update(update) for update in scenario.windows_update.critical),
        quality=(_update(scenario.windows_update.quality),) if scenario.windows_update.quality else (),
        autopilot=(_update(scenario.windows_update.autopilot),) if scenario.windows_update.autopilot else (),
        assumptions=scenario.assumptions,
    )
    acts = tuple(written_out(act) for act in acts_of(scenario))
    changes = _changes(loaded, acts)
    tenants = (data, *changes.values())
    for one in tenants:
        device.disk.app_names.update(targeting_of(one).app_names)
    check_expected_apps(loaded, device.disk.app_names, tenants)
    state.assumptions = scenario.assumptions
    person = Cast(scenario.person, _default_user(state, users))
    world = World(
        clock=clock,
        device=device,
        backend=make_backend(backend, state) if isinstance(backend, str) else backend(state),
        person=person,
        installers=installers_of(scenario.installers, data),
        assumptions=scenario.assumptions,
        sink=sink,
    )
    state.active_directory = active_directory_of(scenario.cloud, world)
    _check_vpn(scenario, data)
    state.tell = _note_of(world)
    named = tuple(spec.fault for spec in scenario.faults if spec.fault)
    if scenario.device.autopilot_file is not None:
        from autopilot_agent.scenario.profile_file import profile_files

        written = profile_files(scenario.device.autopilot_file, loaded, state)
        if not any(isinstance(act, TaskSequence) for act in acts):  # else the file is in its package
            device.disk.files.update(written)
    plan = Plan(scenario, flow_for(scenario.mode), clock, device, state, person, world, calls, named, tuple(notices), acts)
    plan.loaded = loaded
    plan.links = [(0, device.network.kind)]
    plan.changes = changes
    plan.cloud = scenario.cloud
    _check_clouds(loaded, acts)
    plan.written = dict(loaded.scenario.tenant)
    if backend != "memory" and isinstance(world.backend, RemoteCloud):  # asking a Protocol takes long
        plan.remote = world.backend
        _check_remote(plan)
    if calls:
        _put_faults_in_front(plan)
    plan.happenings = Happenings(plan, scenario.happenings)
    person.befall = plan.happenings.carry_out
    return plan


IN_THE_CLOUD = (Admin, ResetRemote, Wipe, FreshStart, Retire, ReplaceMotherboard)
"""Acts that change what the tenant holds, or order something there."""


def _check_remote(plan: Plan) -> None:
    """What changes the tenant of this process would not reach the one that is served."""
    loaded = plan.loaded
    assert loaded is not None
    for index, act in enumerate(plan.acts):
        if isinstance(act, IN_THE_CLOUD):
            raise InputError(
                f"the act {name_of(act)} changes the tenant of this process, but the cloud is a server; "
                "change the served tenant over its admin API, or run the scenario in memory.",
                loaded.document.place(("acts", index)),
            )


def _put_faults_in_front(plan: Plan) -> None:
    """From now on calls pass by the faults of the plan."""
    world = plan.world
    plan.disturbances = Disturbances(world, plan.calls)
    plan.spoilt = FaultPlan(plan.calls, lambda: world.state.value, world.injected, plan.disturbances.strike, plan.clock.draw)
    world.disturb = None if plan.disturbances.idle else plan.disturbances.entering
    world.backend = FaultyBackend(world.backend, plan.spoilt)
    world.use_faults(plan.spoilt.delay, plan.spoilt.command_status)


def _note_of(world: World) -> Callable[[str, str], None]:
    """``world.note`` for the cloud, held weakly: the world knows the cloud, and a cycle would outlive the run."""
    note = WeakMethod(world.note)

    def tell(rule: str, text: str) -> None:
        found = note()
        if found is not None:
            found(rule, text)

    return tell


def acts_of(scenario: Scenario) -> list[str | ActSpec]:
    """The acts of a scenario, those of its mode where it writes none."""
    return scenario.acts if scenario.acts is not None else list(USUAL_ACTS.get(scenario.mode, ("provision",)))


def _changes(loaded: LoadedScenario, acts: tuple[ActSpec, ...]) -> dict[int, TenantData]:
    """The tenant after each act that brings resources; wrong ones are found before anything is played."""
    found: dict[int, TenantData] = {}
    written: dict[str, object] = dict(loaded.scenario.tenant)
    changes: dict[str, object] = {}
    for index, act in enumerate(acts):
        if isinstance(act, Admin) and act.tenant:
            written, changes = merged(written, act.tenant), merged(changes, act.tenant)
            try:
                found[index] = changed_tenant(loaded, written, changes)
            except InputError as error:  # the tenant without this act was read well
                raise InputError(error.message, _spot_of_change(loaded, index, act.tenant)) from None
    return found


def _spot_of_change(loaded: LoadedScenario, index: int, changes: dict[str, object]) -> Place:
    """Where an act's wrong change stands: its only collection, and that one's only item; else all of its tenant."""
    path: tuple[str | int, ...] = ("acts", index, "tenant")
    if len(changes) == 1:
        name, items = next(iter(changes.items()))
        path += (name, 0) if isinstance(items, list) and len(items) == 1 else (name,)
    return loaded.document.place(path)


def changed_tenant(loaded: LoadedScenario, written: dict[str, object], changes: dict[str, object]) -> TenantData:
    """The tenant in other words than the scenario's; ``changes`` are those that an administrator made since."""
    scenario = msgspec.structs.replace(loaded.scenario, tenant=written)
    return without_replaced(tenant_of(msgspec.structs.replace(loaded, scenario=scenario)), changes)


def changed_cloud(cloud: CloudSpec, changes: dict[str, object]) -> CloudSpec:
    """The cloud with an administrator's changes; raises ``msgspec.ValidationError`` for words that there are not."""
    return msgspec.convert({**msgspec.to_builtins(cloud), **changes}, CloudSpec)


def _check_clouds(loaded: LoadedScenario, acts: tuple[ActSpec, ...]) -> None:
    """Changes of the cloud that no act could make are found before anything is played."""
    for index, act in enumerate(acts):
        if isinstance(act, Admin) and act.cloud:
            try:
                conditions_of(changed_cloud(loaded.scenario.cloud, act.cloud))
            except (msgspec.ValidationError, ValueError) as error:
                raise InputError(f"cloud: {error}.", loaded.document.place(("acts", index, "cloud"))) from None


_targetings: dict[int, tuple[TenantData, Targeting]] = {}


def targeting_of(data: TenantData) -> Targeting:
    """The index of a tenant, made once: many scenarios share one tenant."""
    found = _targetings.get(id(data))
    if found is None or found[0] is not data:
        if len(_targetings) > 256:
            _targetings.clear()
        found = _targetings[id(data)] = (data, Targeting(data))
    return found[1]


def conditions_of(cloud: CloudSpec, registered_by: str = "administrator") -> Conditions:
    """The scenario's words about the cloud as the tenant takes them."""
    pending, other = cloud.profile_pending_until, cloud.other_mdm
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
        cloud.registered_elsewhere,
        cloud.autopilot_update_node,
        registered_by,
        OtherMdm(other.hold, other.ready, other.finishes) if other is not None else None,
    )


def _check_vpn(scenario: Scenario, data: TenantData) -> None:
    """Raise ``InputError`` for a VPN whose client no app of the tenant installs."""
    client = scenario.device.vpn.client if scenario.device.vpn is not None else ""
    if client and not any(client in (app.id, app.display_name) for app in data.mobile_apps):
        raise InputError(f"device.vpn.client: the tenant has no app {client!r} that would install it")


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
    if not scenario.registered:
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
