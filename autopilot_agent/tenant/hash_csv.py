"""The file that hardware hashes are imported with: its rules, what is wrong with one, and its rows (formats.md 3.1 to 3.4)."""

from __future__ import annotations

import msgspec

from autopilot_agent.device.hardware_hash import HashContent, NotBase64, WrongHash, read_hash

REQUIRED = ("Device Serial Number", "Windows Product ID", "Hardware Hash")
OPTIONAL = ("Group Tag", "Assigned User")
HEADERS = tuple(REQUIRED + OPTIONAL[:count] for count in (0, 1, 2))
PARTNER = ("manufacturer name", "device model", "device name")
MOST_ROWS = 500
LONGEST_TAG = 512
LIMIT = 8 * 1024 * 1024
"""Bytes of a file: 500 rows in UTF-16 are half of this."""
BAD_BASE64 = "HTTP 400"
NAMES = {
    "802": "InvalidZtdHardwareHash",
    "803": "MissingZtdSerialNumberAndProductKey",
    "806": "ZtdDeviceAlreadyAssigned",
    "808": "ZtdDeviceAssignedToOtherTenant",
}


class Finding(msgspec.Struct, frozen=True):
    """Something about a file. ``line`` from 1, 0 for the whole file; ``code`` is what the service answers ("" for none)."""

    line: int
    text: str
    code: str = ""
    error: bool = True

    @property
    def name(self) -> str:
        """Code and name as the portal shows them."""
        return f"{self.code} {NAMES[self.code]}" if self.code in NAMES else self.code


class Row(msgspec.Struct, frozen=True):
    """One device that can be imported."""

    line: int
    serial_number: str
    product_key: str
    hardware_hash: str
    content: HashContent
    group_tag: str = ""
    assigned_user: str = ""


class HashFile(msgspec.Struct):
    """What a file says. A ``refused`` file imports nothing; else every row that is not among the errors is imported."""

    rows: list[Row] = []
    findings: list[Finding] = []
    lines: int = 0
    refused: bool = False

    @property
    def errors(self) -> list[Finding]:
        """The findings that keep a device out."""
        return [one for one in self.findings if one.error]


def read_hashes(data: bytes) -> HashFile:
    """Read and check an import file; whatever is wrong becomes a finding."""
    found = HashFile()
    lines = _decoded(data, found).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        return _refused(found, 0, "the file is empty; it begins with the header Device Serial Number,Windows Product ID,...")
    header = tuple(lines[0].rstrip(" ").split(","))
    if header not in HEADERS:
        return _refused(found, 1, _wrong_header(header))
    found.lines = len(lines) - 1
    if found.lines == 0:
        return _refused(found, 0, "the file has a header and no device")
    if found.lines > MOST_ROWS:
        return _refused(found, 0, f"the file has {found.lines} devices, and {MOST_ROWS} are the most; split it")
    seen: dict[str, int] = {}
    for number, line in enumerate(lines[1:], 2):
        _read_row(found, number, line, len(header), seen)
    return found


def _refused(found: HashFile, line: int, text: str, code: str = "") -> HashFile:
    found.findings.append(Finding(line, text, code))
    found.refused = True
    found.rows = []
    return found


def _decoded(data: bytes, found: HashFile) -> str:
    """The text, and a remark on every encoding that the portal does not want."""
    encoding = ""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding, text = "UTF-16", data.decode("utf-16", "replace")
    elif data[:3] == b"\xef\xbb\xbf":
        encoding, text = "UTF-8 with a byte order mark", data.decode("utf-8-sig", "replace")
    else:
        try:
            text = data.decode("utf-8")
            encoding = "" if text.isascii() else "UTF-8"
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    if encoding:
        found.findings.append(Finding(0, f"the file is saved as {encoding}; the portal wants ANSI text", error=False))
    return text


def _wrong_header(header: tuple[str, ...]) -> str:
    folded = tuple(one.strip().strip('"').casefold() for one in header)
    for wanted in HEADERS:
        if folded == tuple(one.casefold() for one in wanted):
            return f"the header is compared letter by letter; write {','.join(wanted)}"
    if any(one in PARTNER for one in folded):
        return "manufacturer and model are columns of the partner format; the Intune import takes no extra columns"
    if "orderid" in folded:
        return "the column OrderID of older tools is called Group Tag"
    if len(header) == 3 and not any("serial" in one for one in folded):
        return "there is no header; manufacturer, model and serial alone are a corporate identifier, not a registration"
    if folded[: len(REQUIRED)] == tuple(one.casefold() for one in REQUIRED):
        return f"the columns after Hardware Hash can only be {' and '.join(OPTIONAL)}, in this order"
    return f"the header has to be {','.join(REQUIRED)}, then perhaps {' and '.join(OPTIONAL)}"


def _read_row(found: HashFile, number: int, line: str, columns: int, seen: dict[str, int]) -> None:
    def wrong(text: str, code: str = "") -> None:
        found.findings.append(Finding(number, text, code))

    if found.refused:
        return
    if '"' in line:
        _refused(found, number, "quotes are not allowed")
        return
    if not line.strip():
        wrong("the line is empty")
        return
    if line != line.rstrip():
        found.findings.append(Finding(number, "the line ends with spaces; they are cut off", error=False))
    fields = line.rstrip().split(",")
    if len(fields) != columns:
        wrong(f"the line has {len(fields)} columns, the header {columns}; a value cannot hold a comma")
        return
    serial, product, text, tag, user = (*fields, "", "")[:5]
    if not serial and not product:
        wrong("serial number and product id are both missing", "803")
        return
    try:
        content = read_hash(text)
    except NotBase64 as error:  # the whole request is refused, and the page says nothing
        why = f"Cannot convert the literal to the expected type 'Edm.Binary': about the hardware hash, {error}"
        _refused(found, number, why, BAD_BASE64)
        return
    except WrongHash as error:
        wrong(f"about the hardware hash: {error}", "802")
        return
    if not content.serial_number or not content.manufacturer:
        wrong("the hardware hash names no serial number or no manufacturer", "802")
        return
    if len(tag) > LONGEST_TAG:
        wrong(f"the group tag has {len(tag)} characters, more than {LONGEST_TAG}")
        return
    known = seen.setdefault(text, number)
    if known != number:
        wrong(f"the same hardware hash stands in line {known}; only that line is imported", "ZtdDeviceDuplicated")
        return
    for doubt in content.warnings:
        found.findings.append(Finding(number, f"about the hardware hash: {doubt}", error=False))
    if serial and serial != content.serial_number:
        why = f"the serial number is {serial!r} here and {content.serial_number!r} in the hash, which decides"
        found.findings.append(Finding(number, why, error=False))
    found.rows.append(Row(number, serial, product, text, content, tag, user))

