"""The door: takes events from both systems and keeps them; nothing else happens in a request."""
