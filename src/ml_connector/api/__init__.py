"""The JSON door, made from the table of actions."""
