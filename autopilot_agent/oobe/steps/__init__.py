"""The step of each state. A state without one is found by a test and by the engine."""

from __future__ import annotations

from autopilot_agent.oobe.engine import Step
from autopilot_agent.oobe.states import State
from autopilot_agent.oobe.steps import desktop, error_pages, join, prefix, sign_in, status_page, updates

STEPS: dict[State, Step] = {
    State.BOOT: prefix.boot,
    State.LANGUAGE: prefix.language,
    State.REGION: prefix.region,
    State.KEYBOARD: prefix.keyboard,
    State.NETWORK: prefix.network,
    State.CONNECTIVITY: prefix.connectivity,
    State.PROFILE: prefix.profile,
    State.ACTIVATION: updates.activation,
    State.UPDATES: updates.critical_updates,
    State.RENAME: updates.rename,
    State.BRANCH: updates.branch,
    State.EULA: sign_in.eula,
    State.NAME_DEVICE: sign_in.name_device,
    State.ACCOUNT_CHOICE: sign_in.account_choice,
    State.LOCAL_ACCOUNT: sign_in.local_account,
    State.SIGN_IN: sign_in.identify,
    State.AUTHENTICATE: sign_in.authenticate,
    State.TENANT_MATCH: sign_in.tenant_match,
    State.TERMS_OF_USE: sign_in.terms_of_use,
    State.ENTRA_JOIN: join.entra_join,
    State.MDM_ENROLMENT: join.mdm_enrolment,
    State.LOCAL_RIGHTS: join.local_rights,
    State.DEVICE_PREPARATION: status_page.device_preparation,
    State.DEVICE_SETUP: status_page.device_setup,
    State.QUALITY_UPDATES: updates.quality_updates,
    State.FIRST_SIGN_IN: desktop.first_sign_in,
    State.PRIVACY: desktop.privacy,
    State.ACCOUNT_SETUP: status_page.account_setup,
    State.HELLO: desktop.hello,
    State.SOMETHING_WENT_WRONG: error_pages.something_went_wrong,
    State.OTHER_ORGANIZATION: error_pages.other_organization,
    State.ESP_ERROR: status_page.error_page,
    State.RESET_DEVICE: status_page.reset_device,
    State.DESKTOP: desktop.desktop,
}
