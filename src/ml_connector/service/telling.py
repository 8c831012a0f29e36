"""Tells people, by mail or chat, through Apprise; and tells a dead-man's switch elsewhere that all is well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from hashlib import sha256

import apprise
import msgspec
from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError

from ml_connector.app import App
from ml_connector.connection_file import ALERTS, config_from

_PATIENCE = timedelta(seconds=10)


class Recipients:
    """Who is told. The addresses hold passwords, so that they are never shown; a failure names only their kind."""

    def __init__(
        self, installation: Sequence[str], own: dict[int, tuple[tuple[str, ...], bool]], heartbeat: str
    ) -> None:
        """`own`: connection id to the addresses of its own people, and whether the installation's hear of it too."""
        self._installation = tuple(installation)
        self._own = own
        self._heartbeat = heartbeat

    @classmethod
    def of(cls, app: App) -> Recipients:
        """As settings and connections have them now."""
        found = {}
        for row in app.connections():
            sealed = app.wiring.secrets(row).get(ALERTS)
            own = tuple(msgspec.json.decode(sealed, type=list[str])) if sealed else ()
            if own:
                found[row.id] = (own, config_from(row.config).alerts.installation_too)
        return cls(app.settings.alert_urls, found, app.settings.heartbeat_url)

    def urls(self, connection_id: int) -> tuple[str, ...]:
        """Addresses for one connection, or with 0 for the installation."""
        own, too = self._own.get(connection_id, ((), True))
        return (*own, *(self._installation if too else ()))

    def hears(self, connections: Iterable[int]) -> dict[int, dict[str, str]]:
        """Connection id, 0 for the installation, to the addresses that hear of it at once, each under its mark."""
        return {number: {mark(url): url for url in self.urls(number)} for number in (0, *connections)}

    def groups(self, connections: Iterable[int]) -> Iterator[tuple[int, tuple[str, ...], set[int]]]:
        """Addresses that hear the same, with the connection ids they hear of, 0 for the installation; each group under
        the id of the connection whose own people they are, or 0."""
        everything = {0, *connections}
        for number, (own, _) in self._own.items():
            yield number, own, {number} & everything
        yield 0, self._installation, {number for number in everything if self._own.get(number, ((), True))[1]}

    def beat(self) -> list[str]:
        """Calls the dead-man's switch, if there is one; what failed, in words."""
        if not self._heartbeat:
            return []
        try:
            with SyncClientBuilder().timeout(_PATIENCE).build() as client:
                status = client.get(self._heartbeat).build().send().status
        except (PyreqwestError, ValueError) as error:
            return [f"the heartbeat address does not answer ({type(error).__name__})"]
        return [] if status < 400 else [f"the heartbeat address answered {status}"]


def mark(url: str) -> str:
    """Stands for an address in the table of alerts: enough to tell a few apart, too little to find its password by."""
    return sha256(url.encode()).hexdigest()[:8]


def tell(url: str, title: str, body: str) -> str:
    """Sends one message to one address; what failed, in words without the address, or nothing."""
    kind = url.partition("://")[0]
    sender = apprise.Apprise()
    if not sender.add(url):
        return f"a {kind} address cannot be used"
    if not sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
        return f"a {kind} address did not take the message"
    return ""
