"""Scenario files read: their cases put together, every name in them checked, every mistake with its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.finding import find_scenarios as find_scenarios
from autopilot_agent.scenario.finding import text_of
from autopilot_agent.scenario.fragments import Parts, defaults_for, included_layers
from autopilot_agent.scenario.layers import SET, Layer, compose
from autopilot_agent.scenario.model import Scenario
from autopilot_agent.text.yaml_text import Document, load_yaml_documents

_NO_PARTS = Parts()


class LoadedScenario(msgspec.Struct):
    """One case of a scenario file: a document of it, or a row of its matrix.

    ``case`` is its name inside the file, "" where the file has one case; ``settings`` what ``--set`` changed, as typed;
    ``root`` the folder that includes must not leave, None for the usual one.
    """

    scenario: Scenario
    document: Document
    path: Path
    case: str = ""
    settings: tuple[str, ...] = ()
    root: Path | None = None


class Draft(msgspec.Struct):
    """A case put together and not checked yet."""

    document: Document
    path: Path
    case: str = ""
    settings: tuple[str, ...] = ()
    root: Path | None = None

    @property
    def tags(self) -> frozenset[str]:
        """Its tags, as far as they are text."""
        value = self.document.value
        tags = value.get("tags") if isinstance(value, dict) else None
        return frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset()

    @property
    def seed(self) -> int:
        """Its own seed."""
        value = self.document.value
        seed = value.get("seed") if isinstance(value, dict) else None
        return seed if isinstance(seed, int) else 1

    def load(self) -> LoadedScenario:
        """Check it; raises ``InputError`` that names every problem with its place."""
        scenario = checked(self.document)
        return LoadedScenario(scenario, self.document, self.path, self.case, self.settings, self.root)


def load_scenarios(path: Path, settings: Sequence[str] = ()) -> list[LoadedScenario]:
    """Read and check every case of a scenario file, in the order of the file; at least one.

    ``settings`` are values to set in every case, each ``"PATH=VALUE"``. Raises ``InputError`` that names every problem of
    the first wrong case with its place.
    """
    return [draft.load() for draft in drafts_of(path, settings)]


def load_scenario(
    path: Path, settings: Sequence[str] = (), *, only: Sequence[str] = (), option: str = SET
) -> LoadedScenario:
    """Read and check a file with one case, or the one that is named; raises ``InputError``, also when there are several."""
    drafts = drafts_of(path, settings, option=option)
    if only:
        from autopilot_agent.scenario.choosing import names_chosen

        names = names_chosen((draft.case for draft in drafts), only)
        drafts = [draft for draft in drafts if draft.case in names]
    return _only(drafts, path).load()


def load_scenario_text(text: str, path: Path) -> LoadedScenario:
    """The same for text that is not in a file; ``path`` is what places and includes go by. No folder's defaults count."""
    return _only(_drafts(text, path, (), defaults=False), path).load()


def with_settings(loaded: LoadedScenario, settings: Sequence[str], option: str = SET) -> LoadedScenario:
    """The same case with more values set, checked again; raises ``InputError`` that names ``option``."""
    from autopilot_agent.scenario.settings import apply_settings, parse_settings

    document = apply_settings(loaded.document, parse_settings(settings, option))
    return msgspec.structs.replace(
        loaded, scenario=checked(document), document=document, settings=(*loaded.settings, *settings)
    )


def drafts_of(path: Path, settings: Sequence[str] = (), *, text: str | None = None, option: str = SET) -> list[Draft]:
    """Every case of a file, put together and not checked; raises ``InputError`` for what keeps it from being put together.

    ``text`` is that of the file, if it has been read already; ``option`` is what ``settings`` were typed after.
    """
    return _drafts(text_of(path) if text is None else text, path, tuple(settings), defaults=True, option=option)


