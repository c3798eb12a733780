"""Waiting out a lost link: inside the ESP items pause and go on when the network is back (Q-13); its timer runs on."""

from __future__ import annotations

from typing import TypeVar

from autopilot_agent.clock import MINUTE
from autopilot_agent.errors import Unreachable
from autopilot_agent.oobe.world import World
from autopilot_agent.service.base import Answer, Call

A = TypeVar("A", bound=Answer)


async def patiently(world: World, call: Call[A]) -> A:
    """Call until there is an answer; every failure but a lost link (F-13) is raised."""
    while True:
        try:
            return await world.call(call)
        except Unreachable as failed:
            if failed.rule != "F-13":
                raise
            await world.sleep(MINUTE)


async def transfer(world: World, size: int) -> None:
    """Spend the time of a download of ``size`` bytes; what a lost link interrupts goes on when it is back."""
    network = world.device.network
    began = world.now
    await world.sleep(network.milliseconds(size))
    lost = network.lost_at
    if lost is None or (network.link(world.now) and not (network.back_at is not None and began < network.back_at <= world.now)):
        return
    left = world.now - max(began, lost)
    while not network.link(world.now):
        await world.sleep(MINUTE)
    await world.sleep(max(0, left))
