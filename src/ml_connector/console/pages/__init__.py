"""Handlers, one file an area."""
