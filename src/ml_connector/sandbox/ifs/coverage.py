"""What the simulated IFS does and what it refuses, operation by operation, for the published coverage page."""

from __future__ import annotations

from collections.abc import Iterator

from ml_connector.sandbox.ifs.catalog import MEMBERS_NOT_MODELLED, NOT_MODELLED, PROJECTIONS

_VERBS = (("C", "create"), ("R", "read"), ("U", "change"), ("D", "remove"))

_SECOND_HALF = (
    (
        "account demands, combination rules, budget-only values",
        "modelled",
        "on vouchers and invoices, not on order lines",
    ),
    ("requisition release and conversion", "modelled", "CreateRequisitionLineToOrder: parameter Selection guessed"),
    ("requisition approval routing", "refused", "its states exist and are never reached"),
    ("receipts", "modelled", "names guessed; read only, people receive by the act receive_goods"),
    ("receipt vouchers", "refused", "a receipt posts nothing; its invoice posts the cost account of the order line"),
    ("supplier invoices", "modelled", "best candidate names of facts 11.5; others by missing_projections"),
    ("ManSuppInvoice_Post, _Authorize, _Cancel, _MatchReceipts", "modelled", "names guessed"),
    ("matching tolerances, posting proposals, external and incoming invoices", "refused", "settings without effect"),
    (
        "supplier ledger",
        "modelled",
        "an item an instalment: LedgerItemId is the invoice id, the version counts instalments",
    ),
    ("payments", "modelled", "series SUPAY, by the acts pay_invoice and run_payment; no exchange differences"),
    ("posting control", "modelled", "meanings of posting types invented; fixed value or by tax code"),
    (
        "voucher entry assistant",
        "modelled",
        "drafts are checked by ValidateVoucherPosting(Objkey) and CreateVoucher only",
    ),
    ("voucher events", "modelled", "CancelApprove read as taking an approval back; cancelling is an act"),
    ("approval workflow", "modelled", "two approvers, whatever the rule"),
    ("general ledger update", "modelled", "by the act gl_update; reading sets have guessed names"),
    ("internal ledgers, parallel currency, interim and multi-company vouchers", "refused", "attributes stay empty"),
    ("project cost", "modelled", "estimated (planned is the same), commitments, used, actual; the rest is empty"),
    ("history log", "modelled", "for the logical units in the switch history_log"),
)
_GENERAL = (
    (
        "POST /auth/realms/REALM/protocol/openid-connect/token",
        "modelled",
        "client_credentials; secret in form or header",
    ),
    ("POST token with password or authorization_code", "refused", "400 unauthorized_client"),
    ("GET /auth/realms/REALM/.well-known/openid-configuration", "modelled", "names the token endpoint"),
    ("channel main, int", "modelled", "the same services under both"),
    ("channel b2b", "refused", "501"),
    ("GET NAME.svc/", "modelled", "service document"),
    ("GET NAME.svc/$metadata", "modelled", "EDMX 4.0 from the declarations that serve the data"),
    ("GET NAME.svc/$openapi", "refused", "501"),
    (
        "GET AllProjections.svc/Projections",
        "modelled",
        "ProjectionName, Description, Category, ApiClass (names guessed)",
    ),
    ("GET FrameworkServices.svc/GetCurrentUserInformation()", "modelled", "member names guessed"),
    (
        "POST NAME.svc/$batch",
        "modelled",
        "multipart, atomic change sets, $1 in address and If-Match, continue-on-error",
    ),
    ("POST NAME.svc/$batch with a JSON body", "refused", "400"),
    ("$filter comparisons, and, or, not", "modelled", "gt, ge, lt, le are false beside null"),
    ("$filter add, sub, mul, div", "modelled", "numbers only"),
    ("$filter text functions", "modelled", "contains can be switched off"),
    ("$filter year, month, day, hour, minute, second, date, time, now", "modelled", ""),
    ("$filter cast to Edm.String", "modelled", "other casts: 501"),
    ("$filter in, has, mod, round, floor, ceiling, any, all, geo, durations", "refused", "501, `has` 400"),
    ("$filter over a navigation", "refused", "501"),
    ("$select, $orderby, $top, $skip, $count", "modelled", "$orderby by attributes only"),
    ("$expand of a reference with $select", "modelled", "ManagerRef, ProjectRef"),
    ("$expand of an array", "refused", "501"),
    ("$apply, $search, $compute, $format", "refused", "501"),
    ("$skiptoken", "modelled", "only as found in a next link"),
    ("If-Match", "modelled", "428, 412, `*` by switch"),
    ("If-None-Match", "refused", "501"),
    ("PUT", "refused", "501; the field uses PATCH"),
    ("PATCH without If-Match", "modelled", "428, or upsert by switch"),
    ("deep insert", "refused", "501"),
    ("address of one property, $value, $ref, $count as a path", "refused", "501"),
    ("ENTITY_Default()", "modelled", "on sets and arrays; series numbers are not drawn"),
    ("PurchaseOrder_Release, _Confirm, _StopOrder, _Cancel, _Close", "modelled", "class 20110 from a wrong state"),
    ("PurchaseOrderLine..._Cancel, _Close", "modelled", "the header follows its lines"),
    ("purchase change orders, charges, stage payments", "refused", "404, no such set"),
    ("taxes on order lines", "refused", "tax amounts are zero and cannot be typed"),
    ("currency rates", "modelled", "fixed and invented; EUR 1.10 USD; Nordic ones quoted for a hundred"),
    (
        "code values on order lines",
        "modelled",
        "must exist and be valid today; those loaded with the world may be wrong",
    ),
    *_SECOND_HALF,
    ("custom fields Cf_*", "refused", "400, unknown property"),
    ("X-Ifs-Time-Zone-Aware-Request", "modelled", "accepted without effect: no modelled service is time-zone-aware"),
    ("Prefer: odata.maxpagesize, wait, track-changes", "modelled", "accepted without effect, none being documented"),
    ("time limits, 504", "refused", "only as an injected fault"),
)


def _sets() -> Iterator[tuple[str, str, str]]:
    for one in PROJECTIONS.values():
        for entity_set in one.sets:
            verbs = ", ".join(name for letter, name in _VERBS if letter in entity_set.crud)
            note = f"{verbs}; must be activated" if one.entity_service else verbs
            yield f"GET {one.name}.svc/{entity_set.name}", "modelled", note
        for entity in one.entities:
            for nav in entity.navs:
                kind = "array" if nav.many else "reference"
                yield f"{one.name}.svc {entity.name}/{nav.name}", "modelled", kind
            for bound in (*entity.events, *(action.name for action in entity.actions)):
                yield f"POST {one.name}.svc {entity.name}_{bound}", "modelled", "bound, with If-Match"
        for action in one.actions:
            yield f"POST {one.name}.svc/{action.name}", "modelled", "unbound"


COVERAGE: tuple[tuple[str, str, str], ...] = (
    *_GENERAL,
    *_sets(),
    *((f"GET {name}.svc/", "refused", "501, service not modelled") for name in sorted(NOT_MODELLED)),
    *((f"member {name}", "refused", "501, member not modelled") for name in sorted(MEMBERS_NOT_MODELLED)),
)
"""Operation, `modelled` or `refused`, and a note. Sets, navigations and missing services come from the declarations."""
