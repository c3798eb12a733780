"""The commands of ``autopilot-agent``, one module each, imported only when used."""
