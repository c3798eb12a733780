"""The pages of a run without anybody in front of them: what ``run --show-screens`` prints."""

from __future__ import annotations

from autopilot_agent.events import ActBegan, Answered, Event, PowerLost, Rebooted, RowChanged, ScreenShown
from autopilot_agent.reports.style import clean
from autopilot_agent.reports.words import clock
from autopilot_agent.scenario.plan import Plan
from autopilot_agent.walk import plain, words
from autopilot_agent.walk.desk import Desk
from autopilot_agent.walk.plain import row_words


class Watcher:
    """Looks on and keeps the pages as plain lines, in their order, with what was answered."""

    def __init__(self) -> None:
        self._desk = Desk()
        self._lines: list[str] = []

    def begin(self, plan: Plan) -> None:
        """The plan is made and not yet played."""
        self._desk.plan = plan

    def see(self, event: Event) -> None:
        """Keep what the screen shows now."""
        desk = self._desk
        desk.feed(event)
        match event:
            case ScreenShown():
                question = desk.plan.world.question if desk.plan is not None else None
                if desk.message and question is None and event.screen == desk.screen:
                    self._lines.append(clean(desk.message))
                    return
                picture = desk.picture(event.at, words.spoken(question) if question is not None else None)
                self._lines += ["", *plain.lines_of(picture)]
            case Answered():
                self._lines.append(f"> {clean(event.answer)}")
            case RowChanged():
                row = desk.rows[event.phase][event.row]
                self._lines.append(f"{clock(event.at)}  {clean(event.row)}: {row_words(row.state, row.note)}")
            case Rebooted() | PowerLost() | ActBegan() if desk.off:
                self._lines += ["", *plain.lines_of(desk.picture(event.at))]
            case _:
                pass

    def text(self) -> str:
        """Everything so far."""
        return "\n".join(self._lines).lstrip("\n") + "\n\n" if self._lines else ""
