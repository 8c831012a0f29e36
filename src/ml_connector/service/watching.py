"""A door that stands alone looks, too, whether anybody works: with all workers gone nobody else could tell."""

from __future__ import annotations

import threading

import structlog

from ml_connector.app import App
from ml_connector.kernel.errors import ConnectorError
from ml_connector.service.alarms import DEAD_AFTER, nobody_works
from ml_connector.service.traced import traced

_log = structlog.get_logger()


class Watch:
    """Looks once a minute, the first time after one: workers that begin together with the door are there by then."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.every = DEAD_AFTER.total_seconds()
        """Seconds from look to look."""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begins, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; a message that is on its way is not waited for longer than a moment."""
        self._done.set()
        self._thread.join(1)

    def _run(self) -> None:
        while not self._done.wait(self.every):
            try:
                failed = nobody_works(self.app)
                if failed:
                    _log.warning("watch.untold", why=failed)
            except ConnectorError as error:
                _log.warning("watch.failed", why=str(error))
            except Exception as error:
                _log.error("watch.failed", **traced(error))
