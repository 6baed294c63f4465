"""Runs for other people: packed into one file, without what tells of a machine; and unpacked."""
