"""Procore as the projects system: records in, commitments out."""
