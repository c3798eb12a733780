"""A session with a server kept as files, and played again without the server.

A folder has ``session.json`` and one file an exchange, numbered in their order: readable JSON, without secrets
(``wire/secrecy.py``). A device that is played against it must ask the same again: same scenario, same seed, same version.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from autopilot_agent import __version__
from autopilot_agent.backends.fitting import misfit
from autopilot_agent.backends.http import Net
from autopilot_agent.errors import InputError, Malformed, Place, ServiceFault, ServiceUnavailable, Unreachable
from autopilot_agent.wire import secrecy, syncml_auth, syncml_faults
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.wallet import Wallet

KIND = "autopilot-agent recording"
FORMAT = 1
SESSION = "session.json"
MOST_EXCHANGES = 100_000
LARGEST = 200_000_000
"""Bytes of one file that are read."""


class Session(msgspec.Struct):
    """What a recording says of itself. ``private`` is whether the server was a tenant of ours, ``served`` what it answered."""

    kind: str
    format: int
    made_by: str
    url: str
    private: bool
    served: dict[str, str]


class Exchange(msgspec.Struct):
    """One request with its answer, or why there was none: nobody was reached (with the code), or the answer was ``malformed``.

    Bodies are text, or base64 where they are not. ``typed`` tells whether the same was typed (``secrecy.typed``).
    """

    method: str
    url: str
    request_headers: dict[str, str]
    request_body: str = ""
    request_base64: bool = False
    certificate: str = ""
    typed: str = ""
    status: int = 0
    response_headers: dict[str, str] = {}
    response_body: str = ""
    response_base64: bool = False
    unreachable: str = ""
    malformed: bool = False
    reason: str = ""


class RecordingNet:
    """Sends by another net and keeps what was said. Raises ``InputError`` when the folder cannot be used."""

    def __init__(self, inner: Net, folder: Path, session: Session) -> None:
        self.inner = inner
        self.folder = folder
        self.count = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise InputError("the folder for the recording is not empty; give a new one.", Place(folder.as_posix()))
            _write(folder / SESSION, msgspec.to_builtins(session))
        except OSError as error:
            raise _unusable(folder, error) from None

    def send(self, request: Request, wallet: Wallet) -> Response:
        """The answer; what cannot be written raises ``InputError`` and ends the run, so no recording has a hole."""
        secrets = _secrets(wallet)
        try:
            response = self.inner.send(request, wallet)
        except (Unreachable, Malformed) as error:
            self._keep(request, None, secrets, error)
            raise
        credentials = secrecy.WRONG if b"Cred" in response.body and _unbelieved(response, wallet) else secrecy.FILTERED
        self._keep(request, secrecy.response(response, secrets, credentials), secrets, None)
        return response

    def _keep(self, request: Request, said: Response | None, secrets: tuple[str, ...], error: Exception | None) -> None:
        self.count += 1
        exchange = _asked(request, secrets)
        if said is not None:
            exchange.status, exchange.response_headers = said.status, said.headers
            exchange.response_body, exchange.response_base64 = _as_text(said.body)
        if isinstance(error, Unreachable):
            exchange.unreachable, exchange.reason = error.code, error.reason
        elif error is not None:
            exchange.malformed, exchange.reason = True, secrecy.words(str(error), secrets)
        place = _place_in_words(exchange.url)
        try:
            _write(self.folder / f"{self.count:05}-{exchange.method}-{place}.json", msgspec.to_builtins(exchange))
        except OSError as problem:
            raise _unusable(self.folder, problem) from None


class ReplayNet:
    """Answers from a recording, in its order. Raises ``InputError`` for a folder that is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.session = read_session(folder)
        self._files = sorted(path for path in folder.glob("*.json") if path.name != SESSION)[:MOST_EXCHANGES]
        self._next = 0

    def send(self, request: Request, wallet: Wallet) -> Response:
        """The next answer; ``ServiceUnavailable`` when the device asks something else than it asked then."""
        asked = f"{request.method} {_bare(request.url)}"
        if self._next >= len(self._files):
            raise ServiceUnavailable(f"the recording {self.folder.as_posix()} ends before {asked}.")
        path = self._files[self._next]
        exchange = _read(path, Exchange)
        wanted = f"{exchange.method} {_bare(exchange.url)}"
        if asked != wanted:
            raise self._misfit(f"the device asks {asked}, but {path.as_posix()} has {wanted}")
        if differs := misfit(_asked(request, _secrets(wallet)), exchange):
            raise self._misfit(f"the device asks {asked} as in {path.as_posix()}, but {differs}")
        if not (exchange.unreachable or exchange.malformed or 100 <= exchange.status <= 599):
            raise InputError(f"the status of the answer is {exchange.status}; expected 100 to 599.", Place(path.as_posix()))
        self._next += 1
        if exchange.unreachable:
            raise Unreachable(exchange.unreachable, exchange.reason)
        if exchange.malformed:
            raise Malformed(exchange.reason)
        return Response(
            exchange.status,
            {name.lower(): value for name, value in exchange.response_headers.items()},
            _as_bytes(exchange.response_body, path, binary=exchange.response_base64),
        )

    def _misfit(self, said: str) -> ServiceUnavailable:
        made, now = self.session.made_by, __version__
        versions = "" if made == now else f" It is of version {made[:40]}, and this is {now}."
        asked = "was it made with this scenario, seed and version?"
        return ServiceUnavailable(f"the recording does not fit: {said}; {asked}{versions}")

    def has(self, path: str) -> bool:
        """Whether the last thing that was asked is at this path."""
        return bool(self._files) and urlsplit(_read(self._files[-1], Exchange).url).path == path


