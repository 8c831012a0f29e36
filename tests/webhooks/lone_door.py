"""A door as a process of its own, to be killed: `lone_door.py HOME URL PORT` prints its port once it is open."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from ml_connector.app import App
from ml_connector.settings import Settings
from ml_connector.store.postgres import Database
from ml_connector.webhooks.serving import Door


def main(home: str, url: str, port: str) -> None:
    """Opens the door and waits to be killed."""
    settings = Settings(home=Path(home), database_url=url)
    with Database.open(settings.home, settings.database_url) as db:
        door = Door(App(settings, db, "door"), port=int(port))
        door.start()
        print(door.port, flush=True)  # noqa: T201 - whoever started us reads it
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
