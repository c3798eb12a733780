"""Scripts that complete the command line, one module for each shell, and the grammar they are made from."""
