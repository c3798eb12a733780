"""Profiles that Intune would refuse are errors; pages that contradict themselves give notices."""

from __future__ import annotations

import pytest
from graph_samples import Json, esp, inline, place_of, profile, texts, win32

from autopilot_agent.errors import InputError
from autopilot_agent.tenant.graph.apps import Win32LobApp
from autopilot_agent.tenant.graph.checks import wrong_name_template

HYBRID = {"@odata.type": "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile"}
SHARED = {"outOfBoxExperienceSetting": {"deviceUsageType": "shared"}, "outOfBoxExperienceSettings": None}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (HYBRID, "not from a device name template"),
        ({**HYBRID, **SHARED, "deviceNameTemplate": None}, "not possible with hybrid join"),
        ({"deviceType": "holoLens"}, "not possible for HoloLens"),
        ({"deviceNameTemplate": "CON %SERIAL%"}, "letters, digits and hyphens"),
    ],
)
def test_a_profile_that_cannot_be_is_an_error_with_its_place(change: Json, words: str) -> None:
    with pytest.raises(InputError) as caught:
        inline(windowsAutopilotDeploymentProfiles=[profile(**change)])
    assert words in caught.value.message
    assert place_of(caught.value)[:2] == ("s.yaml", 7)


@pytest.mark.parametrize("template", ["CON-%SERIAL%", "%serial%", "K-%RAND:5%", "ABCDEFG%SERIAL%", "PC-01", "%RAND:5%-A"])
def test_a_good_name_template_passes(template: str) -> None:
    assert wrong_name_template(template) is None


@pytest.mark.parametrize(
    "template",
    ["%SERIAL%%RAND:3%", "%RAND:3%-%RAND:3%", "%NAME%", "A_B", "12345", "%RAND:9%", "ABCDEFGH%SERIAL%", "A" * 16,
     "ABC%RAND:13%", "A%RAND:0%", "100%", "%RAND:99999999999%"],
)  # fmt: skip
def test_a_bad_name_template_is_explained(template: str) -> None:
    assert wrong_name_template(template)


def test_a_page_that_contradicts_itself_is_noticed() -> None:
    assert "has no effect" in texts(inline(deviceEnrollmentConfigurations=[esp(blockDeviceSetupRetryByUser=True)]))


@pytest.mark.parametrize(("minutes", "words"), [(0, "time limit is 0 minutes"), (1441, "1441 minutes are not a time limit")])
def test_a_time_limit_that_no_service_saves_is_refused(minutes: int, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        inline(deviceEnrollmentConfigurations=[esp(installProgressTimeoutInMinutes=minutes)])
    assert refused.value.place is not None


@pytest.mark.parametrize("minutes", [-1, 1441])
def test_a_time_limit_of_an_app_that_no_service_saves_is_refused(minutes: int) -> None:
    with pytest.raises(InputError, match=f"{minutes} minutes are not a time limit of an app") as refused:
        inline(mobileApps=[win32(installExperience={"maxRunTimeInMinutes": minutes})])
    assert refused.value.place is not None


def test_an_app_may_take_a_whole_day() -> None:
    data = inline(mobileApps=[win32(installExperience={"maxRunTimeInMinutes": 1440})])
    assert "time limit" not in texts(data)


def test_a_time_limit_of_nothing_is_that_of_an_app_that_says_none() -> None:
    data = inline(mobileApps=[win32(installExperience={"maxRunTimeInMinutes": 0})])
    app = data.mobile_apps[0]
    assert isinstance(app, Win32LobApp) and app.install_experience.minutes == 60 and "time limit" not in texts(data)


def test_a_hidden_page_without_a_time_limit_is_fine() -> None:
    page = esp(showInstallationProgress=False, installProgressTimeoutInMinutes=0)
    assert not texts(inline(deviceEnrollmentConfigurations=[page]))
