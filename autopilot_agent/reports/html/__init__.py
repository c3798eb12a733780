"""One HTML page that needs nothing else: no network, no JavaScript to be read, and every name in it is only a name."""

from __future__ import annotations

from pathlib import Path

from autopilot_agent.reports.findings import headline
from autopilot_agent.reports.html.elements import Node, e, hashed, own, written
from autopilot_agent.reports.html.overview import filters, overview
from autopilot_agent.reports.html.rules import cited_rules
from autopilot_agent.reports.html.section import Depth, section
from autopilot_agent.reports.report import About, Need, Played

WITH_EVENTS = 30
WITH_TIMELINE = 100
"""So many runs are shown with all their events, and with a timeline: first those that are not as expected."""
HERE = Path(__file__).parent


class Html:
    """The report."""

    name = "html"
    needs_events = Need.EVERYTHING

    def render(self, played: list[Played], about: About) -> bytes:
        """The whole page."""
        style, script = _ours("page.css"), _ours("page.js")
        policy = (
            f"default-src 'none'; style-src {hashed(style)}; script-src {hashed(script)}; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        bad = [one for one in played if not one.fine]
        title = f"Autopilot scenarios: {headline([one.result for one in played], len(bad))}"
        depths = _depths(played)
        rules: set[str] = set()
        sections = [section(one, number, depths[number], rules) for number, one in enumerate(played)]
        head = e(
            "head",
            e("meta", charset="utf-8"),
            e("meta", http_equiv="Content-Security-Policy", content=policy),
            e("meta", name="viewport", content="width=device-width, initial-scale=1"),
            e("meta", name="color-scheme", content="light dark"),
            e("meta", name="referrer", content="no-referrer"),
            e("title", title),
            own("style", style),
        )
        foot = f"autopilot-agent {about.version}" + (f", {about.date}" if about.date else "")
        body = e(
            "body",
            e("a", "Skip to the runs", href="#runs", class_="skip"),
            overview(title, played, bad),
            e(
                "main",
                e("h2", "Runs", id="runs", tabindex="-1"),
                _left_out(len(played)),
                filters(played),
                sections or e("p", "There are none."),
                cited_rules(rules),
            ),
            e("footer", e("p", f"{foot}. Times are virtual: those of a real PC, not of this simulation.")),
            own("script", script),
        )
        return written(e("html", head, body, lang="en"))


def _ours(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _depths(played: list[Played]) -> list[Depth]:
    """How much of each run is shown; those that are not as expected first."""
    order = sorted(range(len(played)), key=lambda number: played[number].fine)
    depths = [Depth.BRIEF] * len(played)
    for rank, number in enumerate(order[:WITH_TIMELINE]):
        depths[number] = Depth.EVENTS if rank < WITH_EVENTS else Depth.TIMELINE
    return depths


def _left_out(runs: int) -> Node:
    if runs <= WITH_EVENTS:
        return None
    brief = f", and no timeline and pictures after {WITH_TIMELINE}" if runs > WITH_TIMELINE else ""
    said = (
        f"With {runs} runs, the page leaves out the events of all but {WITH_EVENTS}{brief}; those that are not as expected "
        "come first. A report of fewer scenarios shows everything."
    )
    return e("p", said, class_="note")


HTML = Html()
