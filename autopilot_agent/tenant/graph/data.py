"""Everything that was read about a tenant, in one container."""

from __future__ import annotations

import msgspec

from autopilot_agent.errors import Place

from .apps import MobileApp
from .base import Notice
from .directory import (
    ConditionalAccessPolicy,
    DeviceRegistrationPolicy,
    DirectoryRole,
    EntraDevice,
    Group,
    MobilityManagementPolicy,
    Organization,
    OrganizationalBranding,
    User,
)
from .enrollment import AnyEnrollmentConfiguration, EspConfiguration
from .policies import AssignmentFilter, ConfigurationPolicy, DeviceConfiguration, DeviceManagementScript
from .profiles import (
    ImportedWindowsAutopilotDeviceIdentity,
    WindowsAutopilotDeploymentProfile,
    WindowsAutopilotDeviceIdentity,
)


class TenantData(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's resources by Graph collection; the order is that of reading."""

    windows_autopilot_deployment_profiles: tuple[WindowsAutopilotDeploymentProfile, ...] = ()
    windows_autopilot_device_identities: tuple[WindowsAutopilotDeviceIdentity, ...] = ()
    imported_windows_autopilot_device_identities: tuple[ImportedWindowsAutopilotDeviceIdentity, ...] = ()
    device_enrollment_configurations: tuple[AnyEnrollmentConfiguration, ...] = ()
    mobile_apps: tuple[MobileApp, ...] = ()
    device_configurations: tuple[DeviceConfiguration, ...] = ()
    configuration_policies: tuple[ConfigurationPolicy, ...] = ()
    device_management_scripts: tuple[DeviceManagementScript, ...] = ()
    assignment_filters: tuple[AssignmentFilter, ...] = ()
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    directory_roles: tuple[DirectoryRole, ...] = ()
    devices: tuple[EntraDevice, ...] = ()
    mobility_management_policies: tuple[MobilityManagementPolicy, ...] = ()
    conditional_access_policies: tuple[ConditionalAccessPolicy, ...] = ()
    organization: Organization | None = None
    branding: OrganizationalBranding | None = None
    device_registration_policy: DeviceRegistrationPolicy | None = None
    collections: frozenset[str] = frozenset()
    """Field names of the collections that the input had, even if empty: an absent one is unknown, not empty."""
    notices: tuple[Notice, ...] = ()
    places: dict[tuple[str, str], Place] = {}
    """Where each resource was read, by (field name, id in lower case); kept apart so that equal resources compare equal."""

    def place(self, collection: str, id: str) -> Place:
        """Where the resource of this field name and id was read; an empty place for one made in Python."""
        return self.places.get((collection, id.casefold()), Place(""))

    @property
    def esp_configurations(self) -> tuple[EspConfiguration, ...]:
        """The Enrollment Status Pages among the enrollment configurations."""
        return tuple(one for one in self.device_enrollment_configurations if isinstance(one, EspConfiguration))
