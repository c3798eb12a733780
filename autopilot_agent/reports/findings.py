"""What went wrong in a run, in the words of every report: where, what was expected, what came, what helps."""

from __future__ import annotations

import os
import re
from collections import Counter

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.reports.printable import printable
from autopilot_agent.reports.words import RETRIES, clock, count, span, state_title
from autopilot_agent.rulebook import diagnosis
from autopilot_agent.scenario.expectations import Check
from autopilot_agent.scenario.run import ErrorReport, Result

PLACE = re.compile(r"(.+?):([0-9]+)(?::([0-9]+))?(?:$|: )")
"""File, line and perhaps column at the start of a sentence."""
FAILED_IN = "Failed in"
VERDICTS = {
    "passed": "passed",
    "failed": "failed",
    "error": "error",
    "xfailed": "failed as expected",
    "xpassed": "passed unexpectedly",
    "skipped": "skipped",
    "not_run": "not run",
}
"""Every verdict with its words, in the order in which they are counted."""


class Spot(msgspec.Struct, frozen=True):
    """A place in a scenario file as reports write it; line and column are 0 where they are not known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(one) for one in (self.file, self.line, self.column) if one)


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as expected; ``at`` in virtual seconds, 0 where it is about no moment.

    ``sentence`` is one line, but for a file that cannot be played: there it is a line for each thing that is wrong.
    ``detail`` are lines of a unified difference, as they are in the data.
    """

    title: str
    sentence: str
    spot: Spot
    expected: str = ""
    actual: str = ""
    at: float = 0.0
    detail: list[str] = []


def shown_file(file: str) -> str:
    """A file as reports name it: below the working directory from there, with forward slashes."""
    if os.path.isabs(file):
        here = os.getcwd()
        inside = os.path.normcase(file).startswith(os.path.normcase(here.rstrip("/\\") + os.sep))
        file = os.path.relpath(file, here) if inside else file
    return file.replace(os.sep, "/")


def spot_of(place: str, file: str) -> Spot:
    """The place at the start of a text; the whole file where there is none."""
    found = PLACE.match(place)
    if found is None:
        return Spot(shown_file(file))
    return Spot(shown_file(found[1]), int(found[2]), int(found[3] or 0))


def title_of(result: Result) -> str:
    """The name of a run for people: its title, and its case."""
    title = result.scenario or shown_file(result.file)
    if result.case.startswith(title):
        return result.case
    return f"{title} [{result.case}]" if result.case else title


def titles_of(results: list[Result]) -> list[str]:
    """Names that tell all runs apart: title and case, the seed where a case was played with several, the file where two
    files share a title."""
    runs = Counter((result.file, result.case) for result in results)
    files: dict[str, set[str]] = {}
    for result in results:
        files.setdefault(title_of(result), set()).add(result.file)
    titles: list[str] = []
    for result in results:
        title = title_of(result)
        more = [shown_file(result.file)] if len(files[title]) > 1 else []
        more += [f"seed {result.seed}"] if runs[(result.file, result.case)] > 1 else []
        titles.append(f"{title} ({', '.join(more)})" if more else title)
    return titles


def findings_of(result: Result) -> list[Finding]:
    """Everything that is not as expected; nothing for a run that went well."""
    found: list[Finding] = []
    if result.verdict == "failed":
        for check in result.checks:
            if not check.passed:
                expected, actual = value(check.expected), value(check.actual)
                spot = spot_of(check.place, result.file)
                found.append(Finding(check.name, failed_sentence(check), spot, expected, actual, check.at, check.detail))
    elif result.verdict == "error":
        first = result.problem.partition("\n")[0]
        found.append(Finding("cannot be played", result.problem, spot_of(first, result.file)))
    elif result.verdict == "xpassed":
        said = f"passed, although xfail says: {result.reason}" if result.reason else "passed, although xfail says it fails"
        spot = Spot(shown_file(result.file))
        found.append(Finding("passed unexpectedly", one_line(said), spot, "a failure", "everything as expected"))
    return found


