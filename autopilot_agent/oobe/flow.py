"""A flow: edges as data, checked when it is built, guarded by ``transitions``, walked through a compiled table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.errors import Defect
from autopilot_agent.oobe.states import ENDS, Outcome, State

if TYPE_CHECKING:
    from transitions import Machine


class Edge(msgspec.Struct, frozen=True):
    """From ``state``, when its step ends with ``outcome``, to ``target``."""

    state: State
    outcome: Outcome
    target: State


class Flow:
    """One mode's table. Raises ``Defect`` when the table contradicts itself."""

    def __init__(self, name: str, start: State, edges: tuple[Edge, ...]) -> None:
        self.name = name
        self.start = start
        self.edges = edges
        self.table: dict[State, dict[Outcome, State]] = {}
        for edge in edges:
            outcomes = self.table.setdefault(edge.state, {})
            if edge.outcome in outcomes:
                raise Defect(f"flow {name}: {edge.state.value} has two edges for {edge.outcome.value}")
            outcomes[edge.outcome] = edge.target
        self._check()

    @property
    def states(self) -> tuple[State, ...]:
        """Every state of this flow, in the order of the edges."""
        return tuple(dict.fromkeys(s for edge in self.edges for s in (edge.state, edge.target)))

    @property
    def ends(self) -> tuple[State, ...]:
        """The ends this flow can reach."""
        return tuple(state for state in self.states if state in ENDS)

    def next(self, state: State, outcome: Outcome) -> State:
        """Where an outcome leads; ``Defect`` names the missing edge."""
        try:
            return self.table[state][outcome]
        except KeyError:
            raise Defect(f"flow {self.name}: {state.value} has no edge for {outcome.value.upper()}") from None

    def machine(self) -> Machine:
        """The same table as a ``transitions.Machine`` (the definition's guard, and the source of diagrams)."""
        from transitions import Machine

        return Machine(
            model=None,
            states=[state.value for state in self.states],
            transitions=[
                {"trigger": edge.outcome.value, "source": edge.state.value, "dest": edge.target.value} for edge in self.edges
            ],
            initial=self.start.value,
            auto_transitions=False,
        )

    def _check(self) -> None:
        reached = {self.start}
        waiting = [self.start]
        while waiting:
            for target in self.table.get(waiting.pop(), {}).values():
                if target not in reached:
                    reached.add(target)
                    waiting.append(target)
        for state in self.states:
            if state not in reached:
                raise Defect(f"flow {self.name}: {state.value} cannot be reached")
            if state in ENDS and state in self.table:
                raise Defect(f"flow {self.name}: {state.value} is an end and has edges")
            if state not in ENDS and state not in self.table:
                raise Defect(f"flow {self.name}: {state.value} has no edges")
        if not reached & set(ENDS):
            raise Defect(f"flow {self.name}: no end can be reached")
