"""GitHub Actions: an annotation at the line of the scenario file for each check that failed, and a step summary.

The commands and their escapes are those of GitHub's page "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import os

from autopilot_agent.reports.findings import Spot, advice_for, findings_of, title_of
from autopilot_agent.reports.markdown import MARKDOWN
from autopilot_agent.reports.printable import printable
from autopilot_agent.reports.report import About, Played

SHOWN = ("Apps", "Cause", "How to fix", "Rule")
"""What of the advice is in an annotation; the summary has the rest."""


class GitHub:
    """The report: ``render`` is the summary, ``announce`` are the annotations."""

    name = "github"
    needs_events = MARKDOWN.needs_events
    appended_to = "GITHUB_STEP_SUMMARY"

    def render(self, played: list[Played], about: About) -> bytes:
        """The step summary, in Markdown."""
        return MARKDOWN.render(played, about)

    def announce(self, played: list[Played], about: About) -> str:
        """Workflow commands, one a line."""
        return "".join(f"{line}\n" for one in played for line in _annotations(one))


def _annotations(one: Played) -> list[str]:
    lines = []
    for finding in findings_of(one.result):
        said = [finding.sentence.removeprefix(f"{finding.spot}: "), *finding.detail]
        said += [f"{name}: {text}" for name, text in advice_for(one.result) if name in SHOWN]
        said += [f"Replay: {one.result.replay}"] if one.result.replay else []
        lines.append(command(finding.spot, f"{title_of(one.result)}: {finding.title}", "\n".join(said)))
    return lines


def command(spot: Spot, title: str, message: str) -> str:
    """``::error file=...,line=...,col=...,title=...::message``."""
    words = {"file": _in_repository(spot.file), "line": str(spot.line or ""), "col": str(spot.column or ""), "title": title}
    properties = ",".join(f"{name}={_property(value)}" for name, value in words.items() if value)
    return f"::error {properties}::{_data(message)}"


def _in_repository(file: str) -> str:
    """Annotations name files from the top of the repository, wherever the step works."""
    top = os.environ.get("GITHUB_WORKSPACE", "")
    if not top:
        return file
    inside = os.path.relpath(os.path.realpath(file), os.path.realpath(top)).replace(os.sep, "/")
    return file if inside.startswith("../") else inside


def _data(text: str) -> str:
    safe = printable(text.replace("\r\n", "\n"), lines=True)
    return safe.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")


GITHUB = GitHub()
