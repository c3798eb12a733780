"""Scenario files: their types, how they are read, and what they ask for."""
