"""What a typed line means on a page of Windows: a button, a field's content, a key, or nothing that the page knows."""

from __future__ import annotations

import re

import msgspec

from autopilot_agent.device import Device
from autopilot_agent.oobe.person import Question, Reply
from autopilot_agent.oobe.steps.prefix import WINDOWS_KEY
from autopilot_agent.scenario.model import Happening

REGIONS = {
    "US": "United States", "GB": "United Kingdom", "CA": "Canada", "AU": "Australia", "DE": "Germany", "AT": "Austria",
    "CH": "Switzerland", "FR": "France", "BE": "Belgium", "NL": "Netherlands", "ES": "Spain", "IT": "Italy", "PT": "Portugal",
    "PL": "Poland", "CZ": "Czechia", "SE": "Sweden", "NO": "Norway", "DK": "Denmark", "FI": "Finland", "IE": "Ireland",
    "JP": "Japan", "IN": "India", "BR": "Brazil", "MX": "Mexico",
}  # fmt: skip
LAYOUTS = {
    "00000409": "US", "00000809": "United Kingdom", "00000407": "German", "00000807": "Swiss German", "0000040C": "French",
    "0000080C": "Belgian French", "00000413": "Dutch", "0000040A": "Spanish", "00000410": "Italian", "00000816": "Portuguese",
    "00000415": "Polish", "00000405": "Czech", "0000041D": "Swedish", "00000414": "Norwegian", "00000406": "Danish",
    "0000040B": "Finnish", "00000411": "Japanese", "00010409": "US (Dvorak)", "00020409": "US (International)",
}  # fmt: skip
LANGUAGES = {
    "en-US": "English (United States)", "en-GB": "English (United Kingdom)", "de-DE": "German (Germany)",
    "fr-FR": "French (France)", "es-ES": "Spanish (Spain)", "it-IT": "Italian (Italy)", "nl-NL": "Dutch (Netherlands)",
    "pl-PL": "Polish (Poland)", "sv-SE": "Swedish (Sweden)", "ja-JP": "Japanese (Japan)",
}  # fmt: skip
KEYS = {
    "win5": WINDOWS_KEY, "shift+f10": "shift+f10", "ctrl+shift+d": "ctrl+shift+d", "ctrl+win+r": "ctrl+win+r",
}  # fmt: skip
"""Keys that no terminal can send, by what is typed for them."""
EMPTY_PASSWORD = "Please enter your password."


class Meaning(msgspec.Struct):
    """``reply`` is an answer; ``key`` one of ``KEYS``; ``say`` what the page says to something that it does not take."""

    reply: Reply | None = None
    key: str = ""
    say: str = ""
    happening: Happening | None = None


def folded(text: str) -> str:
    """Letters and digits alone."""
    return "".join(character for character in text.casefold() if character.isalnum())


def read(line: str, question: Question, device: Device, default: Reply) -> Meaning:
    """What a line means; ``default`` is what Enter alone does."""
    text = line.strip()
    for name, key in KEYS.items():
        if folded(text) == folded(name) and text:
            if key == WINDOWS_KEY and WINDOWS_KEY in question.actions:
                return Meaning(Reply(WINDOWS_KEY))
            return Meaning(key=key)
    if question.secret:
        return _secret(text, question, device)
    if not text:
        if default.choice or default.value or not question.choices:
            return Meaning(default)
        return Meaning(say="Choose one of the buttons by its number; 0 leaves the page as it is and goes away.")
    button = _button(text, question)
    if button == "" and text == "0":
        return _away(question)
    if button:
        return _pressed(button, question, device)
    if question.field:
        return _filled(text, question, device)
    return Meaning(say=f"This page has nothing called {text[:40]!r}.")


def _button(text: str, question: Question) -> str:
    """The button that a line names: by number, by its words, or by their beginning; "" for none."""
    offered = question.choices + tuple(one for one in question.actions if one != WINDOWS_KEY)
    if text.isascii() and text.isdigit() and len(text) < 3:
        return question.choices[int(text) - 1] if 0 < int(text) <= len(question.choices) else ""
    wanted = folded(text)
    exact = [one for one in offered if folded(one) == wanted]
    if exact:
        return exact[0]
    begins = [one for one in offered if len(wanted) > 2 and folded(one).startswith(wanted)]
    if question.screen == "LANG":
        begins += [one for one in offered if folded(LANGUAGES.get(one, one)).startswith(wanted)]
    if wanted in ("b", "back") and "Back" in offered:
        return "Back"
    return begins[0] if len(begins) == 1 and not (question.field and question.suggestion) else ""


def _away(question: Question) -> Meaning:
    if question.default or not question.choices:
        return Meaning(say="This page cannot be left; go on, or :quit.")
    return Meaning(Reply("", ""))


