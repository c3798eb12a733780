"""Graph's query options ($filter, $select, $expand, $top, ...); what is not understood is refused, never ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from autopilot_agent.simulator.graph_properties import Shape, wrong_path
from autopilot_agent.tenant.graph.spelling import suggestion

PAGE = 100
"""Items of a page where the client does not say."""
MOST = 1000
OF_LISTS = frozenset({"$filter", "$top", "$skip", "$skiptoken", "$select", "$count", "$expand"})
OF_ONE = frozenset({"$select", "$expand"})
_TERM = re.compile(
    r"\s*(?P<name>[A-Za-z][\w/]*)\s+eq\s+(?P<value>'(?:[^']|'')*'|-?\d+|true|false|null)\s*", re.IGNORECASE | re.ASCII
)
_CONTAINS = re.compile(r"\s*contains\(\s*(?P<name>[A-Za-z][\w/]*)\s*,\s*(?P<value>'(?:[^']|'')*')\s*\)\s*", re.ASCII)
_AND = re.compile("and\\b", re.IGNORECASE)

Item = Mapping[str, Any]


class Wrong(Exception):
    """A request that is refused: its status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Term(msgspec.Struct):
    """One comparison of a $filter."""

    path: str
    holds: Callable[[Item], bool]


class Options(msgspec.Struct):
    """What a query asks for. ``select`` is empty where everything is to be shown."""

    filter: list[Term] = []
    select: list[str] = []
    expand: list[str] = []
    top: int = PAGE
    skip: int = 0
    count: bool = False

    def wants(self, item: Item) -> bool:
        """Whether all comparisons hold."""
        return all(term.holds(item) for term in self.filter)

    def selected(self, item: dict[str, Any]) -> dict[str, Any]:
        """The properties that are to be shown."""
        if not self.select or "*" in self.select:
            return item
        wanted = {*self.select, *self.expand, "@odata.type"}
        return {name: value for name, value in item.items() if name in wanted}


def options_of(query: Mapping[str, str], *, one: bool = False) -> Options:
    """The options of a query, for a list or for one resource. Raises ``Wrong`` for what is not understood."""
    for name in query:
        if name.startswith("$") and name not in (OF_ONE if one else OF_LISTS):
            raise Wrong(400, f"The query option {name[:60]} is not supported here.")
    count = query.get("$count", "false").casefold()
    if count not in ("true", "false"):
        raise Wrong(400, f"$count is true or false, not {query['$count'][:60]!r}.")
    skip = _number(query.get("$skip", "0"), "$skip", 0, 10**9)  # a page that a token names begins behind it already
    return Options(
        _filter(query["$filter"]) if "$filter" in query else [],
        _names(query.get("$select", "")),
        _names(query.get("$expand", "")),
        _number(query.get("$top", str(PAGE)), "$top", 1, MOST),
        _number(query["$skiptoken"], "$skiptoken", 0, 10**9) if "$skiptoken" in query else skip,
        count == "true",
    )


def check_options(query: Mapping[str, str], shape: Shape | None, *, one: bool) -> None:
    """Refuse options that a request cannot have: ``shape`` is what a GET answers with, None for every other request.

    Before anything is done, so that a request that is refused changed nothing. Raises ``Wrong``.
    """
    if shape is None:
        wrong = next((name for name in query if name.startswith("$")), "")
        if wrong:
            raise Wrong(400, f"The query option {wrong[:60]} belongs to GET; nothing was done.")
        return
    found = options_of(query, one=one)
    for name in found.select:
        if name not in (*shape.kept, *shape.known, *shape.expandable, "*"):
            raise Wrong(400, f"$select names {name[:60]!r}, which is no property here{_meant(name, [*shape.kept])}")
    for name in found.expand:
        if name not in shape.expandable:
            raise Wrong(400, f"$expand names {name[:60]!r}, which cannot be expanded here{_meant(name, [*shape.expandable])}")
    for term in found.filter:
        wrong, near = wrong_path(term.path, shape)
        if wrong in shape.known and wrong == term.path:
            raise Wrong(400, f"$filter names {wrong!r}, which is not kept here, so that nothing can be compared with it.")
        if wrong:
            raise Wrong(400, f"$filter names {term.path[:100]!r}, which is no property here{_meant(wrong, near)}")


def _meant(name: str, names: list[str]) -> str:
    return suggestion(name, names) or "."


def _names(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _number(text: str, name: str, least: int, most: int) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 9 or not least <= int(text) <= most:
        raise Wrong(400, f"{name} has to be a number from {least} to {most}.")
    return int(text)


def _filter(text: str) -> list[Term]:
    """The comparisons of a $filter; all of them have to hold."""
    terms: list[Term] = []
    spot = 0
    while True:
        found = _TERM.match(text, spot) or _CONTAINS.match(text, spot)
        if found is None:
            raise Wrong(400, "This $filter is not supported here; write: name eq 'value', contains(name,'value'), and.")
        terms.append(Term(found["name"], _term(found["name"].split("/"), found["value"], exact=found.re is _TERM)))
        spot = found.end()
        if spot == len(text):
            return terms
        more = _AND.match(text, spot)
        if more is None:
            raise Wrong(400, "This $filter is not supported here; comparisons are joined with and.")
        spot = more.end()


def _term(path: list[str], literal: str, *, exact: bool) -> Callable[[Item], bool]:
    quoted = literal.startswith("'")
    value: Any = literal[1:-1].replace("''", "'").casefold() if quoted else msgspec.json.decode(literal.lower())

    def holds(item: Item) -> bool:
        found: Any = item
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        found = found.casefold() if isinstance(found, str) else found
        if not exact:
            return isinstance(found, str) and value in found
        return type(found) is type(value) and bool(found == value)

    return holds
