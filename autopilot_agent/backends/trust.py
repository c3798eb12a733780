"""The certificates that somebody trusts besides the usual, looked at before anything is sent."""

from __future__ import annotations

import ssl
from pathlib import Path

from autopilot_agent.errors import InputError, Place


def read_ca(path: Path | None) -> str:
    """The file of ``--ca`` as a path, "" for none; raises ``InputError`` for a file without a certificate in PEM."""
    if path is None:
        return ""
    place = Place(path.as_posix())
    if path.is_dir():
        raise InputError("this is a folder; --ca takes a file, with the certificate of the server's authority in PEM.", place)
    if not path.is_file():
        raise InputError("there is no such file; 'autopilot-agent serve ca --data FILE' writes one for 'serve'.", place)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
        found = context.cert_store_stats()["x509"]
    except ssl.SSLError:
        found = 0
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror or error}).", place) from None
    if not found:
        raise InputError("the file holds no certificate in PEM (-----BEGIN CERTIFICATE-----); give the authority's.", place)
    return path.as_posix()
