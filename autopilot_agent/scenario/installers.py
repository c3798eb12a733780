"""What the installers of a scenario do, by everything that their apps are known by."""

from __future__ import annotations

from collections.abc import Sequence

from autopilot_agent.errors import InputError, Place
from autopilot_agent.oobe.world import Installer
from autopilot_agent.scenario.durations import parse_duration
from autopilot_agent.scenario.loader import LoadedScenario
from autopilot_agent.scenario.model import ExpectSpec, InstallerSpec
from autopilot_agent.scenario.problems import Steps, path_text, suggestion
from autopilot_agent.service.uris import CONFIGMGR_NAME, CONFIGMGR_PRODUCT
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.apps import known_as
from autopilot_agent.tenant.graph.enrollment import DeviceComanagementAuthorityConfiguration as CO_MANAGEMENT  # noqa: N814

OF_MANAGEMENT = (CONFIGMGR_NAME, CONFIGMGR_PRODUCT, f"bootstrap of the {CONFIGMGR_NAME}")
"""Apps that management brings along; no tenant lists them."""


def installers_of(specs: dict[str, InstallerSpec], data: TenantData) -> dict[str, Installer]:
    """Installers by everything an app is known by: name, id, product code, package name; ``*`` is every app not named.

    Raises ``InputError`` for an app that the tenant does not have.
    """
    found: dict[str, Installer] = {}
    for name, spec in sorted(specs.items(), key=lambda item: item[0] != "*"):
        installer = _installer(spec)
        known = False
        for app in data.mobile_apps:
            names = known_as(app)
            if name == "*" or name == app.display_name or name in names:
                known = True
                found.update(dict.fromkeys(names, installer))
        if name == CONFIGMGR_NAME and any(isinstance(one, CO_MANAGEMENT) for one in data.device_enrollment_configurations):
            known = True
            found[CONFIGMGR_PRODUCT] = installer
        if not known and name != "*":
            raise unknown_app("installers", name, [data])
    return found


def unknown_app(where: str, name: str, tenants: Sequence[TenantData], place: Place | None = None) -> InputError:
    """The error for an app that no tenant of the run has; it names one that is spelt alike."""
    known = dict.fromkeys(app.display_name or app.id for data in tenants for app in data.mobile_apps)
    return InputError(f"{where}: the tenant has no app {name[:60]!r}; {suggestion(name, known)}", place)


def check_expected_apps(loaded: LoadedScenario, names: dict[str, str], tenants: Sequence[TenantData]) -> None:
    """Raise ``InputError`` for an app in an expectation that the tenant does not have; ``names`` are those of all tenants."""
    acts = loaded.scenario.acts or ()
    expects: list[tuple[Steps, ExpectSpec | None]] = [(("expect",), loaded.scenario.expect)]
    expects += [(("acts", index, "expect"), act.expect) for index, act in enumerate(acts) if not isinstance(act, str)]
    for path, expect in expects:
        for name in (expect.apps or ()) if expect is not None else ():
            if name not in names and name not in names.values() and name not in OF_MANAGEMENT:
                place = loaded.document.place((*path, "apps", name), key=True)
                raise unknown_app(f"{path_text(path)}.apps", name, tenants, place)


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
