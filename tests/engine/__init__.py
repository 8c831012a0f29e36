"""The engine's own arithmetic; what it does is seen in the journeys."""
