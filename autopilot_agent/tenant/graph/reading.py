"""Read a tenant: a folder of Graph exports, one file, or the same collections written in a scenario."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from autopilot_agent.errors import InputError, Place

from .builder import Builder
from .documents import read_collections, read_document
from .hints import collection_of_file
from .source import Locate, Source
from .text import MAX_BYTES, JsonText, decode_text, read_bytes

MAX_FILES = 5_000
_JSON = frozenset({".json"})
_YAML = frozenset({".yaml", ".yml"})


def read_folder(path: Path, into: Builder) -> None:
    """Read every ``.json``, ``.yaml`` and ``.yml`` file below a folder, in the order of their names.

    Hidden files and other kinds of files are skipped. Raises InputError for a folder without such files or with more
    than 5,000, for a link that leads out of it, and for whatever is wrong in a file.
    """
    if not path.is_dir():
        raise InputError("there is no such folder", Place(str(path)))
    found = 0
    for file in _files(path, path.resolve(), set()):
        found += 1
        if found > MAX_FILES:
            raise InputError(f"the folder holds more than {MAX_FILES} files", Place(str(path)))
        _read(file, collection_of_file(file.relative_to(path)), into)
    if not found:
        sentence = "the folder holds no .json or .yaml file; name the folder that an export was written to."
        raise InputError(sentence, Place(str(path)))


def read_file(path: Path, into: Builder) -> None:
    """Read one ``.json``, ``.yaml`` or ``.yml`` file of at most 20 MiB. Raises InputError."""
    if path.suffix.lower() not in _JSON | _YAML:
        raise InputError("expected a .json or .yaml file", Place(str(path)))
    _read(path, collection_of_file(Path(path.name)), into)


def read_inline(mapping: Mapping[str, object], locate: Locate, into: Builder) -> None:
    """Read collections that a person wrote: Graph's collection name -> list, envelope or single resource.

    Stricter than for exports: unknown collections and types, and misspelt properties, are InputErrors.
    ``locate`` gives the place of a path in ``mapping``.
    """
    source = into.source(Source(locate(()).file, locate, inline=True))
    read_collections(mapping, source, (), into)


def _read(path: Path, hint: str | None, into: Builder) -> None:
    if path.suffix.lower() in _YAML:
        from autopilot_agent.text.yaml_text import load_yaml  # only when needed: it brings in yaml

        document = load_yaml(path, MAX_BYTES)
        value: object = document.value
        locate: Locate = document.place
    else:
        text = JsonText(decode_text(read_bytes(path), str(path)), str(path))
        value, locate = text.value, text.place
    try:
        read_document(value, Source(str(path), locate), hint, into, written=path.suffix.lower() in _YAML)
    except RecursionError:
        raise InputError("the file is nested too deeply", Place(str(path))) from None


def _files(folder: Path, root: Path, seen: set[Path]) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as wrong:
        raise InputError(f"cannot read the folder: {wrong.strerror}", Place(str(folder))) from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        real = path.resolve()
        if entry.is_symlink() and not real.is_relative_to(root):
            raise InputError("a link that leads out of the tenant folder is not followed", Place(str(path)))
        if real in seen:
            continue
        seen.add(real)
        if entry.is_dir():
            yield from _files(path, root, seen)
        elif path.suffix.lower() in _JSON | _YAML:
            yield path
