"""The rules that the runs cite: what the simulation claims about Windows, on what evidence, and from where."""

from __future__ import annotations

from autopilot_agent import rulebook
from autopilot_agent.reports.html.elements import Element, Node, e


def rule_link(rule: str, cited: set[str]) -> Node:
    """A rule's name that leads to its row; ``cited`` collects them."""
    if not rule:
        return None
    if rule not in rulebook.rules() and rule not in rulebook.faults():
        return e("code", rule)
    cited.add(rule)
    return e("a", e("code", rule), href=f"#rule-{rule}", title=_statement(rule))


def cited_rules(cited: set[str]) -> Node:
    """The table; nothing where nothing is cited."""
    if not cited:
        return None
    rows = [_row(rule) for rule in sorted(cited)]
    head = e("tr", *(e("th", name, scope="col") for name in ("Rule", "Statement", "Evidence", "Source")))
    table = e("table", e("thead", head), e("tbody", rows), class_="rules")
    return e(
        "section",
        e("h2", "Rules cited", id="rules"),
        e("details", e("summary", f"{len(rows)} rules of the rulebook"), scrolled("Rules cited", table), id="rulebook"),
    )


def scrolled(label: str, table: Element) -> Element:
    """A wide table that scrolls by itself, also from a keyboard."""
    return e("div", table, class_="wide", tabindex="0", role="region", aria_label=label)


def _statement(rule: str) -> str:
    row = rulebook.rules().get(rule)
    return row.statement if row is not None else rulebook.faults()[rule].symptom


def _row(rule: str) -> Element:
    row = rulebook.rules().get(rule) or rulebook.faults()[rule]
    where = rulebook.cited_sources(row.source)
    links: list[Node] = []
    for key, address in where:
        links += [" ", e("a", key, href=address, rel="noreferrer")] if address.startswith("https://") else []
    source = e("td", row.source, e("br") if links else None, links)
    name = e("th", e("code", rule), scope="row")
    return e("tr", name, e("td", _statement(rule)), e("td", row.grade), source, id=f"rule-{rule}")
