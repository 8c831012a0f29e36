"""The door, over a real socket and a real PostgreSQL."""
