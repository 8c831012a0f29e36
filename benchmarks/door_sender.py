"""Sends webhooks as Procore would, at a steady rate, each until it gets a 2xx; and says how soon it was answered.

An event is due at its moment whether or not the door has answered the ones before, and is measured from that moment, so
that a door that stalls is not spared; once a sending has failed, from the moment it is sent. What was not accepted is
sent again after a pause that doubles.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

LANES = 64
"""Connections at once."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_GIVE_UP = 60.0


@dataclass
class Heard:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    """From sending to the answer, or from the event's moment while everything is well; a number for each answer."""
    accepted: list[int] = field(default_factory=list)
    """Numbers of the events answered with a 2xx."""
    refused: int = 0
    """Answers that were none."""
    cut: int = 0
    """Sendings without an answer."""


class Lane:
    """One connection, kept open, and opened anew when it was cut."""

    def __init__(self, port: int, head: bytes) -> None:
        self._port = port
        self._head = head
        self._wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, body: bytes) -> int:
        """The status of the answer; 0 when there was none."""
        try:
            async with asyncio.timeout(5):  # Procore's own time (facts/procore.md 13.3)
                if self._wire is None:
                    self._wire = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._wire
                writer.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
                head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            self.close()
            return 0
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        """Hangs up."""
        if self._wire is not None:
            self._wire[1].close()
            self._wire = None


async def send_all(given: dict[str, Any]) -> Heard:
    """Sends `rate` events a second for `seconds`, and returns when each was accepted or none is for a minute."""
    heard = Heard()
    head = f"POST {given['path']} HTTP/1.1\r\nHost: door\r\nAuthorization: {given['authorization']}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: "
    lanes: asyncio.Queue[Lane] = asyncio.Queue()
    for _ in range(LANES):
        lanes.put_nowait(Lane(given["port"], head.encode()))
    began = time.perf_counter() + 0.2
    deadline = began + given["seconds"] + _GIVE_UP

    async def deliver(number: int, due: float) -> None:
        body, pause = body_of(number, given["company"]), _FIRST_PAUSE
        while time.perf_counter() < deadline:
            lane = await lanes.get()
            if heard.cut or heard.refused:  # what waits for its turn after an outage was not sent yet
                due = time.perf_counter()
            try:
                status = await lane.send(body)
            finally:
                lanes.put_nowait(lane)
            if status:
                heard.seconds.append(time.perf_counter() - due)
            if 200 <= status < 300:
                heard.accepted.append(number)
                return
            heard.refused, heard.cut = heard.refused + bool(status), heard.cut + (not status)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    under_way = set()
    for number in range(given["rate"] * given["seconds"]):
        due = began + number / given["rate"]
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        task = asyncio.create_task(deliver(given["first"] + number, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    while not lanes.empty():
        lanes.get_nowait().close()
    return heard


def event_of(number: int) -> str:
    """An event's ULID."""
    return f"01M{number:023d}"


def body_of(number: int, company: str) -> bytes:
    """A payload of v4.0 (facts/procore.md 13.2)."""
    form = {
        "id": event_of(number),
        "timestamp": "2026-11-27T12:00:00.000000Z",
        "reason": "update",
        "company_id": company,
        "project_id": str(310 + number % 5),
        "user_id": "77",
        "resource_type": "Purchase Order Contracts",
        "resource_id": str(900_000 + number % 3000),
    }
    return json.dumps(form).encode()


def main() -> None:
    """Reads what to do from standard input, and writes what was heard into the file named there."""
    given = json.load(sys.stdin)
    heard = uvloop.run(send_all(given))
    Path(given["into"]).write_text(json.dumps(vars(heard)), encoding="utf-8")


if __name__ == "__main__":
    main()
