"""``PATH=VALUE``: single values of a scenario set from the command line, or by a row of a matrix."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.layers import SET, Composed, Layer, Words, compose, laid_over
from autopilot_agent.scenario.problems import Steps, path_text
from autopilot_agent.text.yaml_text import Document, load_yaml_value

MAX_TEXT = 64 * 1024
MAX_STEPS = 40
FIXED = ("include", "matrix", "root")
"""Keys that are read before anything is set."""
NAMES = ("displayName", "name", "userPrincipalName", "id", "act", "fault")
"""Keys by whose value an item of a list is found."""

_STEP = re.compile(r"""(?P<dot>\.)?(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|\[(?P<index>[^\]]*)\]|(?P<bare>[^.\[\]"'=]+))""")


_EMPTY = "a part of the path is empty; expected keys with dots between them, such as device.network."


class Setting(msgspec.Struct, frozen=True):
    """A value for a path of a scenario; it stands at ``at`` in ``document``. ``text`` is what was typed, if it was."""

    path: Steps
    value: Any
    document: Document
    at: Steps = ()
    text: str = ""

    def place(self) -> Place:
        """Where it stands."""
        return self.document.place(self.at, key=True)


def parse_setting(text: str, option: str = SET) -> Setting:
    """Read ``PATH=VALUE``; the value is YAML. Raises ``InputError`` at ``--set PATH``, or whatever ``option`` was typed."""
    path, end = _scanned(text)
    name = f"{option} {text[:end].strip()[:80]}".rstrip()
    place = Place(name)
    if text[end : end + 1] == ".":
        raise InputError(_EMPTY, place)
    if text[end : end + 1] != "=":
        raise InputError("expected PATH=VALUE, such as seed=7 or device.network=wifi; keys with dots stand in quotes.", place)
    if len(text) > MAX_TEXT:
        sentence = f"the value has more than {MAX_TEXT:,} characters; write it into a file that the scenario includes."
        raise InputError(sentence, place)
    steps = _checked_path(path, place)
    if text[end + 1 :].lstrip().startswith("#"):
        raise InputError("what begins with # is a comment in YAML, and no value; put the value in quotes as well.", place)
    try:
        value = load_yaml_value(text[end + 1 :], name)
    except InputError as error:  # its line and column are nowhere to be seen
        raise InputError(error.message, place) from None
    return Setting(steps, value, Words(name, None), (), text)


def parse_settings(texts: Iterable[str], option: str = SET) -> tuple[Setting, ...]:
    """Read several, in their order."""
    return tuple(parse_setting(text, option) for text in texts)


def parse_path(text: str, place: Place) -> Steps:
    """A dotted path as steps: ``device.network``, ``faults[0].code``, ``registry."HKLM\\\\A.B"``. Raises ``InputError``."""
    path, end = _scanned(text)
    if text[end : end + 1] == ".":
        raise InputError(_EMPTY, place)
    if end < len(text):
        sentence = f"{text[:60]!r} is no path: {text[end:][:20]!r} cannot stand there; put keys with dots in quotes."
        raise InputError(sentence, place)
    return _checked_path(path, place)


def _scanned(text: str) -> tuple[list[str | int], int]:
    """The steps at the beginning of a text, and where they end."""
    found: list[str | int] = []
    at = 0
    while (step := _STEP.match(text, at)) is not None:
        if step["index"] is None and bool(step["dot"]) is not bool(found):
            break
        at = step.end()
        if step["index"] is not None:
            index = step["index"].strip()
            found.append(int(index) if index.isascii() and index.isdigit() and len(index) < 7 else index.strip("\"'"))
        elif step["bare"] is not None:
            found.append(step["bare"].strip())
        else:
            found.append(step["double"] if step["double"] is not None else step["single"])
    return found, at


def _checked_path(path: list[str | int], place: Place) -> Steps:
    if not path or any(step == "" for step in path):
        raise InputError(_EMPTY, place)
    if len(path) > MAX_STEPS:
        raise InputError(f"the path has {len(path)} parts; no scenario is that deep.", place)
    if path[0] in FIXED:
        raise InputError(f"{path[0]!r} is read before anything is set; change it in the file.", place)
    return tuple(path)


def apply_settings(document: Document, settings: Iterable[Setting]) -> Document:
    """The document with values set, later ones over earlier ones; places of what was set lead to the settings.

    Keys and values are merged, everything else is replaced. Whether the outcome is a scenario is for ``checked`` of
    the loader to say. Raises ``InputError`` where a path leads into what has no such parts.
    """
    settings = tuple(settings)
    if not settings:
        return document
    layers = list(document.layers) if isinstance(document, Composed) else [Layer(document, document.value)]
    whole = document.value
    for one in settings:
        layer = Layer(one.document, one.value, _resolved(one, whole), one.at)
        whole = laid_over(whole, layer.path, layer.value)
        layers.append(layer)
    return compose(layers)


def _resolved(setting: Setting, whole: Any) -> Steps:
    """The path with names and digits turned into places of lists; refused where it goes below a single value."""
    found: list[str | int] = []
    value = whole
    path = _into_includes(setting, whole)
    for index, step in enumerate(path):
        if isinstance(value, list):
            step = _item(value, step, path_text(tuple(found)), setting)
            value = value[step]
        elif isinstance(value, dict) or value is None:
            step = str(step)
            value = value.get(step) if isinstance(value, dict) else None
        else:
            here = path_text(tuple(found))
            shown = repr(value if len(str(value)) < 40 else str(value)[:40] + "...") if isinstance(value, str) else str(value)
            raise InputError(
                f"{here} is {shown} here, which has no {path_text(path[index:])}; set {here} to keys and values.",
                setting.place(),
            )
        found.append(step)
    return tuple(found)


def _into_includes(setting: Setting, whole: Any) -> Steps:
    """The path, led to ``tenant.change`` where it names a resource that only the tenant's includes can have."""
    path = setting.path
    tenant = whole.get("tenant") if isinstance(whole, dict) else None
    if len(path) < 3 or path[0] != "tenant" or not isinstance(tenant, dict) or not tenant.get("include"):
        return path
    from autopilot_agent.tenant.graph.kinds import SINGLE, collection_named

    collection, item = str(path[1]), path[2]
    field = collection_named(collection)
    written = tenant.get(collection)
    if field is None or (field in SINGLE and written is not None):
        return path
    if field not in SINGLE:
        if isinstance(written, list) and (isinstance(item, int) or any(_is_named(one, item) for one in written)):
            return path
        if isinstance(item, int):
            sentence = f"tenant.{collection} comes from tenant.include; say which by its name, tenant.{collection}[NAME]."
            raise InputError(sentence, setting.place())
    return ("tenant", "change", *path[1:])


def _is_named(one: Any, name: str | int) -> bool:
    return isinstance(one, dict) and any(one.get(key) == name for key in NAMES)


def _item(items: list[Any], step: str | int, here: str, setting: Setting) -> int:
    if isinstance(step, str) and step.isascii() and step.isdigit() and len(step) < 7:
        step = int(step)
    if isinstance(step, int):
        if step < len(items):
            return step
        raise InputError(f"{here} has {len(items)} items, counted from 0; there is no [{step}].", setting.place())
    named = [index for index, one in enumerate(items) if _is_named(one, step)]
    if len(named) == 1:
        return named[0]
    if named:
        sentence = f"{len(named)} items of {here} are named {step[:60]!r}; say which by its number, {here}[0]."
        raise InputError(sentence, setting.place())
    from autopilot_agent.scenario.problems import suggestion

    known = [str(one[key]) for one in items if isinstance(one, dict) for key in NAMES[:1] if key in one]
    hint = suggestion(step, known) if known else f"count its items from 0, {here}[0]."
    raise InputError(f"{here} has no item {step[:60]!r}; {hint}", setting.place())