def failed_sentence(check: Check) -> str:
    """What a check expected and what came, in one line whatever is in the values."""
    when = f" (at {clock(check.at * 1000)})" if check.at else ""
    return one_line(f"{check.name}: expected {value(check.expected)}, got {value(check.actual)}{when}")


def brief(finding: Finding, most: int) -> list[str]:
    """The sentence as lines without its place, each value of at most ``most`` characters."""
    if finding.sentence.startswith(one_line(f"{finding.title}: expected ")):
        when = f" (at {clock(finding.at * 1000)})" if finding.at else ""
        expected, actual = (bounded(one_line(text), most) for text in (finding.expected, finding.actual))
        return [f"{bounded(one_line(finding.title), most)}: expected {expected}, got {actual}{when}"]
    said = finding.sentence.removeprefix(f"{finding.spot}: ")
    return [bounded(line.strip(), most) for line in said.split("\n") if line.strip()]


def value(data: object) -> str:
    """An expected or actual value in words."""
    if isinstance(data, list):
        return ", ".join(str(one) for one in data) or "nothing"
    if data is None or data == "":
        return "nothing"
    return str(data).lower() if isinstance(data, bool) else str(data)


def advice_of(error: ErrorReport) -> list[tuple[str, str]]:
    """Where a device failed, with which code, why, and what helps: names and sentences, only what there is."""
    row = diagnosis.known_cause(error.rule)
    code = diagnosis.meaning_at(error.code, error.step, error.rule) if error.code else None
    facts = [(FAILED_IN, state_title(error.step) if error.step else "")]
    if error.code:
        named = " ".join(part for part in (error.code, code.name if code else "") if part)
        facts.append(("Code", f"{named}: {code.meaning}" if code else named))
    facts += [("Symptom", row.symptom if row is not None else ""), ("Cause", error.cause), ("How to fix", error.fix)]
    facts.append(("Try again", RETRIES.get(diagnosis.retry_of(row, code), "")))
    if error.rule:
        rule = rulebook.rules().get(error.rule)
        facts.append(("Rule", f"{error.rule}, {rule.grade} ({rule.source})" if rule else error.rule))
    return [(name, text) for name, text in facts if text]


def advice_for(result: Result) -> list[tuple[str, str]]:
    """The same for a run, with the apps that failed: the code on the page does not say which."""
    if result.error is None:
        return []
    failed = [f"{name}: {state}" for name, state in result.apps.items() if state == "failed"]
    facts = advice_of(result.error)
    at = sum(name in (FAILED_IN, "Code") for name, _ in facts)
    return [*facts[:at], *([("Apps", "; ".join(failed))] if failed else []), *facts[at:]]


def counts(results: list[Result]) -> dict[str, int]:
    """How many have which verdict; what there is none of is left out."""
    return {verdict: number for verdict in VERDICTS if (number := sum(result.verdict == verdict for result in results))}


def headline(results: list[Result], bad: int) -> str:
    """The one sentence over all of them."""
    if not results:
        return "No scenario was played"
    if bad:
        return f"{bad} of {count(len(results), 'run')} not as expected"
    return f"{count(len(results), 'run')}, all as expected"


def counted(results: list[Result]) -> str:
    """Verdicts counted, and the virtual time of all runs."""
    parts = [f"{number} {VERDICTS[verdict]}" for verdict, number in counts(results).items()]
    virtual = span(sum(result.virtual_seconds for result in results) * 1000)
    return ", ".join([*parts, f"{virtual} of virtual time"])


def one_line(text: object) -> str:
    """Data from a file or a service as one line in which nothing hides."""
    return printable(str(text))


def bounded(text: str, most: int) -> str:
    """A text of at most about ``most`` characters; what is left out is counted."""
    left = len(text) - most
    return f"{text[:most]}... (and {count(left, 'more character')})" if left > 0 else text