def read_session(folder: Path) -> Session:
    """What a recording says of itself; raises ``InputError`` for a folder that holds none of this version."""
    path = folder / SESSION
    if not path.is_file():
        raise InputError(f"there is no {SESSION} in it; give a folder that --record-http wrote.", Place(folder.as_posix()))
    session: Session = _read(path, Session)
    if session.kind != KIND or session.format != FORMAT:
        made = f"{session.kind[:40]!r} of format {session.format}"
        raise InputError(f"this is {made}; this version reads {KIND!r} of format {FORMAT}.", Place(path.as_posix()))
    return session


def new_session(url: str, served: dict[str, str], *, private: bool) -> Session:
    """The head of a recording that begins now."""
    return Session(KIND, FORMAT, __version__, url, private, served)


def _asked(request: Request, secrets: tuple[str, ...]) -> Exchange:
    """What is kept of a request."""
    asked = secrecy.request(request, secrets)
    exchange = Exchange(asked.method, asked.url, asked.headers, certificate=asked.certificate, typed=secrecy.typed(request))
    exchange.request_body, exchange.request_base64 = _as_text(asked.body)
    return exchange


def _unbelieved(response: Response, wallet: Wallet) -> bool:
    """Whether a server sends credentials that are not those which the device knows."""
    secret = syncml_auth.Secret.of(wallet.account, syncml_auth.SERVER)
    try:
        found = syncml_faults.message_of(response).header.credentials
    except (Malformed, ServiceFault):
        return False
    return secret is not None and found is not None and not syncml_auth.proven(found, secret)


def _secrets(wallet: Wallet) -> tuple[str, ...]:
    """Words that must not be in a recording anywhere."""
    return tuple({one.password for one in wallet.users.values()} - {""})


def _read(path: Path, kind: type[Any]) -> Any:
    from autopilot_agent.text.text_file import read_bytes

    try:
        return msgspec.json.decode(read_bytes(path, LARGEST), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the recording cannot be read: {error}.", Place(path.as_posix())) from None


def _write(path: Path, value: Any) -> None:
    path.write_bytes(json.dumps(value, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


def _as_text(data: bytes) -> tuple[str, bool]:
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), True


def _as_bytes(text: str, path: Path, *, binary: bool) -> bytes:
    if not binary:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise InputError("the body of the answer is no base64.", Place(path.as_posix())) from None


def _bare(url: str) -> str:
    """A URL without its query, which may hold ids of the moment."""
    return url.partition("?")[0].partition("#")[0]


def _place_in_words(url: str) -> str:
    """The host and the last part of the path, as far as every file system takes them."""
    host, _, path = _bare(url).partition("://")[2].partition("/")
    text = f"{host.rpartition('@')[2].partition(':')[0].lower()}-{path.rstrip('/').rpartition('/')[2]}"
    return "".join(one if one.isascii() and (one.isalnum() or one in ".-_") else "_" for one in text)[:80]


def _unusable(folder: Path, error: OSError) -> InputError:
    said = f"the recording cannot be written ({error.strerror or error}); choose another folder."
    return InputError(said, Place(folder.as_posix()))
