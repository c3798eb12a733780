"""The fixture ``autopilot``: a device played from a Python test, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import chdir
from os import PathLike
from pathlib import Path
from typing import Any

import pytest

from autopilot_agent.errors import AutopilotAgentError, Defect, InputError, Place, ServiceUnavailable
from autopilot_agent.events import Event
from autopilot_agent.pytest_plugin.choices import SET, choices_of, cloud_of, named_here
from autopilot_agent.pytest_plugin.collecting import shown_path
from autopilot_agent.pytest_plugin.failing import device_of, message_of, said, summary_of, text_of
from autopilot_agent.scenario.finding import give_text
from autopilot_agent.scenario.loader import LoadedScenario, load_scenario, load_scenario_text, with_settings
from autopilot_agent.scenario.run import ErrorReport, Result, Run, quoted, run_scenario
from autopilot_agent.scenario.verdicts import FINE
from autopilot_agent.text.yaml_text import load_yaml_value

Settings = Mapping[str, Any] | Iterable[str]
BOTH = f"{SET} or set "
"""How a place begins that is a setting, where the command line and a test give some."""


class Played:
    """A run that was played to its end; what a test most often asks of it has a name here, the rest is in ``result``."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def __repr__(self) -> str:
        return summary_of(self.run.result)

    @property
    def result(self) -> Result:
        """Everything that ``autopilot-agent run --output json`` says."""
        return self.run.result

    @property
    def events(self) -> list[Event]:
        """Everything that happened, in order."""
        return self.run.events

    @property
    def passed(self) -> bool:
        """Whether it went as the scenario says, which for one with ``xfail`` means that it failed."""
        return self.run.result.verdict in FINE

    @property
    def end_state(self) -> str:
        """Where the device ended: ``desktop``, ``esp_failed``, ..."""
        return self.run.result.end_state

    @property
    def error(self) -> ErrorReport | None:
        """The error on the device, with cause and fix; None where there is none."""
        return self.run.result.error

    @property
    def apps(self) -> dict[str, str]:
        """The state of each app by its name."""
        return self.run.result.apps

    @property
    def screens(self) -> list[str]:
        """Ids of the pages that were shown, in order."""
        return self.run.result.screens

    @property
    def seconds(self) -> float:
        """Virtual seconds from power-on to the end."""
        return self.run.result.virtual_seconds

    def assert_passed(self) -> None:
        """Raise ``AssertionError``, with the lines of the scenario, unless every expectation was met."""
        __tracebackhide__ = True
        if not self.passed:
            raise AssertionError(f"{message_of(self.run.result)}\n\n{text_of(self.run)}")


class Autopilot:
    """Called with a scenario it plays a device and returns what came of it."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._config = request.config
        self._folder = request.path.parent
        self._node = request.node

    def __repr__(self) -> str:
        return "autopilot"

    def __call__(
        self,
        scenario: str | PathLike[str] | Mapping[str, Any],
        *,
        set: Settings = (),
        only: str | None = None,
        seed: int | None = None,
        backend: str | None = None,
        strict: bool = False,
    ) -> Played:
        """Play a scenario: a file, the text of one, or its keys and values.

        A file is looked for beside the test and then in pytest's root folder; ``only`` names its case where it has several.
        ``set`` is like ``--set``: ``{"device.network": "wifi"}``. What the command line chooses counts where the test says
        nothing. A scenario with ``skip`` skips the test. Raises ``InputError`` with a place for what cannot be played.
        """
        __tracebackhide__ = True
        choices = choices_of(self._config)
        given = _typed(set)
        try:
            if seed is not None and not isinstance(seed, int):
                raise InputError(f"'seed' is a whole number, such as 7, and not {type(seed).__name__}.")
            with chdir(self._config.invocation_params.dir):
                loaded = self._load(scenario, given, only)
                used = choices.seed if seed is None else seed
                cloud = choices.backend if backend is None else cloud_of(self._config, backend)
                run = run_scenario(loaded, seed=used, backend=cloud, strict=strict)
        except InputError as error:
            raise _in_words_of_a_test(error, given) from None  # from here: nobody wants to see our frames
        if run.result.verdict == "skipped":
            pytest.skip(said(run.result.reason))
        if run.result.verdict == "error":
            kinds: dict[int, type[AutopilotAgentError]] = {2: InputError, 3: ServiceUnavailable}
            raise kinds.get(run.result.exit_code, Defect)(said(named_here(run.result.problem)))
        if loaded.path.name.startswith("<"):  # it is in no file that could be named
            test = quoted(self._node.nodeid, path=False)
            run.result.replay = f"pytest {test} --autopilot-seed {run.result.seed}"
        self._node.add_report_section("call", "device", device_of(run))
        return Played(run)

    def _load(self, scenario: object, typed: tuple[str, ...], only: str | None) -> LoadedScenario:
        chosen = (only,) if only is not None else ()
        given = choices_of(self._config).settings
        settings = (*given, *typed)
        option = BOTH.strip() if given and typed else "set" if typed else SET
        if isinstance(scenario, str) and "\n" not in scenario and not scenario.lstrip().startswith(("{", "scenario:")):
            return load_scenario(self._file(Path(scenario)), settings, only=chosen, option=option)
        if isinstance(scenario, PathLike):
            return load_scenario(self._file(Path(scenario)), settings, only=chosen, option=option)
        if isinstance(scenario, str):
            text = scenario
        elif isinstance(scenario, Mapping):
            import yaml

            try:
                text = yaml.safe_dump(dict(scenario), sort_keys=False, allow_unicode=True, width=110)
            except yaml.YAMLError as error:
                why = str(error).splitlines()[0]
                raise InputError(
                    f"the scenario holds what no file could hold ({why}); use text, numbers, lists, dicts."
                ) from None
        else:
            raise InputError(f"a scenario is a path, text or a dict, not {type(scenario).__name__}.")
        if only is not None:
            raise InputError("'only' names a case of a file; what is given here is one case.")
        path = shown_path(self._folder, self._config) / f"<scenario of {self._node.name}>"
        give_text(str(path), text)
        loaded = load_scenario_text(text, path)
        return with_settings(loaded, settings, option) if settings else loaded

    def _file(self, path: Path) -> Path:
        places = dict.fromkeys([self._folder / path, self._config.rootpath / path])
        found = next((one for one in places if one.exists()), None)
        if found is None:
            looked = " or in ".join(str(shown_path(one.parent, self._config)) for one in places)
            raise InputError(f"there is no such file in {looked}; check the name.", Place(str(path)))
        return shown_path(found, self._config)


def _in_words_of_a_test(error: InputError, given: Iterable[str]) -> InputError:
    """The error with arguments and options as who writes tests knows them; ``given`` are the settings of the test itself."""
    message = said(named_here(error.message.replace("name it with --only:", "name it with 'only':")))
    place = error.place
    if place is not None and place.file.startswith(BOTH):
        path = place.file.removeprefix(BOTH)
        ours = any(one.partition("=")[0].strip() == path for one in given)
        place = Place(f"{'set' if ours else SET} {path}")
    return InputError(message, place)


def _typed(settings: Settings) -> tuple[str, ...]:
    """Settings as the command line would have them, so that the replay line can say them."""
    if isinstance(settings, str):
        return (settings,)
    if not isinstance(settings, Mapping):
        return tuple(settings)
    return tuple(f"{path}={_value(value)}" for path, value in settings.items())


def _value(value: object) -> str:
    if isinstance(value, str):
        try:
            if value.strip() and load_yaml_value(value, "") == value:
                return value
        except InputError:
            pass
    return json.dumps(value, ensure_ascii=False)
