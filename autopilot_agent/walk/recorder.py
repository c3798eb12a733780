"""What was done in a walk, as a scenario file that ``run`` plays again, event by event."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.errors import Defect, InputError, Place
from autopilot_agent.events import trace_hash
from autopilot_agent.oobe.person import Question, Reply, matched
from autopilot_agent.scenario.cast import reply_of
from autopilot_agent.scenario.durations import format_duration
from autopilot_agent.scenario.fragments import defaults_for
from autopilot_agent.scenario.inclusion import include_root
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.model import USUAL_ACTS, Answer, AnswerSpec, Happening, Scenario
from autopilot_agent.scenario.plan import Plan
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.scenario.tenants import files_of
from autopilot_agent.scenario.writing import without_empty
from autopilot_agent.scenario.writing import written as text_of

TAG = "walked"


class Recorder:
    """Keeps every answer of every act, with what happened beside it."""

    def __init__(self) -> None:
        self.acts: list[dict[str, list[Answer]]] = []

    def begin(self, index: int) -> None:
        """An act begins."""
        while len(self.acts) <= index:
            self.acts.append({})

    def answered(self, question: Question, reply: Reply, happens: list[Happening]) -> None:
        """Keep one answer; ``InputError`` never, ``Defect`` when the words of a file could not say it."""
        answer = _as_written(question, reply, happens)
        self.acts[-1].setdefault(question.screen, []).append(answer)

    @property
    def empty(self) -> bool:
        """Whether nothing was answered yet."""
        return not any(self.acts)


def _as_written(question: Question, reply: Reply, happens: list[Happening]) -> Answer:
    """The shortest words that mean this reply on this page."""
    row = rulebook.screens().get(question.screen)
    field = next(iter(row.fields), question.field) if row is not None else question.field
    if question.field and row is not None and question.field in row.fields:
        field = question.field
    fields = {field: reply.value} if reply.value and reply.value != question.suggestion else {}
    after = format_duration(reply.after).replace(" ", "") if reply.after else None
    words = [reply.value, reply.choice] if question.secret else [reply.choice, reply.value]
    candidates: list[Answer] = [*words, AnswerSpec(choice=reply.choice, fields=fields, after=after)]
    candidates += [AnswerSpec(fields=fields, after=after), "nothing", AnswerSpec(choice="nothing", after=after)]
    wanted = msgspec.structs.replace(reply, button=False, happens=())
    for one in candidates:
        if one == "" and len(question.choices) > 0:
            continue
        try:
            found = matched(question, reply_of(one))
        except InputError:
            continue
        if msgspec.structs.replace(found, button=False, happens=()) == wanted:
            if not happens:
                return one
            spec = one if isinstance(one, AnswerSpec) else AnswerSpec(choice=str(one)) if one == reply.choice else AnswerSpec(
                choice=reply.choice, fields=fields
            )
            return msgspec.structs.replace(spec, happens=list(happens))
    if happens:
        return AnswerSpec(choice=reply.choice, fields=fields, after=after, happens=list(happens))
    raise Defect(f"the answer to {question.screen} cannot be written down")


def written(recorder: Recorder, plan: Plan, path: Path, *, ended: bool) -> str:
    """The text of the scenario file for ``path``; copies the tenant's files beside it where ``path`` cannot reach them."""
    loaded = plan.loaded
    assert loaded is not None
    data: dict[str, Any] = msgspec.to_builtins(loaded.scenario)
    for name in ("person", "acts", "happenings", "expect", "faults", "include", "matrix", "root", "skip", "xfail"):
        data.pop(name, None)
    data = without_empty(data)
    if defaults_for(path).layers:  # what they brought is written out, or not wanted
        data["root"] = True
    data["scenario"] = f"{loaded.scenario.scenario} (walked by hand)".replace(" (walked by hand) (walked", " (walked")
    data["tags"] = [*(tag for tag in loaded.scenario.tags if tag != TAG), TAG]
    data["seed"] = plan.clock.seed
    faults = [spec for spec in loaded.scenario.faults if not _baked_in(spec.fault, plan.scenario, data)]
    acts = [_act(plan, recorder, index) for index in range(len(plan.acts))]
    if data.get("tenant", {}).get("include"):
        data["tenant"] = {**data["tenant"], "include": _includes(data["tenant"]["include"], loaded.path, path)}
    tail: dict[str, Any] = {}
    if faults:
        tail["faults"] = msgspec.to_builtins(faults)
    happened = plan.happenings.happened() if plan.happenings is not None else []
    if happened:
        tail["happenings"] = [
            {"at": _moment(at), **msgspec.to_builtins(msgspec.structs.replace(one, at=None))} for at, one in happened
        ]
    usual = USUAL_ACTS.get(loaded.scenario.mode, ("provision",))
    if usual == ("provision",) and len(acts) == 1 and set(acts[0]) <= {"act", "person"} and acts[0]["act"] == "provision":
        tail["person"] = acts[0].get("person", {})
    else:
        tail["acts"] = acts
    if ended and plan.ends:
        last = next((end for end in reversed(plan.ends) if end.end_state), plan.ends[-1])
        tail["expect"] = {"end_state": last.end_state, "join": last.join, "mdm_enrolled": last.mdm_enrolled}
    tenant = data.pop("tenant", None)
    data.update({name: value for name, value in tail.items() if value})
    if tenant:
        data["tenant"] = tenant
    _name_user(data, plan)
    text = text_of(data, path)
    how = "" if ended else f"# Left in the middle. Go on: autopilot-agent walk --state {path.name}\n"
    return f"# Walked by hand. Play it again: autopilot-agent run {path.name}\n{how}{text}"


