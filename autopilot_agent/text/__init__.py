"""Text files from people: read within limits, YAML with the place of everything in it."""
