"""Canonical records: frozen values that know no system."""
