"""What each key of an act is for, in one sentence, by type: a part of ``descriptions.py``."""

from __future__ import annotations

ACT = {
    "act": "What is done.",
    "after": "Time that passes before it, with the PC switched off, such as 10m.",
    "expect": "What must be true after this act.",
    "person": "Answers of whoever sits there in this act, by screen; they win over the scenario's.",
}
"""Keys of every act."""
UNTIL = {"until": "The state in which the PC is left, switched off; nothing means the end."}

ACTS: dict[str, dict[str, str]] = {
    "Provision": UNTIL,
    "Technician": UNTIL,
    "Ship": {"for": "How long it is on its way.", "network": "What it is plugged into there."},
    "Wait": {"for": "How long."},
    "User": {"name": "Who signs in; nothing means the user of the scenario.", **UNTIL},
    "Wipe": {"keep_enrollment_and_user": "Whether enrolment and user account are kept."},
    "FreshStart": {"keep_user_data": "Whether the user's data are kept."},
    "PowerCut": {"off_for": "How long the PC stays off."},
    "ReplaceMotherboard": {
        "serial_number": "The serial number of the new board; nothing means the same.",
        "product_key": "The product key of the new board; nothing means the same.",
    },
    "TaskSequence": {
        "generalize": "Whether the step that generalizes Windows is left in.",
        "delete_unattend": "Whether unattend.xml is deleted.",
        "join_domain": "Whether the sequence joins a domain.",
    },
    "CaptureHash": {"way": "How the hardware hash is read."},
    "Admin": {
        "at": "When, counted from power-on of the first act; nothing means now.",
        "register": "Register the device with Autopilot.",
        "consent": "Whether the organisation has agreed to a partner that registers devices.",
        "group_tag": "Set the group tag.",
        "assigned_user": "Assign a user to the device.",
        "import_csv": "Import a file with hashes.",
        "import_encoding": "How that file is saved.",
        "assign_profile": "Assign a profile to this device by itself.",
        "unassign_profile": "Take that assignment back.",
        "convert_targeted": "The profile that registers every device it is assigned to.",
        "owner_type": "Whom the device belongs to.",
        "deregister": "Take the device out of Autopilot.",
        "unblock": "Unblock the device for another enrolment.",
        "delete_managed_device": "Delete the Intune record.",
        "delete_entra_device": "Delete the Entra object.",
        "sync": "Press Sync.",
        "tenant": "Resources that come or change, with Microsoft Graph's names.",
        "cloud": "What changes of the scenario's cloud.",
    },
}
