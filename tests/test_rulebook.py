"""What we claim about Windows: each row has an id of its own, a source and a grade, and the code cites rows that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autopilot_agent
from autopilot_agent import rulebook
from autopilot_agent.oobe.states import ENDS
from autopilot_agent.rulebook import HERE, diagnosis, normalised_code, read_table

PACKAGE = Path(autopilot_agent.__file__).parent
TABLES: dict[str, tuple[type[Any], Callable[[Any], object]]] = {
    "sources": (rulebook.Source, lambda row: row.key),
    "rules": (rulebook.Rule, lambda row: row.id),
    "faults": (rulebook.FaultRow, lambda row: row.id),
    "injections": (rulebook.Injection, lambda row: row.id),
    "codes": (rulebook.Code, lambda row: (row.code, row.area, row.meaning, row.cause)),
    "advice": (diagnosis.Advice, lambda row: row.id),
    "endings": (diagnosis.Ending, lambda row: row.id),
    "durations": (rulebook.Duration, lambda row: row.id),
    "screens": (rulebook.Screen, lambda row: row.id),
    "invariants": (rulebook.Invariant, lambda row: row.id),
    "questions": (rulebook.OpenQuestion, lambda row: row.id),
    "events": (rulebook.WindowsEvent, lambda row: (row.channel, row.id)),
    "reboot_uris": (rulebook.RebootUri, lambda row: row.uri),
    "uncovered": (rulebook.Uncovered, lambda row: row.id),
    "exercises": (rulebook.Exercise, lambda row: row.id),
    "resets": (rulebook.Reset, lambda row: row.id),
}
"""Rows whose code is kept as the source spells it although it names another row's code."""


def test_every_table_of_the_folder_is_tested_here() -> None:
    assert {path.stem for path in HERE.glob("*.jsonl")} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_no_id_stands_twice(name: str) -> None:
    kind, key = TABLES[name]
    keys = [key(row) for row in read_table(name, kind)]
    assert sorted({str(one) for one in keys if keys.count(one) > 1}) == []
    assert keys


WITHOUT_SOURCE = {"exercises", "sources", "injections", "invariants", "questions", "uncovered"}


@pytest.mark.parametrize("name", sorted({*TABLES} - WITHOUT_SOURCE))
def test_every_row_has_a_source(name: str) -> None:
    assert [row for row in read_table(name, TABLES[name][0]) if not row.source.strip()] == []


@pytest.mark.parametrize("name", ["rules", "faults", "durations", "screens", "resets"])
def test_every_claim_has_a_grade(name: str) -> None:
    assert {row.grade for row in read_table(name, TABLES[name][0])} <= {"documented", "observed", "assumed"}


@pytest.mark.parametrize("name", ["rules", "invariants", "questions"])
def test_every_row_says_something(name: str) -> None:
    for row in read_table(name, TABLES[name][0]):
        text = getattr(row, "statement", None) or getattr(row, "question", "")
        assert text.strip(), row.id


def test_no_fault_has_the_id_of_a_rule() -> None:
    assert {row.id for row in read_table("rules", rulebook.Rule)}.isdisjoint(rulebook.faults())


def test_a_broken_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules.jsonl").write_text('{"id": "X"}\n')
    monkeypatch.setattr(rulebook, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"rules\.jsonl: "):
        read_table("rules", rulebook.Rule)


def test_durations_lie_between_their_bounds() -> None:
    for row in rulebook.durations().values():
        low, high = row.minimum or 0, row.maximum if row.maximum is not None else float("inf")
        assert 0 <= low <= high, row.id
        assert row.typical is None or low <= row.typical <= high, row.id


def test_every_injection_brings_about_a_fault_of_the_catalogue() -> None:
    assert set(rulebook.injections()) <= set(rulebook.faults())


def test_every_injection_does_something_or_says_what_it_needs() -> None:
    idle = [row for row in rulebook.injections().values() if not (row.change or row.calls)]
    assert [row.id for row in idle if not row.note.startswith("Needs ")] == []


def test_every_screen_of_a_question_has_a_title() -> None:
    assert [row.id for row in rulebook.screens().values() if not row.title] == []


# Codes.


def test_codes_are_stored_as_they_are_looked_up() -> None:
    assert {code for code in rulebook.codes() if normalised_code(code) != code} == set()


