"""Markdown: what went wrong, where, why and what to do; then a table of everything."""

from __future__ import annotations

import re

from autopilot_agent.reports.findings import (
    VERDICTS,
    advice_for,
    brief,
    counted,
    findings_of,
    headline,
    one_line,
    shown_file,
    titles_of,
)
from autopilot_agent.reports.report import About, Need, Played
from autopilot_agent.reports.style import Style
from autopilot_agent.reports.verdict import entries_of, last_events
from autopilot_agent.reports.words import count, span

MOST_BYTES = 900_000
"""A step summary of GitHub holds 1 MiB; what does not fit is counted."""
LONGEST = 1_000
"""Characters of one value: values may be as long as files."""
EVENTS = Style(width=110)
FOLDED = 20
"""More rows than this are folded away."""
_MEANS_SOMETHING = re.compile(r"([\\`*_\[\]#|<>~&$]|^[+-]|(?<=^\d)[.)])")
_SPEAKS_TO_SOMEBODY = re.compile(r"(?<!\w)@|(?<=:)//|(?<=www)\.", re.IGNORECASE)


class Markdown:
    """The report."""

    name = "markdown"
    needs_events = Need.FAILURES

    def render(self, played: list[Played], about: About) -> bytes:
        """Failures first, then every run; bounded, and what is left out is said."""
        bad = [one for one in played if one.bad]
        results = [one.result for one in played]
        named = list(zip(titles_of(results), played, strict=True))
        head = [f"## Autopilot scenarios: {headline(results, len(bad))}", "", f"{counted(results)}.", ""]
        head += [f"Made at {about.date}.", ""] if about.date else []
        size = sum(len(line.encode()) + 1 for line in head)
        failures = [_failure(title, one) for title, one in named if one.bad]
        lines, size = _fitting(head, failures, size, MOST_BYTES // 2, "failure")
        rows = [[_row(title, one)] for title, one in sorted(named, key=lambda pair: not pair[1].bad)]
        fold = len(rows) > FOLDED
        lines += ["<details>", f"<summary>All {len(rows)} runs</summary>", ""] if fold else []
        lines += ["| Verdict | Scenario | End | Code | Virtual time |", "|---|---|---|---|--:|"]
        lines, size = _fitting(lines, rows, size, MOST_BYTES, "run")
        lines += ["", "</details>"] if fold else []
        return ("\n".join(lines) + "\n").encode()


def _fitting(lines: list[str], blocks: list[list[str]], size: int, most: int, word: str) -> tuple[list[str], int]:
    """Lines with as many blocks as fit below a size in bytes, and a remark where not all did; the new size with them."""
    lines = list(lines)
    for number, block in enumerate(blocks):
        size += sum(len(line.encode()) + 1 for line in block)
        if size > most:
            return [*lines, "", f"{count(len(blocks) - number, f'more {word}')} did not fit into this report."], size
        lines += block
    return lines, size


def _failure(title: str, one: Played) -> list[str]:
    result = one.result
    lines = [f"### {VERDICTS[result.verdict].capitalize()}: {escaped(title)}", ""]
    entries = entries_of(one)
    shown: set[float] = set()
    for finding in findings_of(result):
        first, *rest = brief(finding, LONGEST)
        lines.append(f"- {code(str(finding.spot))}: {escaped(first)}")
        lines += [f"  - {escaped(line)}" for line in rest]
        lines += ["", *(f"  {line}" for line in fenced(*finding.detail, kind="diff"))] if finding.detail else []
        if finding.at and finding.at not in shown and entries:
            before = [line.removeprefix(" " * 10) for line in last_events(entries, finding.at, EVENTS)[1:]]
            lines += ["", "  Before that:", "", *(f"  {line}" for line in fenced(*before))]
            shown.add(finding.at)
    if advice := advice_for(result):
        lines += ["", *(f"- **{name}**: {escaped(text)}" for name, text in advice)]
    if result.replay:
        lines += ["", "Replay:", "", *fenced(result.replay)]
    return [*lines, ""]


def _row(title: str, one: Played) -> str:
    result = one.result
    word = VERDICTS[result.verdict]
    took = span(result.virtual_seconds * 1000) if result.end_state else ""
    error = result.error.code if result.error is not None else ""
    name = f"{escaped(title)}<br>{code(shown_file(result.file))}"
    name += f"<br>{escaped(result.reason[:LONGEST])}" if result.reason else ""
    cells = [f"**{word}**" if one.bad else word, name, escaped(result.end_state), escaped(error), took]
    return f"| {' | '.join(cells)} |"


def escaped(text: object) -> str:
    """Data as plain text of Markdown: nothing in it is a mark, a tag, a link, or speaks to somebody."""
    marked = _MEANS_SOMETHING.sub(r"\\\1", one_line(text))
    marked = marked.replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")
    return _SPEAKS_TO_SOMEBODY.sub(lambda found: f"{found[0][:1]}<!-- -->{found[0][1:]}", marked)


def code(text: object) -> str:
    """Data as a code span that also stands in a table."""
    said = one_line(text)
    # inside backticks neither can be written
    return f"<code>{escaped(text)}</code>" if "|" in said or "`" in said else f"`{said}`"


def fenced(*lines: str, kind: str = "text") -> list[str]:
    """Lines of data as a block of code: the fence is longer than any run of backticks in them."""
    said = [one_line(line) for line in lines]
    longest = max((len(run) for line in said for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{kind}", *said, fence]


MARKDOWN = Markdown()
