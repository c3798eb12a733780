"""``run``: play scenario files, check what they expect, say how it went."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.cli.batch import Options, Outcome, as_document, exit_code, run_files
from autopilot_agent.cli.console import width
from autopilot_agent.errors import InputError, Place
from autopilot_agent.reports.plain_json import safe_json
from autopilot_agent.reports.printable import printable
from autopilot_agent.reports.style import clean
from autopilot_agent.reports.words import count, span
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.run import Result

if TYPE_CHECKING:
    from autopilot_agent.backends.choice import ServerChoice
    from autopilot_agent.cli.reporting import Reports

SERVER_OPTIONS = ("map", "ca", "allow_host", "admin_token", "record_http")
WIDEST_NAME = 64
"""Columns that the names of files get at most in a list of many runs."""


def main(args: argparse.Namespace) -> int:
    """Run every file; the exit code is that of the worst result."""
    backend = chosen_backend(args)
    wrong = _leading_nowhere(args.paths) if args.output == "json" else {}
    paths = find_scenarios([path for path in args.paths if path not in wrong])
    if args.tag:
        paths = [path for path in paths if _tagged(path, set(args.tag))]
        if not paths and not wrong:
            raise InputError(f"no scenario has the tag {' or '.join(repr(tag) for tag in args.tag)}.")
    if len(paths) > 1 and (args.device or args.save_device):
        raise InputError("a device file belongs to one scenario; give one file.")
    if len(paths) > 1 and args.record_http:
        raise InputError("a recording is of one scenario; give one file.")
    reports = _reports(args, paths)
    options = _options(args, paths, backend)
    if reports is not None:
        options = msgspec.structs.replace(options, kept=reports.need)
    results: list[Result] = []
    for outcome in run_files(paths, options, args.jobs):
        results.append(outcome.result)
        if reports is not None and outcome.played is not None:
            reports.take(outcome.played)
        _print(outcome, options, first=len(results) == 1)
    missing = [Result("", path.as_posix(), "", 0, problem=said, exit_code=2) for path, said in wrong.items()]
    results += missing
    if args.output == "json":
        import json

        _write_json(json.dumps(as_document(results), indent=2, ensure_ascii=False) + "\n")
    elif args.output == "text" and options.verbosity >= 0:
        _write(_notices(results) + _summary(results))
    code = exit_code(results)
    if reports is None:
        return code
    reports.take_results(missing)
    return reports.write(code, _write if args.output == "text" else _beside)


def _reports(args: argparse.Namespace, paths: list[Path]) -> Reports | None:
    """The reports that were asked for; their rooms are not loaded where there are none."""
    if not args.report:
        return None
    from autopilot_agent.cli.reporting import chosen_reports

    return chosen_reports(args.report, paths, args.save_device)


def _beside(text: str) -> None:
    """Print where standard output is data: a CI system reads along on both."""
    if sys.stderr is not None:
        sys.stderr.write(text)


def _leading_nowhere(paths: list[Path]) -> dict[Path, str]:
    """Paths that mean no scenario, each with what is wrong: json is one document also when one of many is misspelt."""
    found: dict[Path, str] = {}
    for path in paths:
        try:
            find_scenarios([path])
        except InputError as error:
            found[path] = str(error)
    return found


def _options(args: argparse.Namespace, paths: list[Path], backend: str | ServerChoice) -> Options:
    verbosity = args.verbose - args.quiet
    return Options(
        args.seed,
        args.speed,
        args.strict,
        backend,
        args.output,
        verbosity,
        timeline=verbosity > 0 or (verbosity == 0 and len(paths) == 1),
        several=len(paths) > 1,
        colour=args.output == "text" and _colourful(),
        width=width(),
        device=args.device,
        save_device=args.save_device,
        screens=args.show_screens and args.output == "text",
        name_width=min(WIDEST_NAME, max((len(clean(path.as_posix())) for path in paths), default=0)),
    )


def _tagged(path: Path, wanted: set[str]) -> bool:
    """Whether a scenario has one of the tags; a file that cannot be read stays, so that its mistake is not hidden."""
    try:
        return bool(wanted & set(load_scenario(path).scenario.tags))
    except InputError:
        return True


def _colourful() -> bool:
    """Colour is for terminals that know it, and not where NO_COLOR is set (no-color.org)."""
    if os.environ.get("NO_COLOR") or sys.stdout is None or not sys.stdout.isatty():
        return False
    if sys.platform == "win32":
        return any(name in os.environ for name in ("WT_SESSION", "ANSICON", "ConEmuANSI", "TERM"))
    return os.environ.get("TERM", "dumb") != "dumb"


def _print(outcome: Outcome, options: Options, *, first: bool) -> None:
    if options.form == "jsonl":
        _write_json(outcome.printed.decode())
        if outcome.result.problem:
            print(f"autopilot-agent: {printable(outcome.result.problem, lines=True)}", file=sys.stderr)
    elif options.form == "text":
        between = "" if first or not options.timeline else "\n" + "-" * options.width + "\n\n"
        _write(between + outcome.printed.decode())


def _notices(results: list[Result]) -> str:
    """What the reading of the tenants remarked, each remark once however many scenarios share it."""
    remarks = dict.fromkeys(notice for result in results for notice in result.notices)
    return "".join(f"note: {clean(remark)}\n" for remark in remarks)


def _summary(results: list[Result]) -> str:
    document = as_document(results)
    parts = [f"{document['passed']} passed", f"{document['failed']} failed"]
    if document["errors"]:
        parts.append(f"{document['errors']} with errors")
    virtual = span(sum(result.virtual_seconds for result in results) * 1000)
    return f"{count(len(results), 'scenario')}: {', '.join(parts)}; {virtual} of virtual time\n"


def chosen_backend(args: argparse.Namespace) -> str | ServerChoice:
    """What ``--backend`` and the options around it mean; raises ``InputError`` for what does not go together."""
    if args.backend.startswith(("http:", "https:")):
        if args.device or args.save_device:
            raise InputError("a device file holds no keys and tokens of real connections; leave --device, --save-device out.")
        return _server(args)
    if args.backend.startswith("replay:"):
        return _recording(args)
    for name in SERVER_OPTIONS:
        if getattr(args, name):
            raise InputError(f"--{name.replace('_', '-')} is for a server; choose one with --backend https://HOST:PORT.")
    if args.backend != "memory":
        _check_backend(args.backend)
    return str(args.backend)


def _recording(args: argparse.Namespace) -> ServerChoice:
    """A recording instead of a server."""
    for name in (*SERVER_OPTIONS, "device", "save_device"):
        if getattr(args, name):
            raise InputError(f"--{name.replace('_', '-')} has no meaning where a recording answers; leave it out.")
    try:
        from autopilot_agent.backends.choice import ServerChoice
        from autopilot_agent.backends.recorded import read_session
    except ImportError as error:
        raise _not_installed(error) from None
    folder = args.backend.removeprefix("replay:")
    read_session(Path(folder))
    return ServerChoice("", replay=folder)


def _not_installed(error: ImportError) -> InputError:
    said = f"a server as backend needs packages that are not installed ({error.name}); pip install 'autopilot-agent[wire]'."
    return InputError(said)


def _server(args: argparse.Namespace) -> ServerChoice:
    """The server, after a first look at it: a wrong address is said once, and not once per scenario."""
    try:
        from autopilot_agent.backends.addresses import read_address, read_table
        from autopilot_agent.backends.choice import ServerChoice
        from autopilot_agent.wire.hosts import check_host
    except ImportError as error:
        raise _not_installed(error) from None
    if args.ca is not None and not args.ca.is_file():
        raise InputError("there is no such file; 'autopilot-agent serve ca --data FILE' writes one.", Place(str(args.ca)))
    token = args.admin_token or os.environ.get("AUTOPILOT_AGENT_TOKEN", "")
    ca = args.ca.as_posix() if args.ca is not None else ""
    record = args.record_http.as_posix() if args.record_http is not None else ""
    url, table = read_address(args.backend), read_table(args.map)
    choice = ServerChoice(url, table, ca, tuple(args.allow_host), token, record=record)
    for host in choice.hosts():
        check_host(host, frozenset(choice.allowed))
    return choice


def _check_backend(name: str) -> None:
    """Say at once that a backend does not exist, and not once per scenario."""
    from importlib.metadata import entry_points

    names = sorted({point.name for point in entry_points(group="autopilot_agent.backends")} | {"memory"})
    if name not in names:
        raise InputError(f"there is no backend {name!r}; installed are: {', '.join(names)}.")


def _write(text: str) -> None:
    """Print at once what is safe already: whoever reads along sees each result when it is there."""
    if sys.stdout is not None and text:
        sys.stdout.write(text)
        sys.stdout.flush()


def _write_json(text: str) -> None:
    """JSON that loses nothing: what a console must not see or cannot encode is written as an escape of JSON."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    _write(safe_json(text, ascii_only=encoding not in ("utf8", "utf16", "utf32")))
