"""``check-hashes``: what the import of hardware hashes would say about a file, before anybody uploads it."""

from __future__ import annotations

import argparse

from autopilot_agent.cli.console import read_input, say, write_json
from autopilot_agent.tenant.hash_csv import LIMIT, HashFile, read_hashes


def main(args: argparse.Namespace) -> int:
    """Print the findings; 0 when every device would be imported, 1 when not."""
    name = "<stdin>" if str(args.file) == "-" else str(args.file)
    found = read_hashes(read_input(args.file, LIMIT))
    if args.output == "json":
        import json

        write_json(json.dumps(_plain(name, found), indent=2) + "\n")
    else:
        for one in found.findings:
            where = f"{name}:{one.line}" if one.line else name
            code = f" [{one.name}]" if one.code else ""
            say(f"{where}: {'error' if one.error else 'warning'}: {one.text}{code}")
        for row in found.rows:
            content = row.content
            say(f"{name}:{row.line}: {content.manufacturer} {content.model}, serial number {content.serial_number}")
        kept = "nothing would be imported" if found.refused else f"{len(found.rows)} of {found.lines} devices would be imported"
        say(f"{kept}; {len(found.errors)} errors, {len(found.findings) - len(found.errors)} warnings")
    return 1 if found.errors else 0


def _plain(name: str, found: HashFile) -> dict[str, object]:
    return {
        "file": name,
        "refused": found.refused,
        "findings": [
            {"line": one.line, "severity": "error" if one.error else "warning", "code": one.name, "text": one.text}
            for one in found.findings
        ],
        "devices": [
            {
                "line": row.line,
                "serialNumber": row.content.serial_number,
                "manufacturer": row.content.manufacturer,
                "model": row.content.model,
                "productKey": row.product_key or row.content.product_key,
                "smbiosUuid": row.content.uuid,
                "macAddresses": list(row.content.mac_addresses),
                "tpm": bool(row.content.ek),
                "groupTag": row.group_tag,
                "assignedUserPrincipalName": row.assigned_user,
            }
            for row in found.rows
        ],
    }
