"""A simulated Windows PC that goes through Windows Autopilot."""

__version__ = "0.1.0"
