"""Sends the webhooks that the simulated Procore has due, while its server runs, and tells it how each sending went."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from ml_connector.sandbox.procore.webhooks import Delivery, Heard, Webhooks

_IDLE_SECONDS = 0.05
_MOST_BODY = 2000
_LATE = "no answer within the time"


async def deliver(outbox: Callable[[], Webhooks], clock: Callable[[], datetime]) -> None:
    """Sends what is due until it is cancelled. `outbox` is asked each time, since loading a world makes a new one.

    To be run as a task in the server's loop: the queue is touched there alone, between two calls. Only the waiting
    for receivers happens in other threads, one an endpoint.
    """
    running: set[asyncio.Task[None]] = set()
    settled = asyncio.Event()
    try:
        while True:
            settled.clear()
            webhooks = outbox()
            for delivery in webhooks.due(clock()):
                task = asyncio.create_task(_deliver_one(webhooks, delivery, clock, settled))
                running.add(task)
                task.add_done_callback(running.discard)
            await _first(settled, _IDLE_SECONDS)
    finally:
        for task in running:
            task.cancel()


async def _deliver_one(
    webhooks: Webhooks, delivery: Delivery, clock: Callable[[], datetime], settled: asyncio.Event
) -> None:
    heard = await asyncio.to_thread(send, delivery, webhooks.timeout)
    webhooks.settle(delivery, heard, clock())
    settled.set()


async def _first(settled: asyncio.Event, seconds: float) -> None:
    """Returns when something was settled, so that its endpoint goes on at once, or after so long."""
    try:
        async with asyncio.timeout(seconds):
            await settled.wait()
    except TimeoutError:
        return


def send(delivery: Delivery, timeout: float) -> Heard:
    """One POST, blocking. A receiver out of reach, or without an answer `timeout` seconds after it was reached, has no
    status."""
    split = urlsplit(delivery.url)
    kind = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
    started = time.monotonic()
    try:
        wire = kind(split.netloc, timeout=timeout)
        try:
            path = f"{split.path or '/'}?{split.query}" if split.query else split.path or "/"
            wire.connect()
            started = time.monotonic()
            wire.request("POST", path, delivery.body, delivery.headers)
            answer = wire.getresponse()
            if time.monotonic() - started >= timeout:
                raise TimeoutError
            text = answer.read(_MOST_BODY).decode("utf-8", "replace")
        finally:
            wire.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() - started >= timeout
        return Heard(None, error=_LATE if late else f"{type(error).__name__}: {error}")
    return Heard(answer.status, text, dict(answer.getheaders()))
