"""Scenario files as pytest collects them: one item per case, named after the file and the case."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from autopilot_agent.errors import InputError
from autopilot_agent.pytest_plugin.choices import SET, choices_of, named_here
from autopilot_agent.pytest_plugin.failing import Failure, NotMet, NotPlayed, failure_of, refusal_of, said
from autopilot_agent.reports.printable import printable, without_commands
from autopilot_agent.scenario.loader import Draft, LoadedScenario, drafts_of
from autopilot_agent.scenario.run import Result, run_scenario

OWN_MARKS = frozenset(
    {"autopilot", "filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast", "usefixtures", "xfail"}
)
"""Marks that mean something to pytest: a tag of such a name must not."""
_MARKS = pytest.StashKey[set[str]]()
"""Marks that pytest has been told of."""
_NO_MARK = re.compile(r"[^\w.+/-]")


def shown_path(path: Path, config: pytest.Config) -> Path:
    """The path as somebody would type it where pytest was started: the replay line is there to be pasted."""
    here = config.invocation_params.dir
    return Path(os.path.relpath(path, here)) if path.is_relative_to(here) else path


def read(path: Path, config: pytest.Config) -> list[Draft]:
    """The cases of a file, not checked; raises ``InputError``."""
    return drafts_of(shown_path(path, config), choices_of(config).settings, option=SET)


def mark_of(tag: str) -> str:
    """The mark that a tag becomes."""
    name = _NO_MARK.sub("_", tag)
    return f"autopilot_{name}" if name in OWN_MARKS or name.startswith("_") else name


class ScenarioFile(pytest.File):
    """A scenario file. Its YAML is read when it is collected; names and values in it are checked when an item is set up."""

    def collect(self) -> Iterator[ScenarioItem | WrongCase]:
        """One item per case, in the order of the file; where nothing is played, cases that cannot be are errors."""
        with chdir(self.config.invocation_params.dir):
            try:
                drafts = read(self.path, self.config)
            except InputError as error:
                raise NotPlayed(refusal_of(error, shown_path(self.path, self.config))) from None
        stem = self.path.name.split(".")[0]
        for draft in drafts:
            # A node id has to be the same everywhere, so what no CI system should obey is escaped on a desk as well.
            name = without_commands(printable(f"{stem}[{draft.case}]" if draft.case else stem))
            # The id is given as text: pytest then tells what is in brackets from the name, as it does when it reads
            # the ids of the last failures.
            nodeid = f"{self.nodeid}::{name}"
            wrong = self._checked(draft) if self.config.option.collectonly else None
            if wrong is not None:
                yield WrongCase.from_parent(self, name=name, nodeid=nodeid, wrong=wrong)
            else:
                yield ScenarioItem.from_parent(self, name=name, nodeid=nodeid, draft=draft, alone=len(drafts) == 1)

    def _checked(self, draft: Draft) -> Failure | None:
        with chdir(self.config.invocation_params.dir):
            try:
                draft.load()
            except InputError as error:
                return refusal_of(error, shown_path(self.path, self.config))
        return None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The file's own lines for a mistake in it; Python's for everything else."""
        return excinfo.value.autopilot_failure if isinstance(excinfo.value, NotPlayed) else super().repr_failure(excinfo)


class WrongCase(pytest.Collector):
    """A case that cannot be played, where nothing is: its mistake is an error of the collection, and the others are listed."""

    def __init__(self, *, wrong: Failure, **rest: Any) -> None:
        super().__init__(**rest)
        self.wrong = wrong

    def collect(self) -> Iterator[pytest.Item]:
        """Nothing but the mistake."""
        raise NotPlayed(self.wrong)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The mistake."""
        return self.wrong


class ScenarioItem(pytest.Item):
    """One case of a scenario file."""

    def __init__(self, *, draft: Draft, alone: bool, **rest: Any) -> None:
        super().__init__(**rest)
        # Hundreds of trees of YAML would be looked through by every garbage collection until their turn has come.
        self.draft = None if alone else draft
        self.line = draft.document.place().line
        self.loaded: LoadedScenario | None = None
        self.add_marker("autopilot")
        for tag in sorted(draft.tags):
            self._tag(tag)
        value = draft.document.value if isinstance(draft.document.value, dict) else {}
        self.extra_keyword_matches.add(str(value.get("scenario", "")))  # the title, which is in no id of a single case
        skip, xfail = value.get("skip"), value.get("xfail")
        if isinstance(skip, str):
            self.add_marker(pytest.mark.skip(reason=said(printable(skip))))
        if isinstance(xfail, str):
            self.add_marker(pytest.mark.xfail(reason=said(printable(xfail)), strict=True, raises=NotMet))

    def _tag(self, tag: str) -> None:
        name = mark_of(tag)
        known = self.config.stash.setdefault(_MARKS, set())
        if name not in known:
            known.add(name)
            self.config.addinivalue_line("markers", f"{name}: a tag of scenarios")  # so that --strict-markers knows it
        self.add_marker(name)
        self.extra_keyword_matches.add(tag)

    def setup(self) -> None:
        """Check the case; a mistake in it is an error with its place."""
        wrong: Failure | None = None
        with chdir(self.config.invocation_params.dir):
            try:
                draft = self.draft or read(self.path, self.config)[0]
                self.loaded = draft.load()
            except InputError as error:
                wrong = refusal_of(error, shown_path(self.path, self.config))
        if wrong is not None:  # outside of the handler, or pytest would show both errors
            raise NotPlayed(wrong)

    def runtest(self) -> None:
        """Play it; raises ``NotMet`` where an expectation was not met."""
        assert self.loaded is not None
        choices = choices_of(self.config)
        with chdir(self.config.invocation_params.dir):
            run = run_scenario(self.loaded, seed=choices.seed, backend=choices.backend)
            self.user_properties += properties_of(run.result)
            brief = self.config.option.tbstyle == "line"
            if run.result.verdict in ("failed", "xfailed"):
                raise NotMet(failure_of(run, brief=brief))
            if run.result.verdict == "error":
                run.result.problem = named_here(run.result.problem)
                raise NotPlayed(failure_of(run, brief=brief))

    def teardown(self) -> None:
        """Let go of what only the run needed."""
        self.loaded = None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The scenario's own words for what a scenario did; Python's for everything else."""
        if isinstance(excinfo.value, NotMet | NotPlayed):
            return excinfo.value.autopilot_failure
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, max(0, self.line - 1), self.name


def properties_of(result: Result) -> list[tuple[str, object]]:
    """What reports keep of a run (``--junit-xml`` writes it as properties of the test case)."""
    return [
        ("autopilot.seed", result.seed),
        ("autopilot.end_state", result.end_state),
        ("autopilot.virtual_seconds", result.virtual_seconds),
        ("autopilot.trace_hash", result.trace_hash),
        ("autopilot.replay", result.replay),
    ]
