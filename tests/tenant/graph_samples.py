"""Small tenants in the shapes that export tools write; every name, serial number and GUID is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autopilot_agent.errors import InputError, Place
from autopilot_agent.tenant.graph import Builder, TenantData, read_file, read_inline

Json = dict[str, Any]

GROUP = "11111111-aaaa-4aaa-8aaa-000000000001"
PROFILE_ID = "22222222-bbbb-4bbb-8bbb-000000000001"
ZTD = "33333333-cccc-4ccc-8ccc-000000000001"
ROOT = "https://graph.microsoft.com/beta/$metadata#"


def target(kind: str, **more: object) -> Json:
    return {"@odata.type": f"#microsoft.graph.{kind}AssignmentTarget", **more}


def to_group(group: str, kind: str = "group", **more: object) -> Json:
    return {"id": f"x_{group}", "target": target(kind, groupId=group), **more}


def profile(**changes: object) -> Json:
    return {
        "@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
        "id": PROFILE_ID,
        "displayName": "Contoso laptops",
        "description": "",
        "language": "de-DE",
        "locale": "de-DE",
        "createdDateTime": "2023-05-04T10:11:12.1234567Z",
        "lastModifiedDateTime": "0001-01-01T00:00:00Z",
        "extractHardwareHash": False,
        "hardwareHashExtractionEnabled": False,
        "deviceNameTemplate": "CON-%SERIAL%",
        "deviceType": "windowsPc",
        "enableWhiteGlove": True,
        "preprovisioningAllowed": True,
        "roleScopeTagIds": ["0"],
        "managementServiceAppId": None,
        "outOfBoxExperienceSettings": {
            "hidePrivacySettings": True,
            "hideEULA": True,
            "userType": "standard",
            "deviceUsageType": "singleUser",
            "skipKeyboardSelectionPage": True,
            "hideEscapeLink": True,
        },
        "enrollmentStatusScreenSettings": None,
        "outOfBoxExperienceSetting": {
            "privacySettingsHidden": True,
            "eulaHidden": True,
            "userType": "standard",
            "deviceUsageType": "singleUser",
            "keyboardSelectionPageSkipped": True,
            "escapeLinkHidden": True,
        },
        "assignments": [to_group(GROUP, source="direct")],
        **changes,
    }


def esp(**changes: object) -> Json:
    return {
        "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration",
        "id": "44444444-dddd-4ddd-8ddd-000000000001_Windows10EnrollmentCompletionPageConfiguration",
        "displayName": "Contoso status page",
        "priority": 1,
        "showInstallationProgress": True,
        "blockDeviceSetupRetryByUser": False,
        "allowDeviceResetOnInstallFailure": True,
        "allowLogCollectionOnInstallFailure": True,
        "customErrorMessage": "Call 0800.",
        "installProgressTimeoutInMinutes": 90,
        "allowDeviceUseOnInstallFailure": False,
        "selectedMobileAppIds": [],
        "allowNonBlockingAppInstallation": False,
        "assignments": [{"target": target("allDevices")}],
        **changes,
    }


def win32(**changes: object) -> Json:
    return {
        "@odata.type": "#microsoft.graph.win32LobApp",
        "id": "55555555-eeee-4eee-8eee-000000000001",
        "displayName": "Fabrikam Reader",
        "publisher": "Fabrikam",
        "publishingState": "published",
        "size": 1234567,
        "installCommandLine": "setup.exe /S",
        "uninstallCommandLine": "setup.exe /U",
        "installExperience": {"runAsAccount": "system", "deviceRestartBehavior": "suppress", "maxRunTimeInMinutes": 45},
        "returnCodes": [{"returnCode": 0, "type": "success"}, {"returnCode": 3010, "type": "softReboot"}],
        "rules": [
            {
                "@odata.type": "#microsoft.graph.win32LobAppFileSystemRule",
                "ruleType": "detection",
                "path": "%ProgramFiles%\\Fabrikam",
                "fileOrFolderName": "reader.exe",
                "check32BitOn64System": True,
                "operationType": "version",
                "operator": "greaterThanOrEqual",
                "comparisonValue": "4.2",
            }
        ],
        "applicableArchitectures": "x86,x64",
        "minimumFreeDiskSpaceInMB": 500,
        "assignments": [to_group(GROUP, intent="required")],
        **changes,
    }


def inline(**collections: object) -> TenantData:
    """What a scenario's mapping of collections gives; places count as line 7 of s.yaml."""
    into = Builder()
    read_inline(collections, lambda path: Place("s.yaml", 7, 1 + len(path)), into)
    return into.finish()


def from_file(folder: Path, value: object, name: str = "export.json") -> TenantData:
    """What a file with this value gives; bytes and text are written as they are."""
    path = folder / name
    if isinstance(value, bytes):
        path.write_bytes(value)
    else:
        path.write_text(value if isinstance(value, str) else json.dumps(value, indent=2), encoding="utf-8")
    into = Builder()
    read_file(path, into)
    return into.finish()


def place_of(wrong: InputError) -> tuple[str, int, int]:
    """File name, line and column of an error."""
    assert wrong.place is not None
    return Path(wrong.place.file).name, wrong.place.line, wrong.place.column


def texts(data: TenantData) -> str:
    return "\n".join(notice.text for notice in data.notices)
