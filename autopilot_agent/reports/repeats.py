"""One scenario played with many seeds: how often it ended where, and the first seed that ended so."""

from __future__ import annotations

from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.text import INDENT, VERDICTS, label, why
from autopilot_agent.reports.verdict import advice, failures, problem, replay
from autopilot_agent.reports.words import count
from autopilot_agent.scenario.run import Result
from autopilot_agent.scenario.verdicts import FINE


def render(results: list[Result], verbosity: int, style: Style) -> str:
    """The text of all runs of one case, in the order of their seeds; nothing when all is well below verbosity 0."""
    bad = [result for result in results if result.verdict not in FINE]
    if verbosity < 0 and not bad:
        return ""
    shown = bad[0] if bad else results[0]
    word, colour = VERDICTS[shown.verdict]
    head = f"{style.paint(colour, f'{word:6}')}  {clean(label(shown)):{style.name_width}}  {count(len(results), 'seed')}: "
    lines = [head + ends(results)]
    if not bad:
        return "\n".join(lines + why(shown, style, indent=INDENT)) + "\n"
    if len(results) == 1 and shown.problem and not shown.end_state:  # it was never played
        return "\n".join([head.rstrip(": ").removesuffix("1 seed").rstrip(), *problem(shown, style, indent=INDENT)]) + "\n"
    lines.append(f"        {count(len(bad), 'seed')} of {len(results)} not as expected; the first is {shown.seed}:")
    failed = [check for check in shown.checks if not check.passed]
    lines += failures(failed, [], style, indent=INDENT, brief=True) + advice(shown, style, indent=INDENT)
    lines += why(shown, style, indent=INDENT) + problem(shown, style, indent=INDENT)
    return "\n".join(lines + [INDENT + line for line in replay(shown, style)]) + "\n"


def ends(results: list[Result]) -> str:
    """``desktop 97, device_setup_failed 3 (first: seed 41)``: ends by how often they came, rare ones with their first seed."""
    seeds: dict[str, list[int]] = {}
    for result in results:
        seeds.setdefault(result.end_state or result.verdict, []).append(result.seed)
    often = sorted(seeds.items(), key=lambda item: (-len(item[1]), item[0]))
    return ", ".join(
        f"{clean(end)} {len(found)}" + (f" (first: seed {found[0]})" if number else "")
        for number, (end, found) in enumerate(often)
    )
