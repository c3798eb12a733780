"""The top of the page: how many of what, what to look at first, and the filter."""

from __future__ import annotations

from autopilot_agent.reports.findings import VERDICTS, Finding, advice_for, brief, counts, findings_of
from autopilot_agent.reports.html.elements import Element, Node, e, svg
from autopilot_agent.reports.report import Played
from autopilot_agent.reports.words import span

MOST_LISTED = 100
LONGEST = 150
"""Characters of one value; the run itself has them all."""
LOOKS = {"passed": "good", "xfailed": "good", "failed": "bad", "error": "bad", "xpassed": "bad"}
"""How a verdict looks; the others are neither good nor bad."""


def badge(verdict: str) -> Element:
    """A verdict in a word and a colour."""
    return e("span", VERDICTS[verdict], class_=f"badge {LOOKS.get(verdict, 'quiet')}")


def overview(title: str, played: list[Played], titles: list[str]) -> Element:
    """Header with counts and the list of what is not as expected."""
    results = [one.result for one in played]
    found = counts(results)
    virtual = span(sum(result.virtual_seconds for result in results) * 1000)
    tiles = [
        e("li", e("strong", number), " ", VERDICTS[verdict], class_=LOOKS.get(verdict, "quiet"))
        for verdict, number in found.items()
    ]
    tiles.append(e("li", e("strong", virtual), " of virtual time", class_="quiet"))
    return e("header", e("h1", title), e("ul", tiles, class_="tiles"), _share(found, len(played)), _to_look_at(played, titles))


def _share(found: dict[str, int], total: int) -> Node:
    if not total:
        return None
    parts: list[Node] = []
    begin = 0
    for verdict, number in found.items():
        end = begin + number * 1000 // total
        parts.append(e("rect", x=begin, y=0, width=max(2, end - begin), height=8, class_=LOOKS.get(verdict, "quiet")))
        begin = end
    said = ", ".join(f"{number} {VERDICTS[verdict]}" for verdict, number in found.items())
    return svg(1000, 8, said, parts, stretched=True, class_="share")


def _to_look_at(played: list[Played], titles: list[str]) -> Node:
    bad = [one for one in played if one.bad]
    if not bad:
        return None
    rows: list[Node] = []
    for number, one in enumerate(played):
        if not one.bad or len(rows) == MOST_LISTED:
            continue
        said = [line for finding in findings_of(one.result) for line in _said(finding)]
        advice = dict(advice_for(one.result))
        more = [e("p", e("b", name), ": ", advice[name]) for name in ("Apps", "Cause", "How to fix") if name in advice]
        rest = e("p", f"and {len(said) - 3} more", class_="dim") if len(said) > 3 else None
        link = e("a", titles[number], href=f"#run-{number + 1}")
        shown = [e("p", text) for text in said[:3]]
        rows.append(e("li", e("p", badge(one.result.verdict), " ", link), shown, rest, more))
    listed = e("p", f"The first {MOST_LISTED} of {len(bad)}.", class_="note") if len(bad) > MOST_LISTED else None
    return e("section", e("h2", "What to look at"), listed, e("ol", rows, class_="look"), class_="attention")


def _said(finding: Finding) -> list[str]:
    """The lines of a finding; a mistake in a file keeps its place, a check has it in the run."""
    first, *rest = brief(finding, LONGEST)
    place = f"{finding.spot}: "
    return [place + first if finding.sentence.startswith(place) else first, *rest]


def filters(played: list[Played]) -> Node:
    """What the script uses to hide runs; without it, it is not shown."""
    results = [one.result for one in played]
    tags = sorted({tag for result in results for tag in result.tags})
    modes = sorted({result.mode for result in results if result.mode})
    verdicts = list(counts(results))
    search = e("label", "Text", e("input", type="search", id="f-text", autocomplete="off", spellcheck="false"))
    choices = [
        _choice("Verdict", "f-verdict", [(verdict, VERDICTS[verdict]) for verdict in verdicts]),
        _choice("Mode", "f-mode", [(mode, mode) for mode in modes]),
        _choice("Tag", "f-tag", [(tag, tag) for tag in tags]) if tags else None,
    ]
    buttons = e(
        "div",
        e("button", "Open all", type="button", id="f-open"),
        e("button", "Close all", type="button", id="f-close"),
        e("button", "Clear", type="reset"),
        class_="buttons",
    )
    status = e("p", id="f-count", role="status", aria_live="polite")
    return e("form", search, choices, buttons, status, id="filter", hidden=True, role="search", aria_label="Filter the runs")


def _choice(name: str, key: str, values: list[tuple[str, str]]) -> Element:
    options = [e("option", "all", value=""), *(e("option", text, value=value) for value, text in values)]
    return e("label", name, e("select", options, id=key))
