"""json and jsonl: the documents that ``run --output`` prints, as files."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.reports.printable import safe_json
from autopilot_agent.reports.report import About, Need, Played
from autopilot_agent.scenario.run import Result

COUNTED = {"passed": "passed", "failed": "failed", "errors": "error"} | {
    verdict: verdict for verdict in ("xfailed", "xpassed", "skipped", "not_run")
}
"""Keys of the json that count verdicts."""


def exit_code(results: list[Result]) -> int:
    """The exit code of a whole call: our own defect first, then the service, then the input, then a failed expectation."""
    return worst(result.exit_code for result in results)


def worst(codes: Any) -> int:
    """The exit code that stands for all."""
    found = set(codes)
    return next((code for code in (4, 3, 2, 1) if code in found), 0)


def as_document(results: list[Result]) -> dict[str, Any]:
    """The json of ``run``: one document, also for one file."""
    return {
        "schema_version": 1,
        "results": [msgspec.to_builtins(result) for result in results],
        **{name: sum(result.verdict == verdict for result in results) for name, verdict in COUNTED.items()},
        "exit_code": exit_code(results),
    }


def enclosed(result: Result, lines: bytes) -> bytes:
    """The events of one of several runs, between a line that says whose they are and one that says how it went."""
    return begun(result, lines) + ended(result)


def begun(result: Result, lines: bytes) -> bytes:
    """The same without its last line, which is known when the run has been judged."""
    first = {"event": "run_started", "file": result.file, **({"case": result.case} if result.case else {}), "seed": result.seed}
    return b"%s\n%s" % (msgspec.json.encode(first), lines)


def ended(result: Result) -> bytes:
    """The line that says how one of several runs went."""
    return msgspec.json.encode({"event": "run_finished", "verdict": result.verdict, "trace_hash": result.trace_hash}) + b"\n"


class _Json:
    """One document over all runs."""

    name = "json"
    needs_events = Need.NOTHING

    def render(self, played: list[Played], about: About) -> bytes:
        """What ``--output json`` prints."""
        import json

        document = as_document([one.result for one in played])
        return safe_json(json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


class _JsonLines:
    """The events of all runs."""

    name = "jsonl"
    needs_events = Need.EVERYTHING

    def render(self, played: list[Played], about: About) -> bytes:
        """What ``--output jsonl`` prints."""
        several = len(played) > 1
        parts = (enclosed(one.result, one.lines()) if several else one.lines() for one in played)
        return safe_json(b"".join(parts).decode()).encode()


JSON = _Json()
JSONL = _JsonLines()