def _drafts(text: str, path: Path, typed: tuple[str, ...], *, defaults: bool, option: str = SET) -> list[Draft]:
    documents = load_yaml_documents(text, str(path))
    parts = defaults_for(path) if defaults else _NO_PARTS
    titles = _titles(documents) if len(documents) > 1 else [""]
    found: list[Draft] = []
    for document, title in zip(documents, titles, strict=True):
        root = parts.root if _widens(parts, path, document) else None
        for whole, row in _cases(document, path, parts, found):
            found.append(Draft(whole, path, " / ".join(name for name in (title, row) if name), typed, root))
    if typed:  # most runs need none of this
        from autopilot_agent.scenario.settings import apply_settings, parse_settings

        settings = parse_settings(typed, option)
        for draft in found:
            draft.document = apply_settings(draft.document, settings)
    return found


def _titles(documents: list[Document]) -> list[str]:
    from autopilot_agent.scenario.matrix import MAX_CASES, unique

    if len(documents) > MAX_CASES:
        sentence = f"the file has {len(documents)} documents, more than the {MAX_CASES} that one file may have; split it."
        raise InputError(sentence, documents[MAX_CASES].place())
    return unique([_title(one, number) for number, one in enumerate(documents, 1)])


def _title(document: Document, number: int) -> str:
    title = document.value.get("scenario") if isinstance(document.value, dict) else None
    return " ".join(title.split())[:120] if isinstance(title, str) and title.strip() else f"document {number}"


def _widens(parts: Parts, path: Path, document: Document) -> bool:
    """Whether defaults from a folder above let includes reach further."""
    if parts.root is None or (isinstance(document.value, dict) and document.value.get("root") is True):
        return False
    return Path(os.path.abspath(path)).is_relative_to(parts.root) or path.resolve().is_relative_to(parts.root)


def _cases(document: Document, path: Path, parts: Parts, before: list[Draft]) -> list[tuple[Document, str]]:
    """The cases of one document of a file, each with the name of its row."""
    value = document.value
    if not isinstance(value, dict):
        raise InputError("a scenario is keys and values, found a list; begin with 'scenario: ...'.", document.place())
    layers = [] if value.get("root") is True else list(parts.layers)
    if not layers and "include" not in value and "matrix" not in value:
        return [(document, "")]
    layers += included_layers(document, path, parts.root)
    owner = next((layer for layer in reversed(layers) if "matrix" in layer.value), None)
    if owner is None:
        return [(compose(layers), "")]
    from autopilot_agent.scenario.matrix import check_count, rows_of
    from autopilot_agent.scenario.settings import apply_settings

    written = Document(owner.document.name, owner.value, owner.document.root)
    rows = rows_of(written)
    check_count(len(before) + len(rows), written.place(("matrix",), key=True))
    base = compose([_without_matrix(layer) for layer in layers])
    return [(apply_settings(base, row.settings), row.name) for row in rows]


def _without_matrix(layer: Layer) -> Layer:
    if "matrix" not in layer.value:
        return layer
    rest = {name: one for name, one in layer.value.items() if name != "matrix"}
    return Layer(layer.document, rest, layer.path, layer.at)


def _only(drafts: list[Draft], path: Path) -> Draft:
    if len(drafts) == 1:
        return drafts[0]
    shown = ", ".join(draft.case for draft in drafts[:10]) + (", ..." if len(drafts) > 10 else "")
    raise InputError(f"the file holds {len(drafts)} cases and one is wanted; name it with --only: {shown}.", Place(str(path)))


def checked(document: Document) -> Scenario:
    """A document as a scenario; raises ``InputError`` that names every problem with its place."""
    if not isinstance(document.value, dict):
        raise InputError("a scenario is keys and values, found a list; begin with 'scenario: ...'.", document.place())
    try:
        scenario = msgspec.convert(document.value, Scenario)
    except msgspec.ValidationError as error:
        from autopilot_agent.scenario.problems import refusal
        from autopilot_agent.scenario.shape import problems_of

        problems = problems_of(document, Scenario)
        if not problems:
            raise InputError(f"the file does not have a scenario's form ({error}).", document.place()) from None
        raise refusal(document, problems) from None
    from autopilot_agent.scenario.names import check_names

    check_names(scenario, document)
    return scenario
