"""Makes docs/rulebook/, a page for every error code and every rule: ``python docs/make_rulebook.py``.

The pages come from the rulebook alone, so the same rulebook gives the same bytes; pages of rows that are gone are removed.
A page links what its text names, and the pages that name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from autopilot_agent import rulebook
from autopilot_agent.cli.explain import RETRIES
from autopilot_agent.reports.words import in_sentence
from autopilot_agent.rulebook import Code, FaultRow, diagnosis

BOOK = Path(__file__).resolve().parent / "rulebook"
NOTE = "Made by `docs/make_rulebook.py` from the rulebook of autopilot-agent; do not edit."
AREAS = {
    "app": "Apps",
    "hybrid": "Hybrid join",
    "join": "Joining Entra",
    "mdm": "Enrolment and management",
    "network": "Network",
    "policy": "Policies",
    "registration": "Registration and profiles",
    "reset": "Resets",
    "token": "Signing in",
    "tpm": "TPM and attestation",
    "update": "Updates",
}
_WORD = re.compile(r"(?<![\w-])(?:0x[0-9A-Fa-f]{8}|[A-Z][\w-]*[\w])(?![\w-])")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def pages() -> dict[str, str]:
    """Every page by its path below the folder."""
    found = {"index.md": _index()}
    for code in rulebook.codes():
        found[f"codes/{slug(code)}.md"] = _code_page(code)
    for rule in rulebook.rules():
        found[f"rules/{rule}.md"] = _rule_page(rule)
    return found


def slug(name: str) -> str:
    """A name as a file can have it on every system."""
    return re.sub(r"[^\w-]+", "-", name)


def _plain(text: str) -> str:
    """Text of the rulebook that Markdown leaves as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _linked(text: str, own: str = "") -> str:
    """The same, with links from the codes and rules that it names (from a page in a folder)."""
    parts: list[str] = []
    at = 0
    for found in _WORD.finditer(text):
        link = _link(found[0])
        if link and found[0] != own:
            parts += [_plain_piece(text[at : found.start()]), link]
            at = found.end()
    return " ".join("".join([*parts, _plain_piece(text[at:])]).split())


