"""A process of the service: what it does with what it has loaded."""

from __future__ import annotations

import gc
import os
import signal

from ml_connector.app import App
from ml_connector.service.serving import Service, serve


def test_what_a_process_has_loaded_is_not_looked_through_again_and_again(app: App) -> None:
    loaded = [[number] for number in range(10_000)]
    before = gc.get_freeze_count()
    then: list[int] = []

    def begun(_service: Service) -> None:
        then.append(gc.get_freeze_count())
        os.kill(os.getpid(), signal.SIGTERM)

    assert serve(Service(app, slots=0), begun, 5.0) == 0
    assert then[0] - before > len(loaded)