def test_a_code_with_several_meanings_says_where_each_counts() -> None:
    from autopilot_agent.oobe.states import State

    places = {state.value for state in State} | set(rulebook.rules())
    for code in rulebook.codes():
        rows = diagnosis.meanings(code)
        assert {place for row in rows for place in row.at} <= places, code
        assert len([row for row in rows if not row.at]) <= 1, code
        assert len([place for row in rows for place in row.at]) == len({place for row in rows for place in row.at}), code


@pytest.mark.parametrize(
    "code, step, rule, words",
    [
        ("0x800705B4", "device_setup", "F-40", "ESP reached its time limit"),
        ("0x800705B4", "secure_hardware", "REQ-TPM", "Attestation took longer"),
        ("0x800705B4", "domain_join_blob", "F-31", "The blob did not arrive"),
        ("0x800705B4", "hybrid_registration", "H11", "The wait for the registration"),
        ("0x800705B4", "region", "", ""),
        ("0x80004005", "device_setup", "F-41", "An installer failed"),
        ("0x80004005", "device_setup", "F-56", "A policy of the device"),
        ("0x80004005", "sign_in", "F-35", "a sign-in answer that it cannot read"),
        ("0x80004005", "hybrid_registration", "F-37", "The wait for hybrid join"),
        ("0x80004005", "entra_join", "", ""),
        ("0x80070490", "secure_hardware", "F-66", "An attestation key"),
        ("0x80070490", "reset_check", "R3", "no WinRE entry"),
        ("0x80180014", "anywhere", "", "platform"),
        ("no such code", "device_setup", "", ""),
    ],
)
def test_the_meaning_of_a_code_follows_the_step(code: str, step: str, rule: str, words: str) -> None:
    row = diagnosis.meaning_at(code, step, rule)
    assert (words in row.meaning) if row is not None and words else row is None


def test_advice_is_for_rules_and_says_what_helps() -> None:
    rules = set(rulebook.rules()) - set(rulebook.faults())
    assert [row.id for row in diagnosis.advice().values() if row.id not in rules or not (row.symptom and row.fix)] == []


def test_endings_are_states_in_which_a_run_ends_without_success() -> None:
    ends = {state.value: outcome for state, outcome in ENDS.items()}
    assert [name for name in diagnosis.endings() if ends.get(name) in (None, "completed")] == []


@pytest.mark.parametrize("text", ["80180014", "0x80180014", "0X80180014", " 0x80180014 ", "-2145910764", "2149056532"])
def test_one_code_has_many_spellings(text: str) -> None:
    assert normalised_code(text) == "0x80180014"


@pytest.mark.parametrize("text", ["807", "815", "1603", "60001", "AADSTS50126", "OOBEIDPS", "", "0xnonsense", "8018001"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert normalised_code(text) == text


@given(st.integers(0x80000000, 0xFFFFFFFF))
def test_every_hresult_comes_back_from_each_spelling(number: int) -> None:
    wanted = f"0x{number:08X}"
    spellings = [wanted, wanted.lower(), str(number), str(number - 2**32)]
    assert {normalised_code(one) for one in spellings} == {wanted}


@given(st.text(max_size=12))
def test_normalising_is_done_once(text: str) -> None:
    once = normalised_code(text)
    assert normalised_code(once) == once


# What the code cites.


class Citations(ast.NodeVisitor):
    """Ids in the arguments of the calls that take one: position of the argument, or its name."""

    RULES: ClassVar[dict[str, tuple[int, str]]] = {
        "note": (0, "rule"), "show": (1, "rule"), "ask": (1, "rule"), "log": (3, "rule"), "applied": (3, "rule"),
        "set_node": (2, "rule"), "row": (4, "rule"), "app": (4, "rule"), "rebooted": (1, "rule"), "reboot": (3, "rule"),
        "StepResult": (2, "rule"), "Failure": (2, "rule"), "ServiceFault": (2, "rule"), "Unreachable": (2, "rule"),
        "finished": (2, "rule"), "entered": (1, "rule"), "left": (2, "rule"), "_restart": (3, "rule"),
    }  # fmt: skip
    DURATIONS: ClassVar[dict[str, tuple[int, str]]] = {
        "duration": (0, "name"), "spend": (0, "name"), "maximum": (0, "name"), "ask": (2, "takes"),
    }  # fmt: skip
    SCREENS: ClassVar[dict[str, tuple[int, str]]] = {"show": (0, "screen"), "Question": (0, "screen")}

    def __init__(self) -> None:
        self.rules: set[str] = set()
        self.durations: set[str] = set()
        self.screens: set[str] = set()
        self.logs: set[tuple[str, int]] = set()

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value).split(".")[-1] == "world":
            name = node.func.attr
        for table, found in ((self.RULES, self.rules), (self.DURATIONS, self.durations), (self.SCREENS, self.screens)):
            if name in table:
                found.update(self._texts(node, *table[name]))
        if name == "log" and len(node.args) > 1 and all(isinstance(one, ast.Constant) for one in node.args[:2]):
            channel, number = (ast.literal_eval(one) for one in node.args[:2])
            if isinstance(channel, str) and isinstance(number, int):
                self.logs.add((channel, number))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        of_class = "ClassVar" in ast.unparse(node.annotation)
        if of_class and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Constant):
            if node.target.id == "rule":
                self.rules.add(str(node.value.value))
            elif node.target.id == "takes":
                self.durations.add(str(node.value.value))
        self.generic_visit(node)

    def _texts(self, node: ast.Call, position: int, name: str) -> Iterator[str]:
        given = next((one.value for one in node.keywords if one.arg == name), None)
        if given is None and len(node.args) > position:
            given = node.args[position]
        yield from constants(given)


