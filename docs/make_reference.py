"""Makes what is generated of the scenario language: ``python docs/make_reference.py``.

The reference part of docs/scenario-language.md comes from the types that read scenario files, with the sentences of
``cli/descriptions.py``; docs/schema/ has the JSON Schemas that ``autopilot-agent schema`` prints.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from autopilot_agent.cli.act_descriptions import ACT
from autopilot_agent.cli.descriptions import DESCRIPTIONS
from autopilot_agent.cli.schema import VERSION, defaults_schema, scenario_schema
from autopilot_agent.scenario.model import Scenario

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "scenario-language.md"
BEGIN, END = "<!-- reference: made by docs/make_reference.py -->\n", "<!-- end of reference -->\n"


def schemas() -> dict[Path, str]:
    """The schema files and their text."""
    made = {"scenario": scenario_schema(), "defaults": defaults_schema()}
    return {DOCS / "schema" / f"{name}.v{VERSION}.json": json.dumps(one, indent=2) + "\n" for name, one in made.items()}


def page(text: str) -> str:
    """The page with its reference part made anew."""
    part = re.compile(f"({re.escape(BEGIN)}).*?({re.escape(END)})", re.DOTALL)
    return part.sub(lambda found: found[1] + reference() + found[2], text)


def reference() -> str:
    """Every key of a scenario, by the type it belongs to, in the order in which the types are first met."""
    waiting: list[inspect.StructType] = [_struct(Scenario)]
    done: dict[type, str] = {}
    while waiting:
        kind = waiting.pop(0)
        if kind.cls in done:
            continue
        done[kind.cls] = _table(kind)
        waiting += [found for field in kind.fields for found in _structs(field.type)]
    return "\n" + "\n".join(done.values())


def _struct(kind: type) -> inspect.StructType:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return found


def _structs(kind: inspect.Type) -> list[inspect.StructType]:
    if isinstance(kind, inspect.StructType):
        return [_struct(kind.cls)]
    parts: list[inspect.Type] = []
    for name in ("types", "item_type", "value_type", "type"):
        part = getattr(kind, name, None)
        parts += part if isinstance(part, tuple) else [part] if isinstance(part, inspect.Type) else []
    return [found for part in parts for found in _structs(part)]


def title(kind: inspect.StructType) -> str:
    """``DeviceSpec`` -> ``device spec`` without the spec; acts by their tag."""
    if kind.tag_field:
        return f"act: {kind.tag}"
    words = re.sub(r"(?<!^)([A-Z])", r" \1", kind.cls.__name__.removesuffix("Spec")).lower()
    return words


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", text.lower()).replace(" ", "-")


def _table(kind: inspect.StructType) -> str:
    texts = {**(ACT if kind.tag_field else {}), **DESCRIPTIONS.get(kind.cls.__name__, {})}
    rows = [f"### {title(kind)}", ""]
    if not kind.fields:
        return "\n".join([*rows, "No keys of its own.", ""])
    rows += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for field in kind.fields:
        cells = (f"`{field.encode_name}`", worded(field.type), _default(field), texts[field.encode_name])
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*rows, ""])


def worded(kind: inspect.Type) -> str:
    """A type in words; other tables are linked."""
    if isinstance(kind, inspect.Metadata):
        return "duration" if kind.extra and kind.extra.get("duration") else worded(kind.type)
    if isinstance(kind, inspect.UnionType):
        acts = [one for one in kind.types if isinstance(one, inspect.StructType) and one.tag_field]
        rest = [worded(one) for one in kind.types if one not in acts and not isinstance(one, inspect.NoneType)]
        return " or ".join(dict.fromkeys([*rest, *(["keys of an act"] if acts else [])]))
    if isinstance(kind, inspect.StructType):
        name = title(_struct(kind.cls))
        return f"[{name}](#{_anchor(name)})"
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(f"`{one}`" if one != "" else '`""`' for one in kind.values)
    if isinstance(kind, inspect.ListType):
        return f"list of {_grouped(kind.item_type)}"
    if isinstance(kind, inspect.DictType):
        return f"by name: {_grouped(kind.value_type)}"
    names: tuple[tuple[type[inspect.Type], str], ...] = (
        (inspect.BoolType, "true, false"),
        (inspect.IntType, "whole number"),
        (inspect.FloatType, "number"),
        (inspect.StrType, "text"),
        (inspect.NoneType, "null"),
    )
    return next((name for one, name in names if isinstance(kind, one)), "anything")


def _grouped(kind: inspect.Type) -> str:
    text = worded(kind)
    return f"({text})" if " or " in text else text


def _default(field: inspect.Field) -> str:
    if field.required:
        return "**required**"
    value: Any = field.default
    if value is msgspec.NODEFAULT or value is None or value is msgspec.UNSET or value == "":
        return ""
    return f"`{json.dumps(value)}`"


def main() -> None:
    """Write the page and the schemas."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    for path, text in schemas().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
