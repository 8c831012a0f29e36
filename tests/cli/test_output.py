"""What is printed is there for whoever reads it, at once."""

from __future__ import annotations

import os
import select

from ml_connector.cli.output import Output


def test_a_line_in_a_pipe_is_seen_before_the_command_ends() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        Output(pipe).line("Ctrl-C ends it.")
        ready, _, _ = select.select([reading], [], [], 0)
        assert ready == [reading], "the line still waits in a buffer"
        assert os.read(reading, 100) == b"Ctrl-C ends it.\n"
    os.close(reading)
