"""Data sets that are generated, need no file and no network, and carry no terms."""
