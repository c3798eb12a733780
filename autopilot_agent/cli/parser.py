"""The command line: what can be written, and which module answers it. No module of a command is imported to parse."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from autopilot_agent.cli.argument_types import count, path, percent, port, seed, seed_range, speed, times
from autopilot_agent.cli.exit_codes import exit_codes
from autopilot_agent.cli.leaf import Leaf, Parser

EPILOG = """\
exit codes: 0 everything as expected, 1 an expectation was not met, 2 wrong usage or a wrong file,
3 a service cannot be reached, 4 a defect of this program.

  autopilot-agent new scenario first.yaml    a commented file to start from
  autopilot-agent run first.yaml             play it
  autopilot-agent explain 0x80180014         what a code, fault, rule or screen means"""

PATHS = "scenario files, folders searched for them, wildcards, or - for standard input"

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Leaf"]  # the only name argparse has for it


def run_command(words: Sequence[str]) -> int:
    """Parse the words after the program's name and run the command; returns its exit code."""
    parser = build_parser()
    args = parser.parse_args(words)
    if args.version:
        from autopilot_agent.cli.version import facts, line

        print(facts() if args.facts else line())
        return 0
    if args.facts:
        parser.error("-v before a command goes with --version only; write it after the command")
    if not args.command:
        parser.print_help()
        return 2
    code = import_module(f"autopilot_agent.cli.{args.command.replace('-', '_')}").main(args)
    return int(code or 0)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="autopilot-agent",
        description="A simulated Windows PC that goes through Windows Autopilot, on virtual time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version and stop")
    parser.add_argument("-v", "--verbose", action="store_true", dest="facts", help="with --version: what it was built from")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Leaf)
    _run(commands)
    _walk(commands)
    _coverage(commands)
    _validate(commands)
    _list(commands)
    _show(commands)
    _explain(commands)
    _schema(commands)
    _new(commands)
    _export(commands)
    _check_hashes(commands)
    _serve(commands)
    _conform(commands)
    _preflight(commands)
    _diff(commands)
    _completion(commands)
    for name, leaf in commands.choices.items():
        leaf.epilog = exit_codes(name)
    return parser


def _run(commands: Commands) -> None:
    it = commands.add_parser("run", help="play scenarios and check what they expect", allow_abbrev=False)
    it.add_argument("paths", nargs="+", type=path, metavar="FILE|DIR", help=PATHS)
    it.add_argument("--backend", default="memory", metavar="NAME|URL", help="who plays the cloud (default: memory)")
    it.add_argument("--map", action="append", default=[], metavar="NAME=URL", help="another server for one service")
    it.add_argument("--ca", type=path, metavar="FILE", help="trust the certificates in this file, as 'serve ca' prints them")
    it.add_argument("--allow-host", action="append", default=[], metavar="HOST", help="a test server that is not this machine")
    it.add_argument("--admin-token", default="", metavar="TOKEN", help="lets checks see what the served tenant recorded")
    it.add_argument("--enrol-token-file", type=path, metavar="FILE", help="enrol at an MDM server with the token in this file")
    it.add_argument("--record-http", type=path, metavar="DIR", help="keep what is said to the server; --backend replay:DIR")
    it.add_argument("--seed", type=seed, metavar="N", help="use this seed instead of each scenario's own")
    it.add_argument("--speed", type=speed, metavar="X", help="X times as fast as a real PC, instead of at once")
    it.add_argument("--strict", action="store_true", help="refuse behaviour that rests on an assumption only")
    it.add_argument("-j", "--jobs", type=count, default=1, metavar="N", help="play in N processes (default: 1)")
    it.add_argument("--output", choices=("text", "json", "jsonl"), default="text", help="form of the results (default: text)")
    _reports(it)
    it.add_argument("--tag", action="append", default=[], metavar="T", help="only scenarios with this tag (repeatable)")
    it.add_argument("--exclude-tag", action="append", default=[], metavar="T", help="no scenarios with this tag (repeatable)")
    _cases(it)
    it.add_argument("--fail-fast", action="store_true", help="stop after the first that is not as expected")
    it.add_argument("--repeat", type=times, metavar="N", help="play each with N seeds, from its own or --seed upward")
    it.add_argument("--seed-range", type=seed_range, metavar="A..B", help="play each once with every seed from A to B")
    it.add_argument("--device", type=path, metavar="FILE", help="go on with the PC that an earlier run saved")
    it.add_argument("--save-device", type=path, metavar="FILE", help="keep the PC as it is after the last act")
    it.add_argument("--show-screens", action="store_true", help="print the pages of each run as well, in their order")
    it.add_argument("--what-if", action="append", default=[], metavar="PATH=VALUE", help="compare with a change (repeatable)")
    it.add_argument("--snapshot", type=path, metavar="DIR", help="compare each run with the snapshot kept in this folder")
    it.add_argument("--update", action="store_true", help="write the snapshots of --snapshot anew")
    _colour(it)
    it.add_argument("-q", "--quiet", action="count", default=0, help="say less")
    it.add_argument("-v", "--verbose", action="count", default=0, help="say more")


