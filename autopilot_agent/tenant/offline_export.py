"""A deployment profile as AutopilotConfigurationFile.json, with keys and order of the common exporter (formats.md 2.2)."""

from __future__ import annotations

import json
from typing import Any

from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile
from autopilot_agent.tenant.onboarding import USER_SELECTS, oobe_config

VERSION = 2049
UPDATE_TIMEOUT = 1_800_000


def exported(profile: WindowsAutopilotDeploymentProfile, tenant_id: str, domain: str) -> dict[str, Any]:
    """The content of the file; a self-deploying profile is exported too, although no device accepts it (rule X1)."""
    setting = profile.setting_in_force
    forced = int(setting.escape_link_hidden)
    inner = {"CloudAssignedTenantUpn": "", "ForcedEnrollment": forced, "CloudAssignedTenantDomain": domain}
    found: dict[str, Any] = {
        "Comment_File": f"Profile {profile.display_name}",
        "Version": VERSION,
        "ZtdCorrelationId": profile.id,
        "CloudAssignedDomainJoinMethod": int(profile.hybrid),
    }
    if profile.device_name_template:
        found["CloudAssignedDeviceName"] = profile.device_name_template
    found["CloudAssignedOobeConfig"] = oobe_config(profile)
    if setting.keyboard_selection_page_skipped:
        found["CloudAssignedLanguage"] = "" if profile.locale in USER_SELECTS else profile.locale
        found["CloudAssignedRegion"] = found["CloudAssignedLanguage"]
    found["CloudAssignedForcedEnrollment"] = forced
    found["CloudAssignedTenantId"] = tenant_id
    found["CloudAssignedTenantDomain"] = domain
    found["CloudAssignedAadServerData"] = json.dumps({"ZeroTouchConfig": inner}, separators=(",", ":"))
    if profile.hybrid_azure_ad_join_skip_connectivity_check:
        found["HybridJoinSkipDCConnectivityCheck"] = 1
    found["CloudAssignedAutopilotUpdateDisabled"] = 1
    found["CloudAssignedAutopilotUpdateTimeout"] = UPDATE_TIMEOUT
    return found


def written(content: dict[str, Any]) -> str:
    """The file's text."""
    return json.dumps(content, indent=4, ensure_ascii=False) + "\n"