def _plain_piece(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _link(name: str) -> str:
    if name in rulebook.rules():
        return f"[{name}](../rules/{name}.md)"
    code = rulebook.normalised_code(name) if name.startswith("0x") else name
    return f"[{_plain(name)}](../codes/{slug(code)}.md)" if code in rulebook.codes() else ""


@cache
def _named_by() -> dict[str, tuple[str, ...]]:
    """For each code and rule the rules, and then the codes, whose rows name it."""
    found: dict[str, list[str]] = {}
    for rule in rulebook.rules():
        for name in dict.fromkeys(_names_of_rule(rule)):
            found.setdefault(name, []).append(rule)
    for code in rulebook.codes():
        texts = [text for row in diagnosis.meanings(code) for text in (row.meaning, row.cause, row.remedy, *row.at)]
        for name in dict.fromkeys(_names_in(texts)):
            found.setdefault(name, []).append(code)
    return {name: tuple(one for one in others if one != name) for name, others in found.items()}


def _names_in(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for word in _WORD.findall(text):
            name = rulebook.normalised_code(word) if word.startswith("0x") else word
            if name in rulebook.rules() or name in rulebook.codes():
                yield name


def _names_of_rule(rule: str) -> list[str]:
    fault, advice = rulebook.faults().get(rule), diagnosis.advice().get(rule)
    texts = [rulebook.rules()[rule].statement]
    if fault is not None:
        injection = rulebook.injections().get(rule)
        texts += [fault.step, fault.fix, injection.note if injection is not None else ""]
    if advice is not None:
        texts += [advice.symptom, advice.cause, advice.fix]
    return [*(rulebook.codes_of_fault(rule) if fault is not None else ()), *_names_in(texts)]


def _code_page(code: str) -> str:
    rows = diagnosis.meanings(code)
    names = dict.fromkeys(row.name for row in rows if row.name)
    lines = [f"# {_plain(' '.join([code, *list(names)[:1]]))}", ""]
    lines += [f"`autopilot-agent explain {_quoted(code)}` says the same."]
    for row in rows:
        lines += ["", f"## {_place(row)}" if len(rows) > 1 else f"Where it is met: {_place(row)}.", ""]
        lines += _facts(
            ("Meaning", row.meaning),
            ("Cause", row.cause),
            ("How to fix", row.remedy),
            ("Try again", RETRIES.get(row.retry, "")),
        )
        lines += _sources(row.source)
    return _whole(lines, code)


def _place(row: Code) -> str:
    where = [one if one in rulebook.rules() else in_sentence(one) for one in row.at]
    area = AREAS.get(row.area, row.area)
    return f"{area}: {', '.join(_linked(one) for one in where)}" if where else area


def _rule_page(name: str) -> str:
    rule, fault = rulebook.rules()[name], rulebook.faults().get(name)
    lines = [f"# {name}", ""]
    lines += _fault(fault) if fault is not None else [_linked(rule.statement, name), "", *_advice(name)]
    modes = ", ".join(rule.modes)
    lines += _facts(("Modes", modes), ("Evidence", rule.grade))
    return _whole([*lines, *_sources(rule.source)], name)


def _advice(name: str) -> list[str]:
    row = diagnosis.advice().get(name)
    if row is None:
        return []
    return _facts(
        ("Symptom", row.symptom), ("Cause", row.cause), ("How to fix", row.fix), ("Try again", RETRIES.get(row.retry, ""))
    )


def _fault(row: FaultRow) -> list[str]:
    injection = rulebook.injections().get(row.id)
    codes = ", ".join(_link(code) or _plain(code) for code in rulebook.codes_of_fault(row.id))
    lines = [f"A failure: {_linked(row.symptom, row.id)}.", ""]
    lines += [f"- **Code**: {codes}"] if codes else []
    lines += _facts(
        ("Step", row.step),
        ("Cause", row.cause),
        ("What follows", row.next),
        ("How to fix", row.fix),
        ("Try again", RETRIES[row.retry]),
    )
    if injection is None:
        return [*lines, "- **In a scenario**: it comes by itself where its cause is there"]
    note = f" {_linked(injection.note, row.id)}" if injection.note else ""
    return [*lines, f"- **In a scenario**: `faults: [{{fault: {row.id}}}]`.{note}"]


def _facts(*pairs: tuple[str, str]) -> list[str]:
    return [f"- **{name}**: {_linked(value)}" for name, value in pairs if value]


def _sources(text: str) -> list[str]:
    known = [f"{_plain(key)} ({_plain(where)})" for key, where in rulebook.cited_sources(text)]
    return [f"- **Source**: {'; '.join(known) or _plain(text)}"]


def _whole(lines: list[str], name: str) -> str:
    """A page with its links back, and its end."""
    others = [_link(other) for other in _named_by().get(name, ())]
    named = ["", f"Named by: {', '.join(other for other in others if other)}."] if others else []
    return "\n".join([*lines, *named, "", "[All codes and rules](../index.md)", "", f"<!-- {NOTE} -->", ""])


def _quoted(code: str) -> str:
    return code if re.fullmatch(r"[\w=-]+", code) else f'"{code}"'


def _index() -> str:
    codes = sorted((row for code in rulebook.codes() for row in diagnosis.meanings(code)), key=lambda row: row.area)
    lines = ["# Error codes and rules", ""]
    lines += [
        f"{len(rulebook.codes())} error codes, {len(rulebook.faults())} failures and "
        f"{len(rulebook.rules()) - len(rulebook.faults())} rules, each with its source. "
        "[Sources](../sources.md) says where the keys lead.",
        "",
    ]
    for area, rows in groupby(codes, key=lambda row: row.area):
        lines += [f"## Codes: {AREAS.get(area, area)}", "", "| code | name | meaning |", "|---|---|---|"]
        for row in rows:
            lines.append(f"| [{_plain(row.code)}](codes/{slug(row.code)}.md) | {_plain(row.name)} | {_plain(row.meaning)} |")
        lines.append("")
    lines += ["## Failures", "", "| id | symptom | cause |", "|---|---|---|"]
    for fault in rulebook.faults().values():
        lines.append(f"| [{fault.id}](rules/{fault.id}.md) | {_plain(fault.symptom)} | {_plain(fault.cause)} |")
    lines += ["", "## Rules", "", "| id | evidence | statement |", "|---|---|---|"]
    for rule in rulebook.rules().values():
        if rule.id not in rulebook.faults():
            lines.append(f"| [{rule.id}](rules/{rule.id}.md) | {rule.grade} | {_plain(rule.statement)} |")
    return "\n".join([*lines, "", f"<!-- {NOTE} -->", ""])


def main() -> None:
    """Write every page, and remove those that nothing makes any more."""
    made = pages()
    for name, text in made.items():
        path = BOOK / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
    for path in BOOK.rglob("*.md"):
        if path.relative_to(BOOK).as_posix() not in made:
            path.unlink()


if __name__ == "__main__":
    main()
