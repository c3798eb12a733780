"""``--backend`` and the options around it, handed to the room that knows what they mean."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from autopilot_agent.backends.chosen import ServerOptions
from autopilot_agent.backends.chosen import chosen_backend as choose

if TYPE_CHECKING:
    from autopilot_agent.backends.choice import ServerChoice


def chosen_backend(args: argparse.Namespace) -> str | ServerChoice:
    """The backend that the options of ``run`` choose; raises ``InputError`` for what does not go together."""
    server = ServerOptions(**{name: getattr(args, name) for name in ServerOptions.__struct_fields__})
    files = {"--device": args.device, "--save-device": args.save_device}
    return choose(args.backend, server, [option for option, file in files.items() if file])
