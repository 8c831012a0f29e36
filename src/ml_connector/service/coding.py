"""Each night reads, of decisions that were kept, on which code strings documents lie, before their inputs go by age."""

from __future__ import annotations

from collections.abc import Iterator

from ml_connector.engine import code_uses
from ml_connector.service.duty import Duty
from ml_connector.service.stepping import Step

_SLICE = 2.0


def coding(duty: Duty, _at: str) -> Iterator[Step]:
    """Reads what was kept since the last look, a slice at a time; what the mapping's page goes by."""
    row = duty.connection
    while row is not None and not code_uses.catch_up(duty.app.db, row.id, _SLICE):
        yield Step("more", "")
    yield Step("", "")
