"""The IFS room against the simulated tenant, over a real socket."""
