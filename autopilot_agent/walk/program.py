"""The command ``walk``: what is walked through, where it is seen, what is kept, and how it ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.reports.printable import obeyed_by_nobody
from autopilot_agent.reports.style import clean
from autopilot_agent.reports.words import clock
from autopilot_agent.scenario.loader import LoadedScenario, load_scenario
from autopilot_agent.scenario.model import MODES
from autopilot_agent.scenario.problems import suggestion
from autopilot_agent.walk import ready
from autopilot_agent.walk.keyboard import Keyboard, Lines, Nobody, Pipe
from autopilot_agent.walk.picture import TOOL, Picture
from autopilot_agent.walk.recorder import check_replay, save
from autopilot_agent.walk.session import Session
from autopilot_agent.walk.simulator import Left, parse_speed
from autopilot_agent.walk.stage import DrawnStage, PlainStage, Stage

USUAL_SPEED = 60.0
"""Virtual seconds a second on a terminal: a minute passes in a second."""
INTERRUPTED = 130


class Options(msgspec.Struct):
    """What the command line says."""

    scenario: Path | None = None
    mode: str = ""
    tenant: Path | None = None
    speed: str = ""
    seed: int | None = None
    record: Path | None = None
    state: Path | None = None
    from_start: bool = False
    plain: bool = False
    auto: bool = False
    export: Path | None = None
    screens: str = "all"
    exercise: str | None = None
    only: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    colour: str = "auto"


def walk(options: Options) -> int:
    """One walk; returns the exit code."""
    drawn = not options.plain and _is_terminal()
    if options.export is not None or drawn:
        check_rich()
    if options.export is not None:
        from autopilot_agent.walk.export import check_target

        check_target(options.export)
    if options.record is not None and options.record.exists() and not options.from_start:
        sentence = "the file exists: go on with --state, or begin again and overwrite it with --from-start."
        raise InputError(sentence, Place(str(options.record)))
    if options.record is not None and not options.record.parent.is_dir():
        raise InputError("the folder of this file does not exist; make it first.", Place(str(options.record)))
    speed = parse_speed(options.speed) if options.speed else (USUAL_SPEED if drawn else None)
    exercise = None
    if options.exercise is not None:
        from autopilot_agent.walk import exercise as exercises

        exercise = exercises.choose(options.exercise, options.seed)
    loaded = exercise.loaded if exercise is not None else _loaded(options)
    with _signals():
        stage = _stage(options, drawn)
        try:
            if loaded is None:
                loaded = _offer(stage)
                if loaded is None:
                    return 0
            session = Session(
                loaded, stage, speed=speed, auto=options.auto, resume=options.state is not None, seed=options.seed
            )
            if exercise is not None:
                exercise.attach(session)
            try:
                code, ended, last = _played(session)
            except Exception:  # a defect of ours must not cost what somebody did by hand
                if exercise is None:
                    _rescue(session, options)
                raise
        finally:
            stage.close()
    said = _kept(session, options, ended=ended, left=code != 0) if exercise is None else exercise.verdict()
    told = said if exercise is not None and exercise.said else [last, *said]
    print(obeyed_by_nobody("\n".join(clean(line) for line in told)))
    return code


def check_rich() -> None:
    """Raise ``InputError`` when the drawn walk cannot be."""
    try:
        import rich  # noqa: F401
    except ImportError:
        raise InputError(
            "the drawn walk needs the package rich: python -m pip install 'autopilot-agent[walk]', or use --plain."
        ) from None


def _played(session: Session) -> tuple[int, bool, str]:
    """Play; the exit code, whether the last act came to its end, and a sentence."""
    stage = session.stage
    try:
        end = session.play()
    except Left as left:
        where = f"in {session.desk.state.replace('_', ' ')}" if session.desk.state else "before power-on"
        piped = left.ended and isinstance(stage.keyboard, Pipe)
        return (INTERRUPTED if piped else 0), False, f"Left {where}, {clock(session.plan.world.now)} after power-on."
    except InputError as error:
        return 2, False, f"The walk cannot go on: {error}"
    except KeyboardInterrupt:
        return INTERRUPTED, False, f"Interrupted {clock(session.plan.world.now)} after power-on."
    return 0, True, f"The walk is over: {end.value.replace('_', ' ')}, {clock(session.plan.world.now)} after power-on."


def _kept(session: Session, options: Options, *, ended: bool, left: bool) -> list[str]:
    """Write what was asked for, and say what there is now."""
    said: list[str] = []
    if options.export is not None and session.pictures:
        from autopilot_agent.walk.export import write

        write(options.export, _chosen(session, options.screens), session.plan.scenario.scenario)
        said.append(f"Wrote {options.export}.")
    target = options.record
    if target is None and not ended and not options.auto and not session.recorder.empty and _is_terminal():
        target = _free_name()
    if target is None:
        return said
    save(session.recorder, session.plan, target, ended=ended)
    if ended:
        different = check_replay(target, session.plan)
        if different:
            said.append(f"Recorded in {target}, but it does not replay to the same events: {different}.")
        else:
            said.append(f"Recorded in {target}; it replays to the same trace: autopilot-agent run {target}")
    else:
        said.append(f"Kept in {target}. Go on: autopilot-agent walk --state {target}")
    return said


def _rescue(session: Session, options: Options) -> None:
    """Keep what was done before something broke, if that can be."""
    with suppress(Exception):
        if not session.recorder.empty:
            save(session.recorder, session.plan, options.record or _free_name(), ended=False)


def _chosen(session: Session, screens: str) -> list[Picture]:
    if screens == "all":
        return session.pictures
    if screens == "last":
        return session.pictures[-1:]
    wanted = {name.strip().upper() for name in screens.split(",")}
    found = [picture for picture in session.pictures if picture.screen in wanted]
    if not found:
        seen = ", ".join(dict.fromkeys(picture.screen for picture in session.pictures))
        raise InputError(f"no screen {screens[:60]!r} was shown; there were {seen}.")
    return found


def _free_name() -> Path:
    for number in range(1, 10_000):
        path = Path("walk.yaml" if number == 1 else f"walk-{number}.yaml")
        if not path.exists():
            return path
    raise InputError("no name is free for the record in this folder; use --record FILE.")


def _loaded(options: Options) -> LoadedScenario | None:
    """The scenario that the command line names; None when one has to be chosen."""
    path = options.state or options.scenario
    loaded: LoadedScenario | None = None
    if path is not None:
        loaded = load_scenario(path, options.settings, only=options.only)
        if options.mode and options.mode != loaded.scenario.mode:
            if options.mode not in MODES:
                raise InputError(f"{options.mode[:60]!r} is not a mode; {suggestion(options.mode, MODES)}")
            changed = msgspec.structs.replace(loaded.scenario, mode=options.mode)
            loaded = msgspec.structs.replace(loaded, scenario=changed)
    elif options.mode or options.auto or options.tenant is not None:
        loaded = ready.ready(options.mode or "user-driven")
    if loaded is not None and options.tenant is not None:
        loaded = ready.with_tenant(loaded, options.tenant)
    return loaded


def _offer(stage: Stage) -> LoadedScenario | None:
    """Without a file: the modes, with a ready tenant."""
    names = ready.modes()
    titles = [f"{ready.ready(name).scenario.scenario}" for name in names]
    lines = [f"{number}  {name}: {title}" for number, (name, title) in enumerate(zip(names, titles, strict=True), 1)]
    text = ["A PC stands on the desk. Which way shall it go? The tenant is Contoso, ready made.", "", *lines]
    picture = Picture(TOOL, "WALK", "autopilot-agent walk", text=text, tone="blue")
    while True:
        hints = ["a number or a mode; Enter = 1; :quit; your own: walk FILE, walk --tenant DIR"]
        line = stage.ask(picture, hints, "Mode", secret=False)
        if line is None or line.strip() in (":quit", ":q"):
            return None
        wanted = line.strip().lower()
        if not wanted:
            return ready.ready(names[0])
        if wanted in names:
            return ready.ready(wanted)
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 3 and 0 < int(wanted) <= len(names):
            return ready.ready(names[int(wanted) - 1])
        stage.tell("", [f"{wanted[:40]!r} is none of these."])


def _is_terminal() -> bool:
    """Whether keys can be read one by one and the screen can be drawn on."""
    for stream in (sys.stdin, sys.stdout):
        if stream is None or not stream.isatty():
            return False
    return sys.platform == "win32" or os.environ.get("TERM", "dumb") != "dumb"


def _stage(options: Options, drawn: bool) -> Stage:
    if options.auto and not drawn:
        return PlainStage(Nobody())
    if drawn:
        return DrawnStage(colour=options.colour)
    keyboard: Keyboard = Lines() if sys.stdin is not None and sys.stdin.isatty() else Pipe()
    return PlainStage(keyboard)


@contextmanager
def _signals() -> Iterator[None]:
    """A terminal that goes away, or a polite kill, ends the walk in order: the terminal is put back first."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            with suppress(ValueError):  # not in the main thread: somebody else looks after signals
                before[number] = signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
