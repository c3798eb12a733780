"""The Entra side: organization, users, groups, roles, devices and the policies about joining and enrolling."""

from __future__ import annotations

from typing import Literal

import msgspec

from .base import Entity, Graph, Reference

INTUNE_PLAN = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"
"""servicePlanId of INTUNE_A."""


class VerifiedDomain(Graph, frozen=True, kw_only=True):
    """A domain that the organization owns."""

    name: str = ""
    is_default: bool = False
    is_initial: bool = False


class Organization(Entity, frozen=True, kw_only=True):
    """The tenant; ``id`` is the tenant id."""

    display_name: str = ""
    verified_domains: tuple[VerifiedDomain, ...] = ()

    @property
    def default_domain(self) -> str | None:
        """The domain of new users; the first one when none is marked."""
        return next((one.name for one in sorted(self.verified_domains, key=lambda d: not d.is_default)), None)


class OrganizationalBranding(Entity, frozen=True, kw_only=True):
    """What the sign-in page looks like (formats.md 6.2); pictures themselves are not in exports."""

    sign_in_page_text: str | None = None
    username_hint_text: str | None = None
    background_color: str | None = None
    background_image_relative_url: str | None = None
    square_logo_relative_url: str | None = None
    square_logo_dark_relative_url: str | None = None
    banner_logo_relative_url: str | None = None
    cdn_list: tuple[str, ...] = ()


class AssignedLicense(Graph, frozen=True, kw_only=True):
    """A product a user has."""

    sku_id: str | None = None
    sku_part_number: str | None = None


class AssignedPlan(Graph, frozen=True, kw_only=True):
    """A service a user has by one of the products."""

    service: str = ""
    service_plan_id: str | None = None
    capability_status: str = "Enabled"


class User(Entity, frozen=True, kw_only=True):
    """A person of the directory."""

    user_principal_name: str = ""
    display_name: str | None = None
    account_enabled: bool = True
    assigned_licenses: tuple[AssignedLicense, ...] | None = None
    assigned_plans: tuple[AssignedPlan, ...] | None = None
    member_of: tuple[Reference, ...] = ()
    """Ids or names of groups, in addition to the groups' own member lists."""
    on_premises_sync_enabled: bool | None = None
    on_premises_domain_name: str | None = None
    on_premises_sam_account_name: str | None = None
    on_premises_user_principal_name: str | None = None
    mail: str | None = None
    mail_nickname: str | None = None
    given_name: str | None = None
    surname: str | None = None
    department: str | None = None
    job_title: str | None = None
    company_name: str | None = None
    office_location: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    usage_location: str | None = None
    preferred_language: str | None = None
    employee_id: str | None = None
    user_type: str | None = None

    @property
    def licenses_known(self) -> bool:
        """Whether the file says anything about licenses."""
        return self.assigned_licenses is not None or self.assigned_plans is not None

    @property
    def licensed(self) -> bool:
        """Whether the user has Intune; true when the file does not say."""
        for plan in self.assigned_plans or ():
            if plan.capability_status == "Enabled" and (
                plan.service in ("SCO", "Intune") or plan.service_plan_id == INTUNE_PLAN
            ):
                return True
        return bool(self.assigned_licenses) or not self.licenses_known


class Group(Entity, frozen=True, kw_only=True):
    """A group of users and devices; dynamic when it has a rule."""

    display_name: str = ""
    group_types: tuple[str, ...] = ()
    membership_rule: str | None = None
    membership_rule_processing_state: Literal["On", "Paused"] = "On"
    members: tuple[Reference, ...] = ()

    @property
    def dynamic(self) -> bool:
        """Whether members come from the rule."""
        return self.membership_rule is not None and ("DynamicMembership" in self.group_types or not self.members)


class DirectoryRole(Entity, frozen=True, kw_only=True):
    """A directory role and who has it."""

    display_name: str = ""
    role_template_id: str | None = None
    members: tuple[Reference, ...] = ()


class EntraDevice(Entity, frozen=True, kw_only=True):
    """A device object of the directory, which is not the PC itself."""

    device_id: str | None = None
    display_name: str | None = None
    physical_ids: tuple[str, ...] = ()
    account_enabled: bool = True
    enrollment_profile_name: str | None = None
    device_ownership: str | None = None
    management_type: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    operating_system: str | None = None
    operating_system_version: str | None = None
    trust_type: str | None = None
    system_labels: tuple[str, ...] = ()


class MobilityManagementPolicy(Entity, frozen=True, kw_only=True):
    """The MDM scope of one MDM service ("Mobility" in the portal)."""

    display_name: str = ""
    applies_to: Literal["none", "all", "selected", "unknownFutureValue"] = "none"
    included_groups: tuple[Reference, ...] = ()
    discovery_url: str | None = None
    terms_of_use_url: str | None = None
    compliance_url: str | None = None


class JoinMembership(Graph, frozen=True, kw_only=True):
    """Who may join; ``kind`` is the membership's ``@odata.type``."""

    kind: Literal["all", "none", "enumerated"] = "all"
    users: tuple[Reference, ...] = ()
    groups: tuple[Reference, ...] = ()


class AzureAdJoin(Graph, frozen=True, kw_only=True):
    """Who may join devices to Entra."""

    is_admin_configurable: bool = True
    allowed_to_join: JoinMembership = JoinMembership()


class DeviceRegistrationPolicy(Entity, frozen=True, kw_only=True):
    """Joining devices: who, and how many."""

    display_name: str | None = None
    user_device_quota: int = 50
    azure_ad_join: AzureAdJoin = msgspec.field(default=AzureAdJoin(), name="azureADJoin")


class ConditionalAccessApplications(Graph, frozen=True, kw_only=True):
    """The cloud apps a policy is about: app ids, ``All`` or ``None``."""

    include_applications: tuple[str, ...] = ()
    exclude_applications: tuple[str, ...] = ()
    include_user_actions: tuple[str, ...] = ()


class ConditionalAccessUsers(Graph, frozen=True, kw_only=True):
    """The people a policy is about: ids, ``All`` or ``None``."""

    include_users: tuple[Reference, ...] = ()
    exclude_users: tuple[Reference, ...] = ()
    include_groups: tuple[Reference, ...] = ()
    exclude_groups: tuple[Reference, ...] = ()


class ConditionalAccessConditions(Graph, frozen=True, kw_only=True):
    """When a policy applies."""

    applications: ConditionalAccessApplications = ConditionalAccessApplications()
    users: ConditionalAccessUsers = ConditionalAccessUsers()


class GrantControls(Graph, frozen=True, kw_only=True):
    """What a sign-in must bring."""

    operator: Literal["AND", "OR"] = "OR"
    built_in_controls: tuple[str, ...] = ()
    terms_of_use: tuple[str, ...] = ()


class ConditionalAccessPolicy(Entity, frozen=True, kw_only=True):
    """A conditional access policy, as far as setup meets one."""

    display_name: str = ""
    state: Literal["enabled", "disabled", "enabledForReportingButNotEnforced"] = "enabled"
    conditions: ConditionalAccessConditions = ConditionalAccessConditions()
    grant_controls: GrantControls | None = None
