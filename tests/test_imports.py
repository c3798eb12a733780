"""Which room may import which: the picture of docs/design.md, checked over every import statement of the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import autopilot_agent

PACKAGE = Path(autopilot_agent.__file__).parent
CORE = {"errors", "events", "clock", "rulebook", "service"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "events": {"errors"},
    "clock": {"errors"},
    "rulebook": {"errors"},
    "service": {"errors"},
    "text": {"errors"},
    "device": CORE,
    "tenant": CORE | {"device", "text"},
    "wire": CORE,
    "backends": CORE | {"text", "tenant", "wire"},
    "simulator": CORE | {"device", "text", "tenant", "wire", "backends", "scenario"},
    "oobe": CORE | {"device"},
    "scenario": CORE | {"text", "device", "tenant", "backends", "oobe"},
    "reports": CORE | {"text", "device", "tenant", "oobe", "scenario"},
    "preflight": CORE | {"text", "device", "tenant", "oobe", "scenario", "reports"},
    "walk": CORE | {"device", "tenant", "backends", "oobe", "scenario", "reports"},
    "testing": CORE | {"text", "device", "tenant", "wire", "backends", "simulator", "oobe", "scenario"},
    "conform": CORE | {"device", "wire", "backends"},
    "cli": CORE
    | {"text", "device", "tenant", "backends", "simulator", "oobe", "scenario", "reports", "walk", "wire"}
    | {"testing", "preflight", "conform"},
    "pytest_plugin": CORE | {"text", "tenant", "backends", "scenario", "reports"},
    "__init__": {"errors", "events", "scenario"},
    "__main__": {"__init__", "cli"},
}
OOBE_NEVER = {"requests", "rich", "yaml", "http", "socket", "asyncio", "threading"}

FILES = sorted(PACKAGE.rglob("*.py"))


class Import:
    def __init__(self, name: str, *, inside: bool, typing_only: bool) -> None:
        self.name, self.inside, self.typing_only = name, inside, typing_only


def shown(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[Import]:
    found: list[Import] = []
    dots = ["autopilot_agent", *path.relative_to(PACKAGE).parts[:-1]]

    def visit(node: ast.AST, inside: bool, typing_only: bool) -> None:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(dots[: len(dots) - node.level + 1]) + "." if node.level else ""
            module = base + (node.module or "")
            names = [f"{module}.{alias.name}" if module == "autopilot_agent" else module for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
            names = [str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant)]
        found.extend(Import(name, inside=inside, typing_only=typing_only) for name in names)
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            visit(child, inside or function, typing_only or typing)

    visit(ast.parse(path.read_text(encoding="utf-8")), False, False)
    return found


def test_every_room_has_its_place_in_the_picture() -> None:
    assert {room_of(path) for path in FILES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_a_room_imports_only_what_stands_before_it(path: Path) -> None:
    room = room_of(path)
    for one in imports_of(path):
        if not one.name.startswith("autopilot_agent."):
            continue
        other = one.name.split(".")[1]
        if other == room or other in MAY_IMPORT[room] or other.startswith("__"):
            continue
        raise AssertionError(f"{shown(path)} imports {one.name}, but {room} may not know {other}")


def test_only_the_clock_imports_simpy() -> None:
    users = {shown(path) for path in FILES for one in imports_of(path) if one.name.split(".")[0] == "simpy"}
    assert users == {"clock.py"}


def test_only_the_flow_imports_transitions_and_only_when_asked() -> None:
    users = {
        (shown(path), one.inside or one.typing_only)
        for path in FILES
        for one in imports_of(path)
        if one.name.split(".")[0] == "transitions"
    }
    assert users == {("oobe/flow.py", True)}


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path) == "oobe"], ids=shown)
def test_the_flow_knows_no_backend_and_no_terminal(path: Path) -> None:
    assert not {one.name.split(".")[0] for one in imports_of(path)} & OOBE_NEVER
    assert not any(one.name.startswith(("autopilot_agent.backends", "autopilot_agent.tenant")) for one in imports_of(path))


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_optional_packages_load_only_when_needed(path: Path) -> None:
    for one in imports_of(path):
        if one.name.split(".")[0] in ("rich", "requests"):
            assert one.inside or one.typing_only or room_of(path) in ("walk", "backends", "wire"), one.name


HEAVY = ("msgspec", "simpy", "yaml", "transitions", "rich", "requests", "autopilot_agent.oobe", "autopilot_agent.scenario",
         "autopilot_agent.tenant", "autopilot_agent.device", "autopilot_agent.service", "autopilot_agent.rulebook")  # fmt: skip


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"], ["explain", "--help"]], ids=" ".join)
def test_help_loads_no_room(words: list[str]) -> None:
    code = f"import sys; from autopilot_agent.__main__ import main; main({words!r}); print('MODULES', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rsplit("MODULES", 1)[1].split())
    assert not loaded & set(HEAVY)


def test_a_run_loads_no_optional_package() -> None:
    code = "import sys, autopilot_agent.scenario.run; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"transitions", "rich", "requests", "autopilot_agent.simulator"} & set(loaded)
