"""Joins IFS Cloud and Procore; see ARCHITECTURE.md for the rooms and the arrows."""
