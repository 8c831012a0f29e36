"""The systems' rooms: how each one is signed in to, read, parsed, rendered and written."""
