"""Preflight: what goes wrong with a tenant's configuration, found by playing the devices that get it."""