def constants(node: ast.expr | None) -> Iterator[str]:
    """The texts that an expression can be: itself, or the branches of ``a if b else c`` and ``a or b``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from constants(value)


SOURCES = sorted(path for room in ("oobe", "tenant", "service", "backends") for path in (PACKAGE / room).rglob("*.py"))
ANY_ID = re.compile(r"(?:[FIQ]-\d{2,3}|(?:EVT|SET|ESP|APP|TIME|ERR|REBOOT|QU|REQ|NET|REG|RST|MDM)-[A-Z0-9][A-Z0-9-]+)")


def cited(path: Path) -> Citations:
    found = Citations()
    found.visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_rule_that_is_cited_exists(path: Path) -> None:
    assert sorted(cited(path).rules - {""} - set(rulebook.rules())) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_duration_that_is_asked_for_exists(path: Path) -> None:
    assert sorted(cited(path).durations - {""} - set(rulebook.durations())) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_page_that_is_shown_exists(path: Path) -> None:
    assert sorted(cited(path).screens - set(rulebook.screens())) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_windows_event_that_is_written_exists(path: Path) -> None:
    assert sorted(cited(path).logs - set(rulebook.windows_events())) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_text_that_is_an_id_names_a_row(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    known = {*rulebook.rules(), *rulebook.invariants(), *rulebook.questions()}
    assert sorted(text for text in texts if ANY_ID.fullmatch(text) and text not in known) == []


def test_the_states_cite_rules_that_exist() -> None:
    from autopilot_agent.oobe.states import RULES

    assert sorted(set(RULES.values()) - set(rulebook.rules())) == []


def test_citations_are_found_at_all() -> None:
    together = [cited(path) for path in SOURCES]
    assert len(set().union(*(one.rules for one in together))) > 60
    assert len(set().union(*(one.logs for one in together))) > 8
    assert len(set().union(*(one.screens for one in together))) > 12


def test_every_source_key_leads_somewhere() -> None:
    rows = [*rulebook.rules().values(), *rulebook.durations().values(), *rulebook.screens().values()]
    rows += [*diagnosis.advice().values(), *diagnosis.endings().values()]
    parts = {part.strip() for row in rows for part in row.source.split(",")}
    unknown = {part for part in parts if not rulebook.cited_sources(part)}
    known_otherwise = {part for part in unknown if part.startswith(("Q-", "dp-", "oof-v2"))}  # questions; not played here
    assert unknown - known_otherwise == {"/S sample", "default code values /S"}


def test_docs_list_the_same_sources() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "sources.md").read_text(encoding="utf-8")
    for key, where in rulebook.sources().items():
        assert f"| {key} | {where} |" in page
