"""Measurements, run by hand with `make bench`; never part of the tests. What they run here logs warnings only."""

import logging

from ml_connector.cli import logs

logs.configure(logging.WARNING, logs.Redactor(), as_json=False)