def _pressed(button: str, question: Question, device: Device) -> Meaning:
    value = question.suggestion if button in question.choices else ""
    if button == "Add layout":
        value = "0000040C"
    return Meaning(Reply(button, value))


def _filled(text: str, question: Question, device: Device) -> Meaning:
    """Something typed into the page's field, with the button that takes it."""
    value, button = text, question.default
    if button == "Skip":
        button = question.choices[0]
    if question.screen == "REGION":
        value = _known(text, REGIONS)
    elif question.screen in ("KBD", "KBD2"):
        value = _known(text, LAYOUTS)
    elif question.screen == "NET":
        if folded(text) in ("cable", "ethernet", "plug", "plugin"):
            return Meaning(Reply(button, device.network.ssid), happening=Happening(network="cable"))
        value = device.network.ssid if folded(text) == folded(device.network.ssid) else ""
    elif question.screen == "NAME" and not re.fullmatch(r"[A-Za-z0-9-]{1,15}", text):
        return Meaning(say="A name has at most 15 letters, digits and hyphens.")
    elif question.screen == "NAME" and text.isdigit():
        return Meaning(say="A name of digits alone is not allowed.")
    elif question.screen == "SIGNIN" and ("@" not in text or len(text) > 256):
        return Meaning(say="Enter a valid email address.")
    if not value:
        return Meaning(say=f"{text[:40]!r} is not in the list.")
    return Meaning(Reply(button, value))


def _known(text: str, table: dict[str, str]) -> str:
    wanted = folded(text)
    exact = [key for key, name in table.items() if wanted in (folded(key), folded(name))]
    begins = [key for key, name in table.items() if len(wanted) > 2 and folded(name).startswith(wanted)]
    return exact[0] if exact else begins[0] if len(begins) == 1 else ""


def _secret(text: str, question: Question, device: Device) -> Meaning:
    """A password: what was typed goes nowhere; what is kept says only whether it was right."""
    if folded(text) in ("back", "cancel"):
        button = next((one for one in question.choices + question.actions if folded(one) == folded(text)), "")
        if button:
            return Meaning(Reply(button, question.suggestion))
    if not text:
        return Meaning(say=EMPTY_PASSWORD if question.field != "PIN" else "Provide a PIN.")
    button = question.default or (question.choices[0] if question.choices else "")
    if question.field == "PIN":
        if not (text.isascii() and text.isdigit()):
            return Meaning(say="A PIN is digits here.")
        return Meaning(Reply(button, "0" * min(len(text), 127)))
    return Meaning(Reply(button, "wrong" if text.casefold() == "wrong" else question.suggestion or "right password"))


def hints(question: Question, device: Device, default: Reply) -> list[str]:
    """The help line of a page: what goes on, what goes back, the keys that Windows hides."""
    parts: list[str] = []
    if question.secret:
        kind = "a PIN of digits" if question.field == "PIN" else "any password but 'wrong' is right"
        parts.append(f"type it, it is not shown ({kind})")
        parts += [f"'{one.lower()}' = {one}" for one in question.choices if one in ("Back", "Cancel")]
    else:
        if default.choice or default.value or not question.choices:
            typed = f" with {default.value}" if default.value and question.field else ""
            parts.append(f"Enter = {LANGUAGES.get(default.choice, default.choice) or 'go on'}{typed}")
        if question.field:
            special = {"REGION": "a country or region", "NET": "a Wi-Fi, or 'cable' to plug it in"}
            what = special.get(question.screen, question.field)
            parts.append(f"or type {what}" if parts else f"type {what}")
        if len(question.choices) > 1 or not default.choice:
            parts.append(f"1-{len(question.choices)} = a button" if len(question.choices) > 1 else "1 = the button")
        if not question.default and question.choices:
            parts.append("0 = leave it so")
        if "Back" in question.choices + question.actions:
            parts.append("b = back")
        parts += [f"'{one.lower()}'" for one in question.actions if one not in (WINDOWS_KEY, "Back")]
    return ["; ".join(parts), "keys: win5, shift+f10, ctrl+shift+d; simulator: :help, :why, :quit"]


def spoken(question: Question) -> Question:
    """The page with names where the device has codes."""
    if question.screen == "REGION":
        return msgspec.structs.replace(question, suggestion=_named(question.suggestion, REGIONS))
    if question.screen in ("KBD", "KBD2"):
        return msgspec.structs.replace(question, suggestion=_named(question.suggestion, LAYOUTS))
    if question.screen == "LANG":
        names = tuple(LANGUAGES.get(one, one) for one in question.choices)
        return msgspec.structs.replace(question, choices=names, default=LANGUAGES.get(question.default, question.default))
    return question


def _named(code: str, table: dict[str, str]) -> str:
    return f"{table[code]} ({code})" if code in table else code
