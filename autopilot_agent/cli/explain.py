"""``explain``: what a code, fault, rule, screen, event, invariant or question means, and what to do about it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from autopilot_agent import rulebook
from autopilot_agent.cli.console import facts, say, write_json
from autopilot_agent.errors import InputError
from autopilot_agent.reports.words import in_sentence
from autopilot_agent.rulebook import diagnosis

RETRIES = {
    "yes": "trying again can help",
    "useful": "trying again can help",
    "after-fix": "trying again helps once the cause is removed",
    "needs-hardware": "trying again does not help before the hardware is changed",
    "needs-reset": "trying again does not help; the device has to be reset",
    "no": "trying again does not help",
    "useless": "trying again does not help",
    "none": "there is nothing to try again",
}
_HTTP = range(0x80190064, 0x80190258)
Section = tuple[str, list[tuple[str, str]]]


def main(args: argparse.Namespace) -> int:
    """Print everything the rulebook knows under a name."""
    name = args.name.strip()
    sections = list(_sections(name))
    if not sections:
        raise InputError(_unknown(name))
    if args.output == "json":
        import json

        write_json(json.dumps([_plain(head, pairs) for head, pairs in sections], indent=2) + "\n")
        return 0
    for index, (head, pairs) in enumerate(sections):
        if index:
            print()
        say(head)
        facts([*pairs, *_where(pairs)])
    return 0


def _plain(head: str, pairs: Sequence[tuple[str, str]]) -> dict[str, object]:
    """One section for programs: what it is about, and what it says under the names that the text has."""
    return {"about": head, **dict(pairs), "sources": dict(rulebook.cited_sources(_source(pairs)))}


def _sections(name: str) -> Iterator[Section]:
    faults, rules = rulebook.faults(), rulebook.rules()
    known = (rules, rulebook.invariants(), rulebook.questions(), rulebook.screens())
    upper = next((one for one in (name.upper(), _dashed(name)) if any(one in table for table in known)), name.upper())
    if upper in faults:
        yield _fault(faults[upper])
    elif upper in rules:
        rule = rules[upper]
        modes = ", ".join(rule.modes)
        pairs = _named(meaning=rule.statement, modes=modes)
        if (advice := diagnosis.advice().get(rule.id)) is not None:
            pairs += _named(symptom=advice.symptom, cause=advice.cause, fix=advice.fix, retry=RETRIES[advice.retry])
        yield f"{rule.id}  a rule", pairs + _named(evidence=rule.grade, source=rule.source)
    if upper in (screens := rulebook.screens()):
        screen = screens[upper]
        choices, fields, actions = (", ".join(one) for one in (screen.choices, screen.fields, screen.actions))
        pairs = [("on Windows 10", screen.windows_10)]
        pairs += _named(meaning=screen.text, choices=choices, fields=fields, actions=actions)
        pairs += _named(evidence=screen.grade, source=screen.source)
        yield f"{screen.id}  a screen: {screen.title}", pairs
    if upper in (invariants := rulebook.invariants()):
        invariant = invariants[upper]
        applies = ", ".join(invariant.applies)
        yield f"{invariant.id}  an invariant: no run may break it", _named(meaning=invariant.statement, modes=applies)
    if upper in (questions := rulebook.questions()):
        question = questions[upper]
        pairs = _named(question=question.question, positions=question.positions, model=question.model)
        yield f"{question.id}  an open question: sources disagree", pairs
    yield from _events(name)
    yield from _codes(name)
    yield from _durations(name)
    yield from _states(name)


def _dashed(name: str) -> str:
    """``f26``, ``F-1`` and ``f_05`` as the catalogue writes them: F-26, F-01, F-05; other ids get their dash and zeros too."""
    found = re.fullmatch(r"([A-Za-z]{1,2})[-_ ]?([0-9]{1,3})", name)
    return f"{found[1].upper()}-{int(found[2]):02}" if found else name.upper()


def _fault(row: rulebook.FaultRow) -> Section:
    note = ""
    try:
        injection = rulebook.injections().get(row.id)
        note = "faults: [{fault: " + row.id + "}]" if injection else "none: it comes by itself where its cause is there"
    except FileNotFoundError:
        injection = None
    return f"{row.id}  a fault: {row.symptom}", _named(
        code=row.code,
        others=_other_codes(row),
        where=f"step {row.step}, modes {', '.join(row.modes)}",
        cause=row.cause,
        then=row.next,
        fix=row.fix,
        retry=RETRIES[row.retry],
        injection=note + (f" ({injection.note})" if injection and injection.note else ""),
        evidence=row.grade,
        source=row.source,
    )


def _other_codes(row: rulebook.FaultRow) -> str:
    """The other codes of a row, each with what it says about trying again."""
    others = rulebook.codes_of_fault(row.id)[1:]
    said = [(code, diagnosis.retry_of(row, diagnosis.meaning_at(code, "", row.id))) for code in others]
    return "; ".join(f"{code}, {RETRIES[retry]}" if retry != row.retry else code for code, retry in said)


def _events(name: str) -> Iterator[Section]:
    channel, slash, number = name.rpartition("/")
    if not number.isdecimal() or not number.isascii() or len(number) > 6:
        return
    for row in rulebook.windows_events().values():
        if row.id == int(number) and (not slash or row.channel.lower() == channel.strip().lower()):
            head = f"{row.channel}/{row.id}  a Windows event ({row.level})"
            yield head, _named(meaning=row.meaning, source=row.source)


def _codes(name: str) -> Iterator[Section]:
    code = rulebook.normalised_code(name)
    rows = list(diagnosis.meanings(next((key for key in rulebook.codes() if key.lower() == code.lower()), "")))
    rows += [row for row in _every_code() if row.name and row.name.lower() == code.lower()]
    for row in dict.fromkeys(rows):
        yield (
            f"{row.code}  {row.name}" if row.name else row.code,
            _named(
                where=_places(row),
                meaning=row.meaning,
                cause=row.cause,
                fix=row.remedy,
                retry=RETRIES.get(row.retry, ""),
                source=row.source,
            ),
        )
    if not rows and re.fullmatch("0x[0-9A-F]{8}", code) and int(code, 16) in _HTTP:
        status = int(code, 16) - 0x80190000
        yield f"{code}  HTTP status {status}", _named(meaning=f"The service answered with HTTP status {status}.")
    wanted = {code, *(row.code for row in rows)}
    for fault in rulebook.faults().values():
        if not wanted.isdisjoint(rulebook.codes_of_fault(fault.id)) or _names(fault.symptom, name):
            yield _fault(fault)


def _every_code() -> Iterator[rulebook.Code]:
    for code in rulebook.codes():
        yield from diagnosis.meanings(code)


def _places(row: rulebook.Code) -> str:
    """Where a code means this: the area, and the steps or rules where it means something else than elsewhere."""
    titles = [one if one in rulebook.rules() else in_sentence(one) for one in row.at]
    return f"{row.area}: {', '.join(titles)}" if titles else row.area


def _names(symptom: str, name: str) -> bool:
    """Whether a symptom names the code by its name: ``idErrorDeviceLimit while joining``."""
    return symptom.split(" ")[0].lower() == name.lower() and name.lower().startswith("iderror")


def _durations(name: str) -> Iterator[Section]:
    from autopilot_agent.scenario.durations import format_duration

    row = rulebook.durations().get(name.lower())
    if row is not None:

        def text(seconds: float | None) -> str:
            return "" if seconds is None else format_duration(round(seconds * 1000))

        pairs = _named(
            meaning=row.what,
            typical=text(row.typical),
            least=text(row.minimum),
            most=text(row.maximum),
            evidence=row.grade,
            source=row.source,
        )
        yield f"{row.id}  a duration", pairs


def _states(name: str) -> Iterator[Section]:
    from autopilot_agent.oobe.states import ENDS, RULES, State

    state = next((one for one in State if one.value == name.lower()), None)
    if state is not None:
        rule = rulebook.rules().get(RULES.get(state, ""))
        ends = f"a run ends here: {ENDS[state]}" if state in ENDS else ""
        meaning = f"{rule.id}: {rule.statement}" if rule else ""
        pairs = _named(meaning=meaning, end=ends)
        if (ending := diagnosis.endings().get(state.value)) is not None:
            pairs += _named(fix=ending.fix, evidence=ending.grade, source=ending.source)
        yield f"{state.value}  a state", pairs


def _where(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Where the keys of the source lead, one a line."""
    return [(f"  {key}", where) for key, where in rulebook.cited_sources(_source(pairs))]


def _source(pairs: Sequence[tuple[str, str]]) -> str:
    return next((value for name, value in pairs if name == "source"), "")


def _named(**pairs: str) -> list[tuple[str, str]]:
    return list(pairs.items())


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    tables: tuple[Callable[[], Mapping[str, object]], ...] = (
        rulebook.rules,
        rulebook.screens,
        rulebook.invariants,
        rulebook.questions,
        rulebook.codes,
        rulebook.durations,
    )
    known = [key for table in tables for key in table()]
    known += [f"{channel}/{number}" for channel, number in rulebook.windows_events()]
    folded = {one.lower(): one for one in known}
    close = get_close_matches(rulebook.normalised_code(name[:60]).lower(), list(folded), 3, 0.6)
    hint = (
        f"did you mean {' or '.join(folded[one] for one in close)}?"
        if close
        else ("try a code (0x80180014), a fault (F-26), a rule (C7), a screen (REGION) or an event (Autopilot/161).")
    )
    return f"nothing is known about {name[:60]!r}; {hint}"
