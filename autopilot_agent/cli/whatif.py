"""``run --what-if``: each case as it is written and with one change, and what the change makes different."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from autopilot_agent.cli.console import colourful, complain, warn, width, write, write_json
from autopilot_agent.cli.selection import Job, drafts_chosen, jobs_of, selection_of
from autopilot_agent.cli.servers import chosen_backend
from autopilot_agent.errors import InputError
from autopilot_agent.reports.difference import Difference, compare
from autopilot_agent.reports.difference_text import plain, summary
from autopilot_agent.reports.difference_text import write as lines_of
from autopilot_agent.reports.recording import recording_of
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.text import label
from autopilot_agent.reports.words import count
from autopilot_agent.scenario.loader import drafts_of, find_scenarios, with_settings
from autopilot_agent.scenario.run import Result, Run, run_scenario
from autopilot_agent.scenario.settings import parse_settings

if TYPE_CHECKING:
    from autopilot_agent.backends.choice import ServerChoice
    from autopilot_agent.scenario.loader import LoadedScenario

    Backends = str | ServerChoice

OPTION = "--what-if"
AS_WRITTEN = "as written"
NARROW, WIDE = 80, 100
ONE_RUN = ("snapshot", "update", "save_device", "device", "record_http", "show_screens", "speed")
MANY_RUNS = ("repeat", "seed_range", "fail_fast", "report")
NOT_TOGETHER = ONE_RUN + MANY_RUNS
"""Options that are about one run, or about many, and not about two."""


class Answer(msgspec.Struct):
    """One case: its two results (the same twice where it was skipped), and the difference if both were played."""

    label: str
    written: Result
    changed: Result
    difference: Difference | None = None


def main(args: argparse.Namespace) -> int:
    """Play and compare every chosen case; 0 when all could be played both ways, whatever they expect."""
    changes = changes_of(args.what_if)
    for name in NOT_TOGETHER:
        if getattr(args, name, None):
            raise InputError(f"--{name.replace('_', '-')} does not go with --what-if; leave one of the two out.")
    if args.jobs > 1:
        raise InputError("--jobs does not go with --what-if, which plays one after the other; leave one of the two out.")
    if args.output == "jsonl":
        raise InputError("--what-if prints text or json; save two runs with --output jsonl and use diff for events.")
    backend = chosen_backend(args)
    selection = selection_of(args)
    paths = find_scenarios(args.paths)
    jobs = jobs_of(paths, selection) if selection.tags or selection.exclude else drafts_chosen(paths, selection)
    found = [one for job in jobs for one in _answers(job, changes, args, backend)]
    played = [one for one in found if one.difference is not None]
    if args.output == "json":
        write_json(json.dumps(_document(changes, found), indent=2, ensure_ascii=False) + "\n")
    elif args.verbose >= args.quiet:
        _print(found, changes, args)
    for said in dict.fromkeys(result.problem for one in found for result in (one.written, one.changed) if result.problem):
        complain(said)
    if not played and not any(one.written.problem or one.changed.problem for one in found):
        warn("note: every scenario that was chosen is skipped; nothing was played.")
    codes = {result.exit_code for one in found for result in (one.written, one.changed) if result.problem}
    return max(codes, default=0)


def changes_of(texts: list[str]) -> tuple[str, ...]:
    """``PATH=VALUE`` of each text, which may begin with the word set; raises ``InputError`` naming the option."""
    found = tuple(text.strip().removeprefix("set ").strip() for text in texts)
    parse_settings(found, OPTION)
    return found


def _answers(job: Job, changes: tuple[str, ...], args: argparse.Namespace, backend: Backends) -> Iterator[Answer]:
    """The cases of a job; one that is wrong, as it is or with the change, is told and does not keep the others."""
    try:
        drafts = [job.draft] if job.draft is not None else drafts_of(job.path, tuple(args.set), text=job.text)
    except InputError as error:
        yield _refused(job.path.as_posix(), job.case, error)
        return
    for draft in drafts:
        try:
            yield _answer(draft.load(), changes, args, backend)
        except InputError as error:
            yield _refused(draft.path.as_posix(), draft.case, error)


def _refused(file: str, case: str, error: InputError) -> Answer:
    problem = str(error) if error.place else f"{file}: {error}"
    result = Result("", file, "", 0, problem=problem, exit_code=error.exit_code, case=case)
    return Answer(label(result), result, result)


def _answer(loaded: LoadedScenario, changes: tuple[str, ...], args: argparse.Namespace, backend: Backends) -> Answer:
    def play(one: LoadedScenario) -> Run:
        return run_scenario(one, seed=args.seed, strict=args.strict, backend=backend)

    other = with_settings(loaded, changes, OPTION)
    before = play(loaded)
    if before.result.verdict == "skipped":
        return Answer(label(before.result), before.result, before.result)
    after = play(other)
    answer = Answer(label(before.result), before.result, after.result)
    if not (before.result.problem or after.result.problem):
        answer.difference = compare(recording_of(before, AS_WRITTEN), recording_of(after, "with " + ", ".join(changes)))
    return answer


def _document(changes: tuple[str, ...], found: list[Answer]) -> dict[str, Any]:
    """The json: both results of each case, and their difference (null where one of them could not be played)."""
    return {
        "version": 1,
        "kind": "what-if",
        "changes": list(changes),
        "equal": all(one.difference is None or one.difference.equal for one in found),
        "cases": [
            {
                "as_written": msgspec.to_builtins(one.written),
                "changed": msgspec.to_builtins(one.changed),
                "difference": plain(one.difference) if one.difference is not None else None,
            }
            for one in found
        ],
    }


def _print(found: list[Answer], changes: tuple[str, ...], args: argparse.Namespace) -> None:
    style = Style(colour=colourful(args.color), width=max(NARROW, min(width(), WIDE)))
    if len(found) == 1:
        one = found[0]
        if one.difference is not None:
            write("\n".join([*_title(one, style), *lines_of(one.difference, style), *_expected(one, style)]) + "\n")
        return
    write(style.paint("bold", clean(f"What if {' and '.join(changes)}?")) + "\n\n")
    for one in found:
        if one.difference is None or (one.difference.equal and args.verbose == 0):
            continue
        if args.verbose:
            text = [*_title(one, style), *lines_of(one.difference, style), *_expected(one, style), ""]
        else:
            text = [clean(one.label), *style.block("    ", clean(summary(one.difference))), *_expected(one, style, "    ")]
        write("\n".join(text) + "\n")
    played = [one.difference for one in found if one.difference is not None]
    differ = sum(not one.equal for one in played)
    write(f"{differ} of {count(len(played), 'scenario')} {'goes' if differ == 1 else 'go'} another way.\n")


def _title(one: Answer, style: Style) -> list[str]:
    return [*style.block("", clean(one.written.scenario), "bold"), clean(f"{one.label}, seed {one.written.seed}"), ""]


def _expected(one: Answer, style: Style, indent: str = "") -> list[str]:
    """What the change means for the expectations of the file, if it means anything."""
    unmet = [{check.name for check in result.checks if not check.passed} for result in (one.written, one.changed)]
    lines = [] if indent or unmet[0] == unmet[1] == set() else [""]
    for head, names in (("With the change, no longer as expected: ", unmet[1] - unmet[0]),
                        ("With the change, as expected again: ", unmet[0] - unmet[1]),
                        ("Not as expected either way: ", unmet[0] & unmet[1])):  # fmt: skip
        if names:
            lines += style.block(indent + head, clean(", ".join(sorted(names))), hang=len(indent) + 2)
    return lines
