"""Invariants as monitors: each looks at a finished run, and one that is broken is a defect of the simulator (exit 4).

``MONITORS`` maps an id to the function that watches it: ids of flows.md 12 (``I-10``, statements in the rulebook) and our
own (``X-04``, statements in ``OWN_STATEMENTS``). A monitor gets a ``Record`` and says in a sentence what broke it, or None.
docs/invariants.md lists them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from autopilot_agent.scenario.monitors import files, honesty, hybrid, resets, setting_up, status_page, success, userless
from autopilot_agent.scenario.monitors.record import CloudUnknown, Record

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan
    from autopilot_agent.scenario.run import Result

Monitor = Callable[[Record], str | None]

MONITORS: dict[str, Monitor] = dict(
    sorted(
        (
            setting_up.MONITORS
            | files.MONITORS
            | hybrid.MONITORS
            | status_page.MONITORS
            | honesty.MONITORS
            | resets.MONITORS
            | success.MONITORS
            | userless.MONITORS
        ).items()
    )
)
OWN_STATEMENTS = {
    "X-01": "Events are numbered from 0 without gaps, and time never goes back.",
    "X-02": "The states follow the edges of the flow, and the run ends once, in an end state, with that state's outcome.",
    "X-03": "An app that counts as installed is there: its detection rules, its product or its node say so.",
    "X-04": "A phase of the ESP that succeeded has all rows, tracked apps and expected items done and the server finished.",
    "X-05": "Nobody reaches the desktop without an account that signed in since the last restart.",
    "X-06": "A device is joined or enrolled only by a good answer of the service, and obeys no MDM before that.",
    "X-07": "Every rule that a run cites is in the rulebook.",
    "X-08": "What the person types into a secret field is never recorded.",
    "X-09": "A run that did not complete says why: its error report cites a rule.",
    "X-10": "After a restart nothing uses a token that only memory held.",
    "X-11": "Restarts on record, boots of the flow and the counter on disk agree.",
    "X-12": "A host that the firewall closes never answers, nor a domain controller outside its network.",
    "X-13": "A blocking phase of the ESP that succeeds does so within its time limit.",
    "X-14": "While the ESP shows a phase, the extension starts no app outside the list of blocking apps.",
    "X-15": "The drive is encrypted only after its recovery key is in Entra.",
    "X-16": "With a standard-user profile the user is no local administrator unless a directory role says so.",
    "X-17": "On one disk a device joins Entra once and enrols once, whatever interrupts it.",
    "X-18": "After an Autopilot Reset nobody can sign in before a management session has finished.",
    "X-19": "An Entra account is at the desktop only of a device that is joined to Entra.",
}


def broken_invariants(plan: Plan, result: Result) -> list[str]:
    """The invariants that the run broke, as "I-10: what happened"; ``result`` as it stands before the verdict."""
    record = Record(plan, result)
    found: list[str] = []
    for name, monitor in MONITORS.items():
        try:
            said = monitor(record)
        except CloudUnknown:
            continue
        if said is not None:
            found.append(f"{name}: {said}")
    return found
