"""Every exception the package raises, and the exit code each one means.

    AutopilotAgentError
      InputError            a file, a name or an argument is wrong              exit 2
      ServiceUnavailable    a backend cannot be used at all                     exit 3
      Defect                a rule of the simulator itself is broken: our bug   exit 4
        Endless             a flow that goes round in circles
      CallFailed            a call had no good answer: a fact of the simulated world
        ServiceFault        the service answered and refused
          Throttled         it is asked too often, and says when to come back
        Unreachable         nobody answered
      Malformed             bytes that are no message of their protocol

All of them take positional arguments only: SimPy rebuilds an escaping exception as ``type(e)(*e.args)`` and pickling
between worker processes wants the same.
"""

from __future__ import annotations

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A spot in an input file; line and column count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class AutopilotAgentError(Exception):
    """Base of everything the package raises on purpose."""

    exit_code = 4


class InputError(AutopilotAgentError):
    """Something the person gave us is wrong: ``InputError(sentence, place or None)``."""

    exit_code = 2

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message, place)
        self.message = message
        self.place = place

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class ServiceUnavailable(AutopilotAgentError):
    """A backend cannot be used: ``ServiceUnavailable(sentence)``."""

    exit_code = 3


class Defect(AutopilotAgentError):
    """The simulator broke one of its own rules: ``Defect(sentence)``."""

    exit_code = 4


class Endless(Defect):
    """A flow went round in circles: ``Endless(sentence)``. Our bug, unless the scenario makes it do so."""


class Malformed(AutopilotAgentError):
    """Bytes that are no message of their protocol: ``Malformed(sentence)``. A client fails the call, a server refuses it."""


class CallFailed(AutopilotAgentError):
    """A service call without a good answer: ``(code, reason, rule)``.

    ``code`` is what the device shows ("0x80180014", "807", "AADSTS50126"), ``reason`` what the service said, ``rule`` the
    row of the rulebook that explains it ("F-26"), or "".
    """

    retry_after = 0
    """Milliseconds after which the service wants to be asked again; 0 where it says nothing."""

    def __init__(self, code: str, reason: str = "", rule: str = "") -> None:
        super().__init__(code, reason, rule)
        self.code = code
        self.reason = reason
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}" if self.reason else self.code


class ServiceFault(CallFailed):
    """The service answered and refused."""


class Throttled(ServiceFault):
    """The service is asked too often (429, 503): ``(code, reason, rule, retry_after)``, the last in milliseconds."""

    def __init__(self, code: str, reason: str = "", rule: str = "", retry_after: int = 0) -> None:
        super().__init__(code, reason, rule)
        self.args = (code, reason, rule, retry_after)
        self.retry_after = retry_after


class Unreachable(CallFailed):
    """No answer came: no network, name not resolved, connection refused, or time-out."""
