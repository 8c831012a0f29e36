"""Secrets sealed at rest; opened by the composition root alone."""
