"""The simulated tenant as a whole: who may call what, one transaction per call, and the people in its windows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.http import Request, Response
from ml_connector.sandbox.ifs.acts import ACTS
from ml_connector.sandbox.ifs.batch import serve_batch
from ml_connector.sandbox.ifs.catalog import NOT_MODELLED, PROJECTIONS, logical_units
from ml_connector.sandbox.ifs.database import Database
from ml_connector.sandbox.ifs.loading import load_world
from ml_connector.sandbox.ifs.model import Projection
from ml_connector.sandbox.ifs.refusals import (
    IfsRefused,
    bad_request,
    error_response,
    injected,
    not_found,
    not_implemented,
)
from ml_connector.sandbox.ifs.rules_accounting import ACCOUNTING_RULES
from ml_connector.sandbox.ifs.rules_invoices import INVOICE_RULES
from ml_connector.sandbox.ifs.rules_purchasing import PURCHASING_RULES
from ml_connector.sandbox.ifs.rules_requisitions import REQUISITION_RULES
from ml_connector.sandbox.ifs.rules_suppliers import SUPPLIER_RULES
from ml_connector.sandbox.ifs.service import Call, serve
from ml_connector.sandbox.ifs.switches import IfsSwitches
from ml_connector.sandbox.ifs.tokens import SignIn
from ml_connector.sandbox.ifs.voucher_approval import VOUCHER_RULES
from ml_connector.sandbox.ifs.voucher_assistant import ASSISTANT_RULES
from ml_connector.sandbox.world import World

_ADDRESS = re.compile(
    r"^/(main|int|b2b)/ifsapplications/(projection|entity)/v1/([A-Za-z0-9_]+)\.svc(?:/(.*))?$", re.DOTALL
)
_PERSON = "CONTROLLER"
"""Who acts where an act names no `user`."""
RULES = {
    **PURCHASING_RULES,
    **REQUISITION_RULES,
    **SUPPLIER_RULES,
    **ACCOUNTING_RULES,
    **INVOICE_RULES,
    **VOUCHER_RULES,
    **ASSISTANT_RULES,
}
"""What the database does by itself, by logical unit."""


class IfsFace:
    """A simulated IFS Cloud tenant behind one callable, `handle`; written from facts/ifs.md alone."""

    name = "ifs"

    def __init__(self, clock: SandboxClock, switches: IfsSwitches | None = None) -> None:
        self.clock = clock
        self.switches = switches if switches is not None else IfsSwitches()
        self._base_url = ""
        self._db = Database(clock, self.switches, logical_units(), RULES)
        self._sign_in = SignIn(clock, self.switches, "", "", ("", ""))
        self.acts: dict[str, Callable[[Mapping[str, Any]], Any]] = {name: self._act(act) for name, act in ACTS.items()}

    def load(self, world: World, *, base_url: str, realm: str, client_id: str, client_secret: str) -> None:
        """Throws away all state, tokens included, and starts from the world. `base_url` is scheme, host and port."""
        self._base_url = base_url.rstrip("/")
        self._sign_in = SignIn(self.clock, self.switches, self._base_url, realm, (client_id, client_secret))
        self._db = Database(self.clock, self.switches, logical_units(), RULES)
        load_world(self._db, world)
        self._db.commit()

    def handle(self, request: Request) -> Response:
        """Answers one request: sign-in, documents, data. Whatever it refuses leaves no trace."""
        if request.path.startswith("/auth/"):
            return self._sign_in.handle(request)
        try:
            response = self._answer(request)
        except IfsRefused as refused:
            self._db.rollback()
            response = refused.response(self.switches)
        except RecursionError:
            self._db.rollback()
            response = bad_request("The request is nested too deeply.").response(self.switches)
        except Exception:
            self._db.rollback()
            raise
        return replace(response, changed=self._db.commit())

    def _answer(self, request: Request) -> Response:
        match = _ADDRESS.match(request.path)
        if match is None:
            return error_response(404, "NOT_FOUND", "There is no service at this address.")
        channel, kind, name, path = match[1], match[2], match[3], match[4] or ""
        self._sign_in.check(request.headers.get("authorization", ""))
        if channel == "b2b":
            raise not_implemented("the channel b2b")
        projection = self._projection(name, channel, kind)
        root = f"{self._base_url}/{channel}/ifsapplications/{kind}/v1/{name}.svc"
        call = Call(projection, root, request.method, path, request.query, request.headers, request.body)
        if path.strip("/") == "$batch":
            return serve_batch(self._db, call)
        return serve(self._db, call).response

    def _projection(self, name: str, channel: str, kind: str) -> Projection:
        """The projection of that name: 404 missing or not activated, 403 not granted, 501 not modelled."""
        service = kind == "entity"
        if name in self.switches.missing_projections or (service and channel != "int"):
            raise not_found(f"service {name}")
        if service and name not in self.switches.entity_services_active:
            raise not_found(f"active entity service {name}")
        projection = PROJECTIONS.get(name)
        if projection is None or projection.entity_service != service:
            if name in NOT_MODELLED or (service and projection is None):
                raise not_implemented(f"the service {name}")
            raise not_found(f"service {name}")
        if name in self.switches.denied_projections:
            raise IfsRefused(403, "SE_UNAUTHORIZED", f"The user has no right to {name}.")
        return projection

    def refusal(self, status: int, retry_after: int | None = None, kind: str | None = None) -> Response:
        """An error answer in the tenant's shape, for a fault that was asked for; `retry_after` in seconds."""
        return injected(status, retry_after, kind)

    def summary(self) -> dict[str, int]:
        """How many rows each logical unit has, by its name, empty ones left out."""
        return {name: len(table) for name, table in sorted(self._db.tables.items()) if len(table)}

    def _act(self, act: Callable[[Database, Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], Any]:
        def run(given: Mapping[str, Any]) -> Any:
            fields = dict(given)
            service_user, self._db.user = self._db.user, fields.pop("user", _PERSON)
            try:
                result = act(self._db, fields)
            except IfsRefused as refused:
                self._db.rollback()
                raise ValueError(str(refused)) from refused
            except Exception:
                self._db.rollback()
                raise
            finally:
                self._db.user = service_user
            self._db.commit()
            return result

        return run
