"""The plug-in for pytest: scenario files as test items, and a fixture that plays a device. PYTEST_DONT_REWRITE

pytest imports this module at every start, also where nobody has a scenario; so it imports nothing of the package, and
what does the work is loaded by the first scenario file or the first use of the fixture. (The word in capitals keeps
pytest from rewriting assertions here: there are none.)
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autopilot_agent.pytest_plugin.collecting import ScenarioFile
    from autopilot_agent.pytest_plugin.devices import Autopilot, Played

__all__ = ["Autopilot", "Played"]

FOLDERS = "autopilot_scenarios"
HOSTS = "autopilot_allow_hosts"
ENDINGS = (".yaml", ".yml")
ANYWHERE = (".autopilot.yaml", ".autopilot.yml")
"""Endings of files that are scenarios in whatever folder they lie."""
NOT_SEARCHED = "tenants"
"""Folders of the configured ones that hold shared tenants, as for ``autopilot-agent run``."""
LOOKED_AT = 100_000
"""Bytes in which a file says that it is a scenario."""
CARRIED = "autopilot_failure"
"""The key of a failure in what a worker of pytest-xdist sends."""
MARK = "autopilot: a scenario of autopilot-agent, played by a simulated PC. Its tags are marks as well."


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line and of the configuration."""
    group = parser.getgroup("autopilot-agent", "scenarios of Windows Autopilot")
    group.addoption("--autopilot-seed", type=int, metavar="N", help="the seed of every scenario, instead of its own")
    group.addoption(
        "--autopilot-backend",
        default="memory",
        metavar="NAME|URL",
        help="the cloud that answers the device: memory (the default), an installed backend, or the address of a server",
    )
    group.addoption("--autopilot-ca", metavar="FILE", help="certificates to trust where the backend is a server")
    group.addoption(
        "--autopilot-allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a test server that is not this machine; may be given several times",
    )
    group.addoption(
        "--autopilot-set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="set a value in every scenario, such as device.network=wifi; may be given several times",
    )
    parser.addini(FOLDERS, "folders whose *.yaml files are scenarios, relative to the file that says so", "paths", [])
    parser.addini(HOSTS, "test servers that are not this machine, for --autopilot-backend; one a line", "linelist", [])


def pytest_configure(config: pytest.Config) -> None:
    """Say at once what is wrong with the options, and not once per scenario."""
    config.addinivalue_line("markers", MARK)
    for folder in config.getini(FOLDERS):
        if not folder.is_dir():
            raise pytest.UsageError(f"{FOLDERS}: there is no folder {folder}; check its name, or remove it.")
    option = config.option
    server = option.autopilot_ca or option.autopilot_allow_host or option.autopilot_backend != "memory"
    if server or option.autopilot_set:
        from autopilot_agent.pytest_plugin.choices import check_options

        check_options(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """A scenario file: named so, in a configured folder, or given; names that begin with "_" are parts of scenarios."""
    name = file_path.name
    if not name.endswith(ENDINGS) or name.startswith(("_", ".")):
        return None
    if not (name.endswith(ANYWHERE) or _in_a_configured_folder(file_path, parent.config) or _given(file_path, parent)):
        return None
    from autopilot_agent.pytest_plugin.collecting import ScenarioFile

    found: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    return found


def _in_a_configured_folder(path: Path, config: pytest.Config) -> bool:
    folders: list[Path] = config.getini(FOLDERS)
    return any(path.is_relative_to(folder) and NOT_SEARCHED not in path.relative_to(folder).parts[:-1] for folder in folders)


def _given(path: Path, parent: pytest.Collector) -> bool:
    """Whether the command line names this file and it says itself that it is a scenario: others have YAML as well."""
    if not parent.session.isinitpath(path):
        return False
    try:
        with path.open("rb") as stream:
            start = stream.read(LOOKED_AT)
    except OSError:  # pytest says that it knows nothing to do with it
        return False
    return any(line.startswith(b"scenario:") for line in start.removeprefix(b"\xef\xbb\xbf").splitlines())


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report: object) -> Generator[None, Any, Any]:
    """A worker of pytest-xdist sends a failure as text alone; with its short reason it is the same as without workers."""
    data = yield
    carried = getattr(getattr(report, "longrepr", None), "carried", None)
    if carried is not None and data is not None:
        data[CARRIED] = carried
    return data


@pytest.hookimpl(wrapper=True)
def pytest_report_from_serializable(data: dict[str, Any]) -> Generator[None, Any, Any]:
    """And this is where it arrives."""
    carried = data.pop(CARRIED, None)
    report = yield
    if carried is not None and report is not None:
        from autopilot_agent.pytest_plugin.failing import Failure

        text, message, where, brief = carried
        report.longrepr = Failure(text, message, where, brief=brief)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A mistake in a scenario in its own words; pytest asks an item for its words only about what is called, not set up."""
    report = yield
    failure = getattr(call.excinfo.value, "autopilot_failure", None) if call.excinfo is not None else None
    if failure is not None and call.when != "call":
        report.longrepr = failure
    return report


@pytest.fixture
def autopilot(request: pytest.FixtureRequest) -> Autopilot:
    """Play a device: ``run = autopilot("laptop.yaml", set={"device.network": "wifi"})``, then ``run.assert_passed()``."""
    from autopilot_agent.pytest_plugin.devices import Autopilot

    return Autopilot(request)


def __getattr__(name: str) -> object:
    if name in __all__:
        from autopilot_agent.pytest_plugin import devices

        return getattr(devices, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
