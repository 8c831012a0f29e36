"""The simulated Procore registers a hook of ours and delivers to it, in each version, one of them twice."""

from __future__ import annotations

import json
import time
import tomllib
import urllib.parse
import urllib.request
from typing import Any

from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox

from .house import Hook, House, add_connection, add_hook


class Procore:
    """What an administrator may do there."""

    def __init__(self, box: RunningSandbox) -> None:
        self._part: dict[str, Any] = tomllib.loads(box.connection_text())["projects"]
        self.company = int(self._part["company_id"])
        form = {key: self._part[key] for key in ("client_id", "client_secret")} | {"grant_type": "client_credentials"}
        self._token = ""
        self._token = self._ask(
            "/oauth/token", urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
        )["access_token"]

    def register(self, url: str, hook: Hook, version: str) -> None:
        """A hook for vendors."""
        base = f"/rest/v2.0/companies/{self.company}/webhooks/hooks"
        form = {"payload_version": version, "namespace": "ml", "destination_url": url + hook.path}
        made = self._post(base, form | {"destination_headers": {"Authorization": hook.authorization}})["data"]["id"]
        for event in ("create", "update"):
            self._post(f"{base}/{made}/triggers", {"resource_name": "Company Vendors", "event_type": event})

    def vendor(self, name: str) -> str:
        """A new vendor's id."""
        body = {"company_id": self.company, "vendor": {"name": name}}
        return str(self._post("/rest/v1.0/vendors", body)["id"])

    def _post(self, path: str, form: dict[str, Any]) -> Any:
        return self._ask(path, json.dumps(form).encode(), "application/json")

    def _ask(self, path: str, body: bytes, kind: str) -> Any:
        headers = {"Content-Type": kind, "Procore-Company-Id": str(self.company)}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._part["url"] + path, body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


def test_real_deliveries_of_each_version_are_kept_once(own: House) -> None:
    with RunningSandbox(orders=24) as box:
        procore = Procore(box)
        add_connection(own.db, "box", procore.company)
        box.faults.add(FaultRule("webhook_twice", times=1))
        for version in ("v2.0", "v3.0", "v4.0"):
            hook = add_hook(own.db, "box")
            own.look()
            procore.register(own.door.url, hook, version)
        first, second = procore.vendor("Northline Cranes"), procore.vendor("Southline Cranes")
        deadline = time.monotonic() + 10
        while box.in_loop(lambda: box.procore.webhooks.waiting()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    rows = own.rows("SELECT resource, action, record, project FROM inbox ORDER BY id")
    assert rows == [("Company Vendors", "create", one, "") for one in (first, second)]
    again = own.rows("SELECT value FROM counters WHERE name = 'events_again'")
    assert again == [(5,)], "three hooks, two events, one of them delivered twice to one hook: seven deliveries"
