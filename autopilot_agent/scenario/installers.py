"""What the installers of a scenario do, by everything that their apps are known by."""

from __future__ import annotations

from autopilot_agent.errors import InputError
from autopilot_agent.oobe.world import Installer
from autopilot_agent.scenario.durations import parse_duration
from autopilot_agent.scenario.model import InstallerSpec
from autopilot_agent.service.uris import CONFIGMGR_NAME, CONFIGMGR_PRODUCT
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.enrollment import DeviceComanagementAuthorityConfiguration as CO_MANAGEMENT  # noqa: N814


def installers_of(specs: dict[str, InstallerSpec], data: TenantData) -> dict[str, Installer]:
    """Installers by everything an app is known by: name, id, product code, package name; ``*`` is every app not named.

    Raises ``InputError`` for an app that the tenant does not have.
    """
    found: dict[str, Installer] = {}
    for name, spec in sorted(specs.items(), key=lambda item: item[0] != "*"):
        installer = _installer(spec)
        known = False
        for app in data.mobile_apps:
            package = getattr(app, "identity_name", None) or getattr(app, "package_identity_name", None)
            names = (app.id, getattr(app, "product_code", None), package)
            if name == "*" or name == app.display_name or name in names:
                known = True
                found.update({key: installer for key in names if key})
        if name == CONFIGMGR_NAME and any(isinstance(one, CO_MANAGEMENT) for one in data.device_enrollment_configurations):
            known = True
            found[CONFIGMGR_PRODUCT] = installer
        if not known and name != "*":
            raise InputError(f"installers: the tenant has no app {name!r}")
    return found


def _installer(spec: InstallerSpec) -> Installer:
    script = spec.requirement_script
    return Installer(
        parse_duration(spec.duration) if spec.duration else None,
        tuple(spec.return_codes) or (0,),
        spec.leaves != "nothing",
        None if script is None else str(script).lower() if isinstance(script, bool) else str(script),
        spec.restarts_windows,
        spec.windows_installer,
        spec.size_mb * 1_000_000 if spec.size_mb is not None else None,
        spec.download_fails,
        spec.approved,
    )
