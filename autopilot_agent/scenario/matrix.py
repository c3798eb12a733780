"""``matrix``: one scenario played in several variants, each a row of settings with a readable name."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.problems import Steps
from autopilot_agent.scenario.settings import Setting, parse_path
from autopilot_agent.text.yaml_text import Document

MAX_CASES = 256
"""Cases of one file."""
LONGEST_VALUE = 40
LONGEST_NAME = 120

_FORM = (
    "a matrix is a list of rows, such as '- {name: wifi, device.network: wifi}', "
    "or keys with a list of values each, such as 'seed: [1, 2]'"
)


class Row(msgspec.Struct, frozen=True):
    """One variant."""

    name: str
    settings: tuple[Setting, ...]


def rows_of(document: Document) -> list[Row]:
    """The rows of a document's matrix, in their order; raises ``InputError`` with the place of what is wrong."""
    matrix = document.value["matrix"]
    place = document.place(("matrix",), key=True)
    if isinstance(matrix, list) and matrix:
        check_count(len(matrix), place)
        rows = [_row(document, index, row) for index, row in enumerate(matrix)]
    elif isinstance(matrix, dict) and matrix:
        rows = _product(document, matrix, place)
    else:
        found = "nothing" if not matrix and not isinstance(matrix, bool | int | float) else repr(matrix)[:40]
        raise InputError(f"{_FORM}; found {found}.", place)
    names = unique([row.name for row in rows])
    return [Row(name, row.settings) for name, row in zip(names, rows, strict=True)]


def unique(names: list[str]) -> list[str]:
    """The names, with a number behind those that came before."""
    taken = set(names)
    seen: set[str] = set()
    found: list[str] = []
    for name in names:
        number, other = 1, name
        while other in seen or (number > 1 and other in taken):
            number += 1
            other = f"{name} ({number})"
        seen.add(other)
        found.append(other)
    return found


def check_count(count: int, place: Place) -> None:
    """Refuse more cases than a file may have."""
    if count > MAX_CASES:
        raise InputError(
            f"the matrix makes {count:,} cases, more than the {MAX_CASES} that one file may have; list the rows that matter, "
            "or split the file.",
            place,
        )


def _row(document: Document, index: int, row: Any) -> Row:
    at: Steps = ("matrix", index)
    if not isinstance(row, dict) or not row:
        raise InputError(f"{_FORM}; this row is {'empty' if not row else 'no keys and values'}.", document.place(at))
    name = row.get("name")
    if name is not None and (not isinstance(name, str) or not name.strip() or "\n" in name or len(name) > LONGEST_NAME):
        sentence = f"the name of a row is text in one line, of at most {LONGEST_NAME} characters."
        raise InputError(sentence, document.place((*at, "name")))
    if name is not None:
        before = [one.get("name") for one in document.value["matrix"][:index] if isinstance(one, dict)]
        if name in before:
            first = document.place(("matrix", before.index(name), "name")).line
            sentence = f"the name {name!r} is taken by the row in line {first}; names tell rows apart."
            raise InputError(sentence, document.place((*at, "name")))
    settings = tuple(_setting(document, key, value, (*at, key)) for key, value in row.items() if key != "name")
    return Row(name or _named({key: value for key, value in row.items() if key != "name"}), settings)


def _product(document: Document, axes: dict[str, Any], place: Place) -> list[Row]:
    for key, values in axes.items():
        if not isinstance(values, list) or not values:
            sentence = f"{key[:60]!r}: expected a list of at least one value, such as {key[:60]}: [a, b]."
            raise InputError(sentence, document.place(("matrix", key)))
    check_count(math.prod(len(values) for values in axes.values()), place)
    keys = list(axes)
    rows: list[Row] = []
    for picked in product(*(range(len(values)) for values in axes.values())):
        values = {key: axes[key][index] for key, index in zip(keys, picked, strict=True)}
        settings = tuple(
            _setting(document, key, value, ("matrix", key, index))
            for (key, value), index in zip(values.items(), picked, strict=True)
        )
        rows.append(Row(_named(values), settings))
    return rows


def _setting(document: Document, key: str, value: Any, at: Steps) -> Setting:
    return Setting(parse_path(key, document.place(at, key=True)), value, document, at)


def _named(values: dict[str, Any]) -> str:
    """``device.network=wifi, seed=2``."""
    name = ", ".join(f"{key}={_worded(value)}" for key, value in values.items()) or "unchanged"
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."


def _flow(value: Any) -> str:
    """A value as YAML writes it in one line; for reading, not to be read back."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _worded(value: Any) -> str:
    text = " ".join(_flow(value).split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