def _cases(it: argparse.ArgumentParser) -> None:
    """What commands over cases share."""
    it.add_argument("--only", action="append", default=[], metavar="NAME", help="only cases named so, * allowed (repeatable)")
    it.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="set a value, such as seed=7 (repeatable)")


def _reports(it: argparse.ArgumentParser) -> None:
    kinds = "write a report (repeatable): junit, junit-timeline, github, markdown, json, jsonl, html; github=- annotates"
    it.add_argument("--report", action="append", default=[], metavar="KIND=FILE", help=kinds)
    for kind, names in {"junit": ("--junit", "--junitxml", "--junit-xml"), "html": ("--html",)}.items():
        words = f"the same as --report {kind}=FILE"
        it.add_argument(*names, dest="report", action="append", default=[], type=_alias(kind), metavar="FILE", help=words)


def _alias(kind: str) -> Callable[[str], str]:
    return lambda file: f"{kind}={file}"


def _colour(it: argparse.ArgumentParser) -> None:
    """What commands share that colour what they print."""
    it.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour the text (default: auto)")


def _coverage(commands: Commands) -> None:
    it = commands.add_parser("coverage", help="say which rules, states and faults scenarios exercise", allow_abbrev=False)
    it.add_argument("paths", nargs="+", type=path, metavar="FILE|DIR", help=PATHS)
    it.add_argument("-j", "--jobs", type=count, default=1, metavar="N", help="play in N processes (default: 1)")
    it.add_argument("--output", choices=("text", "json"), default="text", help="form of the report (default: text)")
    _cases(it)
    it.add_argument("--fail-under", type=percent, default=0.0, metavar="P", help="exit 1 when less than P %% of the rules are")
    it.add_argument("-v", "--verbose", action="count", default=0, help="list the transitions of each mode, too")


def _walk(commands: Commands) -> None:
    it = commands.add_parser("walk", help="go through it page by page, in a terminal", allow_abbrev=False)
    it.add_argument("scenario", nargs="?", type=path, metavar="SCENARIO", help="a scenario file; without one, choose a mode")
    _cases(it)
    it.add_argument("--mode", default="", metavar="M", help="the mode (with a ready tenant when no file is given)")
    it.add_argument("--tenant", type=path, metavar="DIR", help="your tenant: a folder of Graph's JSON files")
    it.add_argument("--speed", default="", metavar="X|max", help="X virtual seconds a second (default: 60 if drawn)")
    it.add_argument("--seed", type=seed, metavar="N", help="use this seed instead of the scenario's own")
    it.add_argument("--record", type=path, metavar="FILE", help="keep what you do as a scenario that run plays again")
    start = it.add_mutually_exclusive_group()
    start.add_argument("--state", type=path, metavar="FILE", help="go on where a recorded walk was left")
    start.add_argument("--from-start", action="store_true", help="begin again, and overwrite the file of --record")
    it.add_argument("--plain", action="store_true", help="lines instead of drawings, for screen readers")
    it.add_argument("--auto", action="store_true", help="a film: the scenario's own person answers")
    it.add_argument("--export", type=path, metavar="FILE", help="keep the screens as .svg or .html")
    it.add_argument("--screens", default="all", metavar="all|last|ID", help="which screens --export keeps (default: all)")
    _colour(it)
    it.add_argument("--exercise", nargs="?", const="", metavar="ID", help="find a hidden fault; without an id, one by the seed")


def _validate(commands: Commands) -> None:
    it = commands.add_parser("validate", help="check scenario files without playing them", allow_abbrev=False)
    it.add_argument("paths", nargs="+", type=path, metavar="FILE|DIR", help=PATHS)
    _cases(it)


