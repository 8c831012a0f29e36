"""What is printed is there for whoever reads it, at once."""

from __future__ import annotations

import os
import select
from io import StringIO

from ml_connector.cli.output import Output
from ml_connector.cli.telling import tell_report
from ml_connector.engine.work import Report, Tally


def test_a_line_in_a_pipe_is_seen_before_the_command_ends() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        Output(pipe).line("Ctrl-C ends it.")
        ready, _, _ = select.select([reading], [], [], 0)
        assert ready == [reading], "the line still waits in a buffer"
        assert os.read(reading, 100) == b"Ctrl-C ends it.\n"
    os.close(reading)


def test_what_is_taken_over_is_told_apart_from_what_is_only_linked() -> None:
    printed = StringIO()
    flows = {"vendors": Tally(linked=5), "purchase_orders": Tally(created=3, linked=64)}
    requests = {side: {"read": 0, "write": 0} for side in ("erp", "projects")}
    told = Report("north", flows, requests, {}, "abc", taken_over={"purchase_orders": 2})
    tell_report(Output(printed), told, applied=False, everything=False)
    lines = [line.split() for line in printed.getvalue().splitlines()]
    assert lines[0][:6] == ["FLOW", "CREATED", "UPDATED", "TAKEN", "OVER", "LINKED"]
    assert ["vendors", "0", "0", "0", "5"] in [line[:5] for line in lines]
    assert ["purchase_orders", "3", "0", "2", "62"] in [line[:5] for line in lines]
    assert "Procore may lock it" in printed.getvalue()
