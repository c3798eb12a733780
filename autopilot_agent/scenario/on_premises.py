"""From the scenario's words to what stands on premises: Active Directory, the connector, the directory sync."""

from __future__ import annotations

from autopilot_agent.oobe.world import World
from autopilot_agent.scenario.durations import parse_duration
from autopilot_agent.scenario.parts import CloudSpec, ConnectorSpec, EntraConnectSpec
from autopilot_agent.tenant.active_directory import MACHINE_QUOTA, NEVER, ActiveDirectory


def active_directory_of(cloud: CloudSpec, world: World) -> ActiveDirectory:
    """The directory of a run; what the scenario does not say takes as long as the rulebook says."""
    spec = cloud.active_directory
    connector, sync = cloud.odj_connector, cloud.entra_connect
    if isinstance(connector, str):
        connector = ConnectorSpec(state=connector)
    if isinstance(sync, str):
        sync = EntraConnectSpec(state=sync)
    every = parse_duration(sync.every) if sync.every else max(1, world.duration("entra-connect-cycle"))
    return ActiveDirectory(
        spec.domain,
        tuple(spec.organizational_units),
        spec.connection_point,
        connector.state,
        _until(connector.until),
        parse_duration(connector.takes) if connector.takes else world.duration("odj-blob"),
        spec.computers or (MACHINE_QUOTA if connector.state == "quota" else 0),
        sync.state,
        _until(sync.until),
        every,
        parse_duration(sync.first_at) if sync.first_at else int(world.clock.draw("entra connect") * every),
    )


def _until(text: str | None) -> int:
    return parse_duration(text) if text else NEVER
