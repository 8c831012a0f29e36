"""Every effect, in order, once."""
