"""The tenant's commands as elements of a message, with the tenant's own numbers as CmdIDs."""

from __future__ import annotations

from msgspec import structs

from autopilot_agent.service.management import Command
from autopilot_agent.wire import syncml_document as dm


def written(command: Command) -> dm.Command:
    """One command; every one has a single item, because there are clients that know no more (protocols.md 18.4)."""
    if command.verb in dm.CONTAINERS:
        return dm.Command(command.verb, str(command.id), body=tuple(map(written, command.children)))
    told = command.verb in ("Add", "Replace") or command.format != "chr" or (command.verb == "Exec" and bool(command.value))
    node = command.format == "node" or command.verb in ("Get", "Delete", "Exec")
    data = None if node and not command.value else command.value
    item = dm.Item(command.uri, meta=dm.Meta(command.format) if told else dm.NO_META, data=data)
    return dm.Command(command.verb, str(command.id), items=(item,))


def numbers(commands: tuple[dm.Command, ...]) -> set[str]:
    """The CmdIDs of commands and of what is inside them."""
    found: set[str] = set()
    for one in commands:
        found.add(one.id)
        found |= numbers(tuple(inner for inner in one.body if isinstance(inner, dm.Command)))
    return found


def with_free_numbers(elements: tuple[dm.Element, ...], taken: set[str]) -> tuple[dm.Element, ...]:
    """The elements with CmdIDs that no command of the message has."""
    out: list[dm.Element] = []
    number = 0
    for one in elements:
        number += 1
        while str(number) in taken:
            number += 1
        out.append(structs.replace(one, id=str(number)))
    return tuple(out)
