"""What goes on behind the pages of one boot, and ends with it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from autopilot_agent.oobe.world import World


class _WhilePowered:
    """Work of one boot: it goes on only as long as that boot's background does. What SimPy wants of a process, no more."""

    __slots__ = ("_background", "_work")

    def __init__(self, background: Background, work: Coroutine[Any, Any, Any]) -> None:
        self._background, self._work = background, work

    def send(self, value: Any) -> Any:
        """Go on, or end where it stands because the power is gone."""
        if self._background.stopped:
            self._work.close()
            raise StopIteration
        return self._work.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an exception."""
        return self._work.throw(*error)

    def close(self) -> None:
        """End it."""
        self._work.close()


class Background:
    """What goes on behind the pages of one boot, and whom it tells.

    ``changed`` wakes who waits for the ESP's next decision; ``watcher`` looks at every change and says whether it is one.
    Jobs and the extension know this and not the client that knows them: a run without reference cycles gives its memory
    back at once, and the next one finds it warm in the processor's cache.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.changed = world.clock.signal()
        self.watcher: Callable[[], bool] | None = None
        self.stopped = False

    def touched(self) -> None:
        """Something may have moved: let the page look at once, and wake its process only when that has to decide."""
        if self.watcher is None or self.watcher():
            self.changed.fire()

    def beside(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Start work in the background of this boot; it ends where it stands when the power goes."""
        return self._world.beside(_WhilePowered(self, work))  # type: ignore[arg-type]  # it has all that is asked of a coroutine