def save(recorder: Recorder, plan: Plan, path: Path, *, ended: bool) -> None:
    """Write the file; raises ``InputError`` when it cannot be written."""
    try:
        path.write_text(written(recorder, plan, path, ended=ended), encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"the file cannot be written ({error.strerror}); choose another place.", Place(str(path))) from None


def check_replay(path: Path, plan: Plan) -> str:
    """Play the file and compare with what was walked; "" when it is the same to the byte, else what is different."""
    run = run_scenario(load_scenario(path))
    if run.result.problem and run.result.exit_code != 4:
        return run.result.problem
    if trace_hash(run.events) == trace_hash(plan.world.trace):
        return ""
    for ours, theirs in zip(plan.world.trace, run.events, strict=False):
        if ours != theirs:
            return f"event {ours.seq} was {ours}, and is {theirs}"
    return f"{len(plan.world.trace)} events became {len(run.events)}"


def _moment(at: int) -> str:
    return format_duration(at).replace(" ", "")


def _act(plan: Plan, recorder: Recorder, index: int) -> dict[str, Any]:
    act: dict[str, Any] = {"act": "", **msgspec.to_builtins(plan.acts[index])}
    act.pop("expect", None)
    act.pop("person", None)
    person = recorder.acts[index] if index < len(recorder.acts) else {}
    if person:
        act["person"] = {screen: msgspec.to_builtins(answers) for screen, answers in person.items()}
    return act


def _baked_in(fault: str, changed: Scenario, data: dict[str, Any]) -> bool:
    """A fault that is about what the person does is in the answers already; the rest of it becomes part of the scenario."""
    row = rulebook.injections().get(fault)
    if row is None or row.calls or not any(path.startswith("person.") for path in row.change):
        return False
    after: dict[str, Any] = msgspec.to_builtins(changed)
    for path in row.change:
        if path.startswith("person."):
            continue
        *parents, last = path.split(".")
        spot, source = data, after
        for name in parents:
            spot, source = spot.setdefault(name, {}), source.get(name, {})
        if last in source:
            spot[last] = source[last]
    return True


def _name_user(data: dict[str, Any], plan: Plan) -> None:
    """A tenant without users has the one that signs in first; keep that one, whoever signed in this time."""
    if plan.state.data.users:
        return
    name = plan.person.user_name
    first = (data.get("person") or {}).get("SIGNIN")
    if isinstance(first, list) and first and first[0] == name:
        return
    device = data.setdefault("device", {})
    if "acts" in data and not first and name == _usual_user(plan):
        return
    tenant = data.setdefault("tenant", {})
    tenant["users"] = [{"id": plan.clock.guid("user", name), "userPrincipalName": name, "displayName": name.partition("@")[0]}]
    if not device:
        data.pop("device", None)


def _usual_user(plan: Plan) -> str:
    from autopilot_agent.scenario.plan import DEFAULT_USER

    organization = plan.state.data.organization
    if organization is not None and organization.verified_domains:
        return f"user1@{organization.default_domain}"
    return DEFAULT_USER


def _includes(items: Any, source: Path, target: Path) -> list[str]:
    """The includes as ``target`` can write them; what it cannot reach is copied into a folder beside it."""
    root, items = include_root(target), items if isinstance(items, list) else [items]
    reached: list[str] = []
    for item in items:
        real = (source.parent / item).resolve()
        if not real.is_relative_to(root):
            break
        relative = Path(os.path.relpath(real, target.parent.resolve())).as_posix()
        reached.append(relative + ("/" if real.is_dir() else ""))
    if len(reached) == len(items):
        return reached
    folder, found = target.parent / f"{target.stem}-tenant", []
    home = include_root(source)
    for file in files_of(source, items):
        place = folder / file.relative_to(home)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.resolve() != place.resolve():
            shutil.copyfile(file, place)
    for item in items:
        real = (source.parent / item).resolve()
        place = folder / real.relative_to(home)
        found.append(place.relative_to(target.parent).as_posix() + ("/" if real.is_dir() else ""))
    return found
