"""Rehearsals as scenario files that ``run`` plays again, event by event."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import msgspec

from autopilot_agent.errors import Defect, InputError
from autopilot_agent.preflight.rehearsal import Rehearsal, Stage
from autopilot_agent.preflight.saved_folder import write_folder
from autopilot_agent.preflight.saved_tenant import NAME, tenant_files
from autopilot_agent.preflight.secrets import FILTERED, without_secrets
from autopilot_agent.reports.style import clean
from autopilot_agent.scenario.fragments import defaults_for
from autopilot_agent.scenario.loader import LoadedScenario, load_scenario
from autopilot_agent.scenario.replay import replay_command
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.scenario.writing import without_empty, written

LONGEST = 80
"""Characters of the name of a file, without its ending and number."""
TITLE = 120


def save(rehearsals: list[Rehearsal], stage: Stage, folder: Path, shown: Path) -> list[str]:
    """Write every rehearsal into ``folder`` (resolved; ``shown`` as it was typed) and play each file once to prove it.

    Returns the command that plays each again, in their order. Raises ``InputError``, and then nothing was written.
    """
    names = names_of(rehearsals)
    files = tenant_files(stage, folder)
    for name, one in zip(names, rehearsals, strict=True):
        files[name] = scenario_text(one, folder / name).encode("utf-8")
    filtered = any(FILTERED.encode() in data for data in files.values())
    write_folder(folder, files, lambda beside: _prove(rehearsals, names, beside, filtered=filtered))
    return [replay_command(shown / name, one.scenario.seed) for name, one in zip(names, rehearsals, strict=True)]


def names_of(rehearsals: list[Rehearsal]) -> list[str]:
    """A file name for each: mode, device and user, of characters that every system takes, none twice.

    It begins with the mode, so it is none of the names that Windows keeps for devices (CON, NUL).
    """
    found: list[str] = []
    for one in rehearsals:
        identity = one.candidate.identity
        device = "unregistered" if identity is None else identity.serial_number or ""
        user = one.user.user_principal_name.partition("@")[0] if one.user is not None else ""
        words = [one.mode, device, user, "away" if one.away else "", one.special]
        stem = "-".join(word for word in map(_plain, words) if word)[:LONGEST].strip("-")
        name, number = f"{stem}.yaml", 1
        while name in found:
            number += 1
            name = f"{stem}-{number}.yaml"
        found.append(name)
    return found


def _plain(text: str) -> str:
    """Small letters and digits, with hyphens for everything else."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub("[^a-z0-9]+", "-", ascii_only).strip("-")


def scenario_text(one: Rehearsal, path: Path) -> str:
    """The text of the file of a rehearsal, meant for ``path``."""
    result = one.run.result
    data: dict[str, Any] = without_secrets(without_empty(msgspec.to_builtins(_without_unused(one))))
    data["scenario"] = clean(one.label)[:TITLE]
    if defaults_for(path.parent.with_name(path.name)).layers:  # from above; what they bring was not in the rehearsal
        data["root"] = True
    data["tenant"] = {"include": [NAME]}
    expect: dict[str, Any] = {"end_state": result.end_state, "join": result.join, "mdm_enrolled": result.mdm_enrolled}
    if result.error is not None and result.error.code:
        expect["error"] = result.error.code
    if result.flow and result.flow != one.mode:
        expect["flow"] = result.flow
    data["expect"] = expect
    head = f"# Rehearsed by preflight. Play it again: autopilot-agent run {path.name}\n# Trace: {result.trace_hash}\n"
    return head + written(data, path)


def _without_unused(one: Rehearsal) -> Any:
    """The scenario without answers for pages that did not come: in a file they would count as mistakes."""
    assert one.run.plan is not None
    idle = {screen for _, screen in one.run.plan.person.unused()}
    person = {screen: answer for screen, answer in one.scenario.person.items() if screen not in idle}
    return msgspec.structs.replace(one.scenario, person=person)


def _prove(rehearsals: list[Rehearsal], names: list[str], folder: Path, *, filtered: bool) -> None:
    """Play every file. One that is another run is our ``Defect``, or an ``InputError`` where left out secrets may be why."""
    for name, one in zip(names, rehearsals, strict=True):
        again = run_scenario(_read(folder / name, one)).result
        if not again.problem and not again.exit_code and again.trace_hash == one.run.result.trace_hash:
            continue
        failed = "; ".join(f"{each.name}: {each.actual}" for each in again.checks if not each.passed)
        why = again.problem or failed or "another trace"
        if filtered:
            said = f"{clean(one.label)[:TITLE]!r} is another run without the secrets of the tenant, which are never copied"
            raise InputError(f"{said}; keep the tenant and DIR below one folder named 'scenarios', then nothing is copied.")
        raise Defect(f"the saved rehearsal {name} is not the one that was played ({why})")


def _read(file: Path, one: Rehearsal) -> LoadedScenario:
    """The file of a rehearsal; raises ``InputError`` for what an export may say and a scenario may not."""
    try:
        return load_scenario(file)
    except InputError as error:
        said = f"{clean(one.label)[:TITLE]!r} cannot be saved, as a scenario may not say this: {error.message}"
        raise InputError(said) from None
