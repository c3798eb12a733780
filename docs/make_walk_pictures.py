"""Makes docs/walk-*.svg, pages of the walk for the README: ``python docs/make_walk_pictures.py``.

Needs the optional extra ``walk``. The same scenario gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from autopilot_agent.events import RowChanged
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.walk.export import write
from autopilot_agent.walk.keyboard import Nobody
from autopilot_agent.walk.picture import Picture
from autopilot_agent.walk.session import Session
from autopilot_agent.walk.stage import PlainStage

HERE = Path(__file__).resolve().parent
SCENARIO = HERE.parent / "scenarios/user-driven/standard-user-wired.yaml"


class Quiet(PlainStage):
    """Shows nothing."""

    def show(self, picture: Picture) -> None:
        """Nothing."""

    def news(self, text: str) -> None:
        """Nothing."""


def main() -> int:
    """Write the sign-in page, and the status page in the middle of its apps."""
    session = Session(load_scenario(SCENARIO), Quiet(Nobody()), speed=None, auto=True)
    halfway: list[Picture] = []
    see = session.desk.feed

    def feed(event: object) -> None:
        see(event)  # type: ignore[arg-type]  # it comes from the world
        if isinstance(event, RowChanged) and event.phase == "device" and "2 of" in event.text:
            halfway.append(session.desk.picture(event.at))

    session.desk.feed = feed  # type: ignore[method-assign]  # looks on
    session.play()
    sign_in = next(picture for picture in session.pictures if picture.screen == "SIGNIN")
    for name, picture in (("signin", sign_in), ("esp", halfway[0])):
        write(HERE / f"walk-{name}.svg", [picture], "autopilot-agent walk")
        print(f"wrote docs/walk-{name}.svg")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
