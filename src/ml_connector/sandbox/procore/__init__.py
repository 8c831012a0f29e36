"""The simulated Procore REST API: OAuth, tools, sync actions, locks and limits."""
