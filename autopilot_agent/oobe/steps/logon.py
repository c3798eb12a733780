"""The sign-on screen of Windows: whose password is right, asked of Entra, of what Windows kept, or of the PC itself."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.errors import CallFailed, ServiceFault
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.steps.sign_in import MOST_ATTEMPTS
from autopilot_agent.oobe.world import World
from autopilot_agent.service.entra import SignedIn, SignIn

WRONG = "wrong"
"""A password that begins with this word is wrong, here as in Entra."""
ACCESS_PASS = "temporary access pass"
"""How a scenario writes that somebody types such a pass instead of a password."""
WEB_SIGN_IN = "./Device/Vendor/MSFT/Policy/Config/Authentication/EnableWebSignIn"
UNKNOWN_USER = "AADSTS50034"
NAME_FIELD = "user name"
"""Also the text that such a page shows, so that what is typed there is no secret."""


async def ask_name(world: World, screen: str, rule: str, suggestion: str = "", text: str = "") -> str:
    """Who wants to sign in; "" when nobody does."""
    said = f"{NAME_FIELD}. {text}" if text else NAME_FIELD
    reply = await world.ask(Question(screen, ("Sign in",), "Sign in", NAME_FIELD, suggestion, text=said), rule, "sign-in")
    return reply.value.strip()


async def ask_password(world: World, screen: str, rule: str, takes: str = "") -> str:
    """The password of whoever it is; "" when nobody types one."""
    question = Question(screen, ("Sign in",), "Sign in", "password", "right password", secret=True, text="Other user")
    return (await world.ask(question, rule, takes)).value


async def local_password(world: World, screen: str, rule: str, takes: str = "") -> bool:
    """Whether somebody types the password of a local account, which the PC checks by itself."""
    for _ in range(MOST_ATTEMPTS):
        password = await ask_password(world, screen, rule, takes)
        if not password:
            return False
        if not password.casefold().startswith(WRONG):
            return True
        world.show(screen, "F-18", "The password is wrong.")
    return False


async def entra_password(
    device: Device, world: World, name: str, screen: str, rule: str, *, takes: str = ""
) -> SignedIn | str | None:
    """Ask Entra for a token: the token, or who was let in with kept credentials; None when nobody got in.

    Without a network Windows lets in whom it knows. Raises ``ServiceFault`` when Entra does not know the user.
    """
    for _ in range(MOST_ATTEMPTS):
        password = await ask_password(world, screen, rule, takes)
        if not password:
            return None
        if password.casefold().startswith(ACCESS_PASS) and not _web_sign_in(device):
            device.memory.pass_refused = "F-57" if device.disk.device_lock else "U12"
            world.show(screen, device.memory.pass_refused, "A Temporary Access Pass needs web sign-in.")
            continue
        try:
            return await world.call(SignIn(name, password, "approved"))
        except CallFailed as failed:
            if isinstance(failed, ServiceFault) and failed.code == UNKNOWN_USER:
                raise
            offline = not isinstance(failed, ServiceFault)
            if offline and name in device.disk.users and not password.casefold().startswith(WRONG):
                world.note("SIGNIN-LATER", f"{failed.reason}: {name} signs in with the credentials that Windows kept.")
                return name
            world.show(screen, "F-18", f"The sign-in failed ({failed.code}).")
    return None


def _web_sign_in(device: Device) -> bool:
    """Whether the sign-on screen offers web sign-in: a policy switches it on, a device password hides it (rule F-57)."""
    return device.disk.csp.read(WEB_SIGN_IN) == "1" and not device.disk.device_lock
