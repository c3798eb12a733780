"""What is done to a PC in a workshop: a new motherboard, a task sequence that images it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from autopilot_agent.device.offline_profile import PATH, UNATTEND, folded
from autopilot_agent.oobe.states import State
from autopilot_agent.oobe.steps.status_error import fresh_disk
from autopilot_agent.oobe.world import Failure
from autopilot_agent.scenario.act_specs import ReplaceMotherboard, TaskSequence
from autopilot_agent.scenario.profile_file import profile_files
from autopilot_agent.tenant.registration import attention_required, managed, registered_again

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan

UNATTEND_TEXT = "<unattend/>"


def replace_motherboard(plan: Plan, act: ReplaceMotherboard) -> None:
    """Another board: another UUID, other network cards and another TPM, so another hash; the disk stays (rule REG-HASH)."""
    old = plan.device.hardware
    new = structs.replace(
        old,
        board=old.board + 1,
        factory_serial=old.factory_serial or old.serial_number,
        serial_number=old.serial_number if act.serial_number is None else act.serial_number,
        product_key=old.product_key if act.product_key is None else act.product_key,
    )
    plan.device.hardware = new
    said = "the serial number was written into it" if new.serial_number == old.serial_number else f"it says {new.serial_number}"
    plan.world.note("REG-HASH", f"Another board with another TPM; {said}. To the Autopilot service this is another device.")
    if plan.scenario.assumptions.get("Q-11") == "fix pending" and managed(plan.state, old.serial_number) is not None:
        _fix_pending(plan, old.serial_number, new.hash)


def _fix_pending(plan: Plan, serial: str, new_hash: str) -> None:
    """The older answer to Q-11: the managed device reports the change at its next check-in and is registered again."""
    world = plan.world
    attention_required(plan.state, serial, automatic=True)
    world.cloud_changed(f"{serial}: Fix pending (by the assumption Q-11)", "REG-STATES")

    def fixed(due: int) -> None:
        registered_again(plan.state, serial, new_hash)
        world.cloud_changed(f"{serial} is registered again with its new hash (by the assumption Q-11)", "REG-STATES", due)

    plan.agenda.add(world.now + world.duration("check-in-later"), fixed)


def run_task_sequence(plan: Plan, act: TaskSequence) -> None:
    """X2 and X3: format the disk, apply the image, copy the profile file, and Sysprep, with or without its default switch."""
    device, world = plan.device, plan.world
    world.failure = None
    plan.clock.run(world.spend("task-sequence"))
    plan.agenda.apply(world.now)
    fresh_disk(device, world, "a task sequence formatted the disk", "X2")
    device.disk.offline_profile_used = False  # another image: its first boot is still to come
    world.note("X2", "The disk was formatted and an image applied; nothing of the old Windows is left.")
    spec = plan.scenario.device.autopilot_file
    if spec is not None and plan.loaded is not None:
        files = profile_files(spec, plan.loaded, plan.state)
        device.disk.files.update(files)
        world.note("X1", f"The profile file was copied to {next(iter(files))}.")
    if not act.delete_unattend:
        device.disk.files[UNATTEND] = UNATTEND_TEXT
        world.note("X-UNATTEND", "The step that deletes unattend.xml was left out; the file stays.")
    if act.join_domain:
        device.disk.oobe_complete = True  # Windows is set up, as a member of the domain; nobody will see OOBE
        why = "Sysprep stops, because the PC was joined to a domain; the task sequence ends with an error"
        world.failure = Failure("", State.BOOT, "X2", why)
        world.note("X2", f"{why}. Leave the PC in a workgroup.")
        return
    if act.generalize:
        gone = [path for path in device.disk.files if folded(path) == folded(PATH)]
        for path in gone:
            del device.disk.files[path]
        world.note("RST-GENERALIZE", "Sysprep ran with /generalize.")
        if gone:
            world.note("F-85", "The profile file is gone: /generalize deleted it.")
        return
    world.note("X3", "Sysprep ran without /generalize; the next start is the first boot of OOBE.")
