"""JSON files of any tool: find the encoding, decode, and find the line of a value afterwards."""

from __future__ import annotations

import codecs
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.errors import InputError, Place

from .source import JsonPath

if TYPE_CHECKING:
    from json import JSONDecoder

MAX_BYTES = 20 * 1024 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_BLANK = " \t\r\n"


def decode_text(data: bytes, file: str) -> str:
    """Text of a file: by its byte order mark, else UTF-8, else Windows-1252. Raises InputError."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data[len(bom) :].decode(encoding)
            except UnicodeDecodeError as wrong:
                raise InputError(f"the file starts like {encoding.upper()} but is not: {wrong.reason}", Place(file)) from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of at most 20 MiB. Raises InputError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as wrong:
        raise InputError(f"cannot read the file: {wrong.strerror}", Place(str(path))) from None
    if len(data) > MAX_BYTES:
        raise InputError(f"the file is larger than {MAX_BYTES // (1024 * 1024)} MiB", Place(str(path)))
    return data


class JsonText:
    """A JSON text with its value and the way back from a value to its line."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self._last_item: dict[JsonPath, tuple[int, int]] = {}
        self._roots: dict[str, int | None] = {}
        self._line_at = (0, 1)
        self.value = self._parse()

    def _parse(self) -> object:
        if not self.text.strip():
            raise InputError("the file is empty", Place(self.file))
        try:
            value: object = msgspec.json.decode(self.text)
        except RecursionError:
            raise InputError("the JSON is nested too deeply", Place(self.file)) from None
        except msgspec.DecodeError as first:
            raise self._explained(str(first)) from None
        if self.text.count('":') != _keys(value):  # what stands twice is lost in the value
            self._refuse_twice()
        return value

    def _refuse_twice(self) -> None:
        """Raise InputError for a key that stands twice in one object; of what looks like one, most is text of a value."""
        import json  # only where something looks wrong

        twice = False

        def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
            nonlocal twice
            made = dict(found)
            twice = twice or len(made) != len(found)
            return made

        try:
            json.loads(self.text, object_pairs_hook=pairs, strict=False)
        except (ValueError, RecursionError):  # msgspec accepts a little more than the standard parser
            return
        if twice:
            key, at = self._twice(self._skip_blank(0))[0] or ("", 0)
            raise InputError(f'the key "{key[:60]}" stands here twice; keep one', self._place_at(at))

    def _twice(self, at: int) -> tuple[tuple[str, int] | None, int]:
        """The first key at or below a value that stands twice, with its place; and where the value ends."""
        from json.decoder import scanstring  # type: ignore[attr-defined]  # not in typeshed, but in every CPython

        opening = self.text[at]
        if opening not in "{[":
            return None, self._end_of(at)
        seen: set[str] = set()
        position = self._skip_blank(at + 1)
        while self.text[position] not in "}]":
            if opening == "{":
                key, end = scanstring(self.text, position + 1, False)
                if key in seen:
                    return (key, position), position
                seen.add(key)
                position = self._skip_blank(self._skip_blank(end) + 1)
            found, position = self._twice(position)
            if found is not None:
                return found, position
            position = self._skip_blank(position)
            if self.text[position] == ",":
                position = self._skip_blank(position + 1)
        return None, position + 1

    def _explained(self, reason: str) -> InputError:
        """msgspec counts bytes; the standard parser knows lines and tells trailing text from other mistakes."""
        import json  # only for mistakes

        try:
            json.loads(self.text)
        except json.JSONDecodeError as wrong:
            place = Place(self.file, wrong.lineno, wrong.colno)
            if wrong.msg == "Extra data":
                rest = self.text[wrong.pos : wrong.pos + 1]
                several = "several JSON values one after the other" if rest in "{[" else "text after the end of the JSON"
                return InputError(f"{several}: save each export to its own file, or as one list", place)
            return InputError(f"broken JSON: {wrong.msg}", place)
        except RecursionError:
            return InputError("the JSON is nested too deeply", Place(self.file))
        except ValueError:
            return InputError("a number in the JSON is too large", Place(self.file))
        at = re.search(r"byte (\d+)", reason)  # what the standard parser tolerates, NaN for example
        if at is None:
            return InputError(f"broken JSON: {reason}", Place(self.file))
        before = self.text.encode("utf-8", "replace")[: int(at[1])].decode("utf-8", "replace")
        return InputError(f"broken JSON: {reason.partition(' (')[0]}", self._place_at(len(before)))

    def place(self, path: JsonPath) -> Place:
        """Line and column of the value at ``path``, or of its nearest parent that exists."""
        at = self._skip_blank(0)
        try:
            for depth, part in enumerate(path):
                inner = self._child(at, path[:depth], part)
                if inner is None:
                    break
                at = inner
        except (ValueError, RecursionError):  # msgspec accepts a little more than the scanner, for example huge numbers
            pass
        return self._place_at(at)

    def _child(self, at: int, parent: JsonPath, part: str | int) -> int | None:
        opening = self.text[at : at + 1]
        if isinstance(part, int) and opening == "[":
            return self._item(at, parent, part)
        if isinstance(part, str) and opening == "{":
            if parent:
                return self._member(at, part)
            if part not in self._roots:  # every resource of an envelope asks for it, and finding it reads the whole text
                self._roots[part] = self._member(at, part)
            return self._roots[part]
        return at if part == 0 else None  # a one-element list that was written without brackets

    def _item(self, at: int, parent: JsonPath, wanted: int) -> int | None:
        """Items are asked for in rising order, so the last one found is the place to go on from."""
        index, position = 0, self._skip_blank(at + 1)
        last = self._last_item.get(parent)
        if last is not None and last[1] <= wanted:
            position, index = last
        while self.text[position] != "]":
            if index == wanted:
                self._last_item[parent] = (position, index)
                return position
            position = self._skip_blank(self._end_of(position))
            if self.text[position] == ",":
                position = self._skip_blank(position + 1)
            index += 1
        return None

    def _member(self, at: int, wanted: str) -> int | None:
        from json.decoder import scanstring  # type: ignore[attr-defined]  # not in typeshed, but in every CPython

        position = self._skip_blank(at + 1)
        found: int | None = None
        while self.text[position] != "}":
            key, end = scanstring(self.text, position + 1, False)
            position = self._skip_blank(self._skip_blank(end) + 1)
            if key == wanted or (key[:1].isupper() and key[:1].lower() + key[1:] == wanted):
                found = position  # the last of two equal keys is the one that counts
            if key == "AdditionalProperties" and self.text[position] == "{" and found is None:
                found = self._member(position, wanted)
            position = self._skip_blank(self._end_of(position))
            if self.text[position] == ",":
                position = self._skip_blank(position + 1)
        return found

    def _end_of(self, position: int) -> int:
        return _scanner().raw_decode(self.text, position)[1]

    def _skip_blank(self, position: int) -> int:
        while position < len(self.text) and self.text[position] in _BLANK:
            position += 1
        return position

    def _place_at(self, offset: int) -> Place:
        seen, line = self._line_at
        if offset < seen:
            seen, line = 0, 1
        line += self.text.count("\n", seen, offset)
        self._line_at = (offset, line)
        return Place(self.file, line, offset - self.text.rfind("\n", 0, offset))


def _keys(value: object) -> int:
    """How many keys there are in a value, at every depth."""
    found, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found += len(one)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


@cache
def _scanner() -> JSONDecoder:
    from json import JSONDecoder  # only when a place is asked for

    return JSONDecoder(strict=False)
