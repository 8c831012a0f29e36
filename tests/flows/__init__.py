"""One file a flow, in words a controller could read."""