def _list(commands: Commands) -> None:
    it = commands.add_parser("list", help="list scenarios, faults, rules, screens or states", allow_abbrev=False)
    it.add_argument("what", choices=("scenarios", "faults", "rules", "screens", "states"), help="what to list")
    it.add_argument(
        "paths", nargs="*", default=[], type=path, metavar="FILE|DIR", help="with scenarios: where (default: ./scenarios)"
    )
    it.add_argument("--output", choices=("text", "json"), default="text", help="form of the list (default: text)")


def _show(commands: Commands) -> None:
    it = commands.add_parser("show", help="show the flow of a mode, a screen, or the table of resets", allow_abbrev=False)
    it.mixing = True  # its words are commands
    things = it.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=Parser)
    flow = things.add_parser("flow", help="states and edges of a mode", allow_abbrev=False)
    flow.add_argument("mode", metavar="MODE", help="for example user-driven")
    flow.add_argument("--format", choices=("text", "mermaid", "dot"), default="text", help="form of the flow (default: text)")
    screen = things.add_parser("screen", help="a page of the out-of-box experience", allow_abbrev=False)
    screen.add_argument("id", metavar="ID", help="for example REGION")
    resets = things.add_parser("resets", help="what each kind of reset keeps, removes and brings back", allow_abbrev=False)
    resets.add_argument("kinds", nargs="*", metavar="KIND", help="for example wipe (default: all)")
    resets.add_argument("--output", choices=("text", "json"), default="text", help="form of the table (default: text)")


def _explain(commands: Commands) -> None:
    it = commands.add_parser("explain", help="explain a code, fault, rule, screen or event", allow_abbrev=False)
    it.mixing = True  # -2145910764 is a name
    it.add_argument("name", metavar="NAME", help="such as 80180014, -2145910764, F-26, C7, REGION, Autopilot/161, I-01, Q-02")
    it.add_argument("--output", choices=("text", "json"), default="text", help="form of the answer (default: text)")


def _schema(commands: Commands) -> None:
    it = commands.add_parser("schema", help="print the JSON Schema of scenario files, for editors", allow_abbrev=False)
    it.add_argument("what", choices=("scenario", "defaults"), help="what to describe: scenarios, or _defaults.yaml")


def _new(commands: Commands) -> None:
    it = commands.add_parser("new", help="print or write a scenario file to start from", allow_abbrev=False)
    it.add_argument("what", choices=("scenario",), help="what to make")
    it.add_argument("file", nargs="?", type=path, metavar="FILE", help="where to write it; printed when left out")
    it.add_argument("--mode", default="user-driven", metavar="M", help="the mode (default: user-driven)")


def _export(commands: Commands) -> None:
    it = commands.add_parser("export", help="write a deployment profile as AutopilotConfigurationFile.json", allow_abbrev=False)
    it.mixing = True  # its words are commands
    things = it.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=Parser)
    profile = things.add_parser("profile", help="a profile of a tenant, for existing devices", allow_abbrev=False)
    profile.add_argument("tenant", type=path, metavar="TENANT", help="a folder or a file with the tenant's resources")
    profile.add_argument("name", metavar="NAME", help="display name of the profile")
    profile.add_argument("file", nargs="?", type=path, metavar="FILE", help="where to write it; printed when left out")


def _check_hashes(commands: Commands) -> None:
    it = commands.add_parser("check-hashes", help="check a file for the import of hardware hashes", allow_abbrev=False)
    it.add_argument("file", type=path, metavar="FILE", help="the CSV file, or - for standard input")
    it.add_argument("--output", choices=("text", "json"), default="text", help="form of the answer (default: text)")


