"""The text of a connection file that joins the two simulated systems, complete so that nothing else is asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ml_connector.sandbox.world import World

REALM = "kestrelprod"
"""The IAM realm of the simulated IFS tenant; not the host name (facts/ifs.md 3)."""
IFS_CLIENT_ID = "ml-connector"
_TYPES = (("411*", "M"), ("412*", "S"), ("413*", "E"), ("414*", "L"), ("415*", "O"))

_ACTIVITY_OF_DIVISIONS = {
    "010": ("01",),
    "030": ("02", "03", "31", "32", "33"),
    "040": ("04", "05"),
    "050": ("07", "08", "09"),
    "060": ("21", "22", "23", "26"),
    "070": ("14", "41"),
}
"""Activity number to the divisions of cost codes that are built under it; preparation is over, start-up not begun."""

_POLICIES = """
[policy.projects]
link = "auto"

[policy.vendors]
name_match = "link"
create = "auto"

[policy.cost_codes]
create = "auto"

[policy.purchase_orders]
unbudgeted = "allow"
foreign_currency = "send"
approve = "auto"

[policy.supplier_invoices]
retention_accounts = ["2030"]

[policy.subcontractor_invoices]
requisitioner = "MARTA_HALE"

[policy.vouchers]
clearing_account = "2020"
retention_account = "2030"
"""
"""What the sandbox's connection lets happen by itself."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client signs in with at both simulated systems. Made from the seed, worth nothing anywhere else."""

    ifs_client_id: str
    ifs_client_secret: str
    procore_client_id: str
    procore_client_secret: str


def credentials(seed: int) -> Credentials:
    """The credentials of a sandbox with that seed; equal seeds give equal ones."""
    procore = _digest("procore-id", seed)
    return Credentials(
        IFS_CLIENT_ID,
        f"sandbox-ifs-{_digest('ifs', seed)}",
        f"sandbox-{procore}",
        f"sandbox-procore-{_digest('procore', seed)}",
    )


def connection_text(world: World, ifs_url: str, procore_url: str) -> str:
    """A TOML file for `ml-connector connection add NAME --from PATH`: both addresses, mappings and policies."""
    keys = credentials(world.seed)
    head = f"""\
format = 1

[connection]
title = "{world.company_name} (sandbox)"
erp_company = "{world.company}"
time_zone = "America/Chicago"
go_live = "2026-01-01"

[erp]
system = "ifs"
url = "{ifs_url}"
realm = "{REALM}"
channel = "int"
client_id = "{keys.ifs_client_id}"
client_secret = "{keys.ifs_client_secret}"
# Never so on a real system: the simulated ones do nothing after they were given up, unless a fault tells them to.
grace = 0

[projects]
system = "procore"
url = "{procore_url}"
login_url = "{procore_url}"
company_id = "{world.procore_company_id}"
client_id = "{keys.procore_client_id}"
client_secret = "{keys.procore_client_secret}"
grace = 0

[mapping.cost_code]
parts = ["B"]
join = "-"
otherwise = "same"

[mapping.cost_type]
parts = ["A"]
join = "-"
otherwise = "refuse"
"""
    rows = "".join(f'\n[[mapping.cost_type.row]]\nA = "{account}"\nto = "{to}"\n' for account, to in _TYPES)
    budgets = "".join(
        f'\n[mapping.budget_{name}]\nparts = ["element"]\notherwise = "refuse"\n'
        + "".join(f'\n[[mapping.budget_{name}.row]]\nelement = "{pattern}"\nto = "{to}"\n' for pattern, to in found)
        for name, found in _budget_rows(world).items()
    )
    places = "\n[policy.subcontractor_invoices.site]\n" + "".join(
        f'{site.project_id} = "{site.site}"\n' for site in world.sites
    )
    return head + rows + budgets + _reverse_rows() + _POLICIES + places


def _reverse_rows() -> str:
    """The way back: which activity a cost code's division is posted to, and which of two accounts is for materials;
    the other code parts follow from the mapping."""
    return "".join(
        f'\n[[mapping.reverse.row]]\ncost_code = "{division}-*"\n{more}activity = "{activity}"\n'
        for activity, divisions in _ACTIVITY_OF_DIVISIONS.items()
        for division in divisions
        for more in ('cost_type = "M"\nA = "4110"\n', "")
    )


def _budget_rows(world: World) -> dict[str, list[tuple[str, str]]]:
    """Patterns of cost elements such as `03-310-M`, and the cost code or type they lead to."""
    if not world.estimates:
        return {}
    codes = sorted({one.value for one in world.code_values if one.code_part == "B"})
    return {
        "code": [(f"{code}-*", code) for code in codes],
        "type": [(f"*-{code}", code) for code, _, _ in world.cost_types],
    }


def _digest(purpose: str, seed: int) -> str:
    return hashlib.sha256(f"ml-connector sandbox {purpose} {seed}".encode()).hexdigest()[:24]
