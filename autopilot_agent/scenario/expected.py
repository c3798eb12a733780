"""What the names in ``expect`` must be: states, screens, apps' states, buttons, codes; and nothing left empty."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from autopilot_agent import rulebook
from autopilot_agent.device.storage import APP_STATES
from autopilot_agent.scenario.known import Checker, ids, known_codes, known_ends, known_events, known_live_states, known_states
from autopilot_agent.scenario.parts import ExpectSpec, StateDuration
from autopilot_agent.scenario.problems import Steps, suggestion

NOT_TRACKED = "not assigned or not tracked"
"""The state of an app that the device knows nothing of."""
ERROR_PAGES = ("ESPERR", "WRONG", "ORGERR", "PPFAIL")
"""Pages whose choices ``error_choices`` is about."""
_HRESULT = re.compile(r"0x[0-9A-F]{8}")
_MESSAGE = re.compile(r"AADSTS[0-9]+|OOBEIDPS|rejectedTermsOfUse")
"""What the pages before the ESP show instead of a HRESULT."""
_NOT_EMPTY = (
    "visits", "never", "apps", "accounts", "states", "reached", "registry", "csp", "cloud", "events", "no_events", "rules",
)  # fmt: skip
"""Expectations that would expect nothing if they were empty."""


def in_words(text: str) -> str:
    """A state as it is compared: small letters, spaces between the words."""
    return text.casefold().replace("_", " ").replace("-", " ")


_NO_LIMIT = StateDuration()
_APP_STATES = frozenset(in_words(state) for state in (*APP_STATES, NOT_TRACKED))
_EVENT = re.compile(r"[^/]*[^/\s]/[0-9]+")


@cache
def error_choices() -> frozenset[str]:
    """Every button that an error page can have."""
    screens = rulebook.screens()
    return frozenset(choice for name in ERROR_PAGES for choice in screens[name].choices)


class ExpectChecker(Checker):
    """Checks one ``expect``, of a scenario or of an act."""

    def expect(self, it: ExpectSpec, path: Steps) -> None:
        if it.end_state is not None:
            self.name((*path, "end_state"), it.end_state, known_ends(), "an end of the flow")
        self.names((*path, "visits"), it.visits, known_states(), "a state or a screen")
        self.names((*path, "never"), it.never, known_states(), "a state or a screen")
        self.names((*path, "screens"), it.screens, ids(rulebook.screens), "a screen")
        self.names((*path, "rules"), it.rules, ids(rulebook.rules), "a rule")
        self.duration((*path, "within"), it.within)
        self.duration((*path, "at_least"), it.at_least)
        self.least((*path, "reboots"), it.reboots, 0)
        self.times((*path, "states"), it.states, known_live_states(), "a state in which time passes")
        self.times((*path, "reached"), it.reached, known_states(), "a state or a screen")
        self.error(it, path)
        self.events((*path, "events"), it.events)
        self.events((*path, "no_events"), it.no_events)
        for app, state in (it.apps or {}).items():
            if in_words(state) not in _APP_STATES:
                self.add((*path, "apps", app), f"{state[:60]!r} is not a state of an app; {suggestion(state, APP_STATES)}")
        if it.cloud:
            from autopilot_agent.tenant.state import RECORDED

            for name in it.cloud:
                self.name((*path, "cloud", name), name, RECORDED, "anything that the cloud records", key=True)
        for index, check in enumerate(it.registry or ()):
            self.key((*path, "registry", index, "key"), check.key)
            if check.absent and check.value is not None:
                self.add((*path, "registry", index), "what is absent has no value; keep 'absent' or 'value'.")
        for field in _NOT_EMPTY:
            if getattr(it, field) in ([], {}):
                self.add((*path, field), "nothing is expected here; write something or remove the key.")

    def error(self, it: ExpectSpec, path: Steps) -> None:
        if it.error:
            code = rulebook.normalised_code(it.error)
            self.code((*path, "error"), it.error)
            if code not in known_codes() and not _HRESULT.fullmatch(code) and not _MESSAGE.fullmatch(code):
                self.add((*path, "error"), f'{it.error[:60]!r} is not a code; write it as "0x80180014", in quotes.')
        if it.error_step is not None:
            self.name((*path, "error_step"), it.error_step, known_live_states(), "a step of the flow")
        self.names((*path, "error_choices"), it.error_choices, error_choices(), "a button of an error page")

    def times(self, path: Steps, limits: dict[str, StateDuration] | None, known: frozenset[str], what: str) -> None:
        for name, limit in (limits or {}).items():
            self.name((*path, name), name, known, what, key=True)
            self.duration((*path, name, "within"), limit.within)
            self.duration((*path, name, "at_least"), limit.at_least)
            if limit == _NO_LIMIT:
                self.add((*path, name), "no limit is written; add within or at_least.")

    def empty(self, value: Any, path: Steps, written: Steps = ()) -> None:
        """Find what is written without a value: it would expect nothing. A node may be expected to be absent, an error too."""
        if value is None:
            if written != ("error",) and not (written[:1] == ("csp",) and len(written) == 2):
                self.add((*path, *written), "is empty; write a value or remove the key.")
        elif isinstance(value, dict):
            for name, item in value.items():
                self.empty(item, path, (*written, name))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self.empty(item, path, (*written, index))

    def events(self, path: Steps, events: list[str] | None) -> None:
        for index, text in enumerate(events or ()):
            if not _EVENT.fullmatch(text):
                self.add((*path, index), f'{text[:60]!r} is not an event; write channel and id as "Autopilot/161".')
            else:
                self.name((*path, index), text, known_events(), "an event of the rulebook")