def _serve(commands: Commands) -> None:
    it = commands.add_parser("serve", help="serve a tenant on HTTP(S) for devices and MDM clients", allow_abbrev=False)
    it.add_argument("what", nargs="?", choices=("ca",), help="ca: print the test CA's certificate, and end")
    it.add_argument("--tenant", type=path, metavar="DIR", help="a folder of Graph's JSON files (default: a ready tenant)")
    it.add_argument("--scenario", type=path, metavar="FILE", help="the tenant of a scenario, its device registered")
    it.add_argument("--only", action="append", default=[], metavar="CASE", help="the case of --scenario named so, * allowed")
    it.add_argument("--data", type=path, metavar="FILE", help="keep what happens in this file, across restarts")
    it.add_argument("--host", default="127.0.0.1", metavar="H", help="the address to listen at (default: 127.0.0.1)")
    it.add_argument("--port", type=port, default=8443, metavar="N", help="the port; 0 takes a free one (default: 8443)")
    it.add_argument("--tls", action="store_true", help="HTTPS, with a certificate of the test CA")
    it.add_argument("--ca-out", type=path, metavar="FILE", help="write the test CA's certificate there")
    it.add_argument("--out", type=path, metavar="FILE", help="with ca: write it there instead of printing it")
    it.add_argument("--seed", type=seed, metavar="N", help="use this seed for ids instead of the scenario's own")
    it.add_argument("--admin-token-file", type=path, metavar="FILE", help="the administrator's token; made if it is not there")
    it.add_argument("--access-log", metavar="FILE|-", help="a line of JSON for each request; - prints them")
    it.add_argument("--allow-host", action="append", default=[], metavar="H", help="allow an address that others reach")
    it.add_argument("--name", action="append", default=[], metavar="HOST", help="one more name for the certificate")
    proofs = ("md5", "basic")
    it.add_argument("--credentials", choices=proofs, default="", help="ask for these in management sessions")


def _conform(commands: Commands) -> None:
    it = commands.add_parser("conform", help="what Windows would object to in an MDM server", allow_abbrev=False)
    it.add_argument("url", metavar="URL", help="the server, such as https://localhost:8080, or its discovery service")
    it.add_argument("--user", default="", metavar="NAME", help="sign-in name of who enrols, such as user1@contoso.example")
    it.add_argument("--password", default="", metavar="P", help="the password; else AUTOPILOT_AGENT_PASSWORD")
    it.add_argument("--password-file", type=path, metavar="FILE", help="the password is the one line of this file")
    it.add_argument("--token-file", type=path, metavar="FILE", help="a JWT instead, for servers that trust its issuer")
    it.add_argument("--ca", type=path, metavar="FILE", help="trust the certificates in this file")
    it.add_argument("--allow-host", action="append", default=[], metavar="HOST", help="a test server that is not this machine")
    stages = ("discovery", "policy", "enrolment", "document", "sessions", "esp", "faults", "renewal")
    it.add_argument("--stage", action="append", default=[], choices=stages, help="only this stage (repeatable)")
    it.add_argument("--output", choices=("text", "json", "junit"), default="text", help="form of the findings (default: text)")
    it.add_argument("--details", action="store_true", help="show the exchanges behind each complaint, without secrets")


def _preflight(commands: Commands) -> None:
    it = commands.add_parser("preflight", help="play a tenant's devices and list what goes wrong", allow_abbrev=False)
    it.add_argument("tenant", type=path, metavar="TENANT", help="a folder or file of an export, or a scenario with a tenant")
    it.add_argument("--mode", action="append", default=[], metavar="M", help="play only this mode (repeatable)")
    it.add_argument("--group", default="", metavar="NAME", help="play only devices of this group")
    it.add_argument("--only", action="append", default=[], metavar="CASE", help="the tenant of this case of a scenario file")
    it.add_argument("--output", choices=("text", "json", "markdown"), default="text", help="form of the report (default: text)")
    it.add_argument("--save-scenarios", type=path, metavar="DIR", help="keep each run as a scenario that 'run' plays again")
    levels = ("error", "warning", "never")
    it.add_argument("--fail-on", choices=levels, default="error", help="exit 1 for findings as bad as this (default: error)")
    _colour(it)
    it.add_argument("-q", "--quiet", action="count", default=0, help="only the table")
    it.add_argument("-v", "--verbose", action="count", default=0, help="all evidence")


def _diff(commands: Commands) -> None:
    it = commands.add_parser("diff", help="what differs between two scenarios, tenants or recorded runs", allow_abbrev=False)
    it.add_argument("a", type=path, metavar="A", help="a scenario file, a tenant, or a run saved as json or jsonl")
    it.add_argument("b", type=path, metavar="B", help="the other one, of the same kind")
    it.add_argument("--only", action="append", default=[], metavar="CASE", help="only cases named so, * allowed (repeatable)")
    it.add_argument("--seed", type=seed, metavar="N", help="play both scenarios with this seed")
    it.add_argument("--output", choices=("text", "json"), default="text", help="form of the answer (default: text)")
    _colour(it)


def _completion(commands: Commands) -> None:
    it = commands.add_parser("completion", help="print a script that completes this command in a shell", allow_abbrev=False)
    it.add_argument("shell", choices=("bash", "zsh", "fish", "powershell"), help="the shell the script is for")
