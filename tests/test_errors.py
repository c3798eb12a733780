"""The exception tree: exit codes, sentences, and that SimPy and worker processes can rebuild each one."""

from __future__ import annotations

import pickle

import pytest

from autopilot_agent import errors
from autopilot_agent.errors import (
    AutopilotAgentError,
    CallFailed,
    Defect,
    Endless,
    InputError,
    Malformed,
    Place,
    ServiceFault,
    ServiceUnavailable,
    Throttled,
    Unreachable,
)

EXAMPLES = [
    AutopilotAgentError("something"),
    InputError("unknown mode 'x'", Place("s.yaml", 3, 7)),
    InputError("unknown mode 'x'"),
    ServiceUnavailable("nobody listens"),
    Defect("state x has no step"),
    Endless("flow x: still no end"),
    Malformed("no XML"),
    CallFailed("0x1"),
    ServiceFault("0x80180014", "blocked", "F-26"),
    Throttled("0x801901AD", "asked too often", "", 90_000),
    Unreachable("0x80072EE7", "", "F-13"),
]


def everything_raised() -> set[type[BaseException]]:
    return {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)}


def test_every_exception_has_an_example_here() -> None:
    assert {type(error) for error in EXAMPLES} == everything_raised()


def test_every_exception_comes_from_one_root() -> None:
    assert all(issubclass(kind, AutopilotAgentError) for kind in everything_raised())


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for kind in everything_raised():
        depth = len(kind.__mro__) - len(AutopilotAgentError.__mro__)
        assert f"\n{' ' * (4 + 2 * depth)}{kind.__name__}" in drawn


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_an_exception_is_rebuilt_from_its_arguments(error: AutopilotAgentError) -> None:
    again = type(error)(*error.args)
    assert (type(again), again.args, str(again), vars(again)) == (type(error), error.args, str(error), vars(error))


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_an_exception_survives_the_way_between_processes(error: AutopilotAgentError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, str(again), vars(again)) == (type(error), error.args, str(error), vars(error))


@pytest.mark.parametrize(
    ("kind", "code"), [(InputError, 2), (ServiceUnavailable, 3), (Defect, 4), (AutopilotAgentError, 4), (CallFailed, 4)]
)
def test_each_kind_means_an_exit_code(kind: type[AutopilotAgentError], code: int) -> None:
    assert kind.exit_code == code


@pytest.mark.parametrize(
    ("place", "text"),
    [(Place("a.yaml"), "a.yaml"), (Place("a.yaml", 3), "a.yaml:3"), (Place("a.yaml", 3, 7), "a.yaml:3:7")],
)
def test_a_place_says_as_much_as_is_known(place: Place, text: str) -> None:
    assert str(place) == text
    assert str(InputError("wrong", place)) == f"{text}: wrong"


def test_a_refusal_says_its_code_and_reason() -> None:
    assert str(ServiceFault("807", "not registered", "F-02")) == "807: not registered"
    assert str(ServiceFault("807")) == "807"
