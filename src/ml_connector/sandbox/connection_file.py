"""The text of a connection file that joins the two simulated systems, complete so that nothing else is asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ml_connector.sandbox.world import World

REALM = "kestrelprod"
"""The IAM realm of the simulated IFS tenant; not the host name (facts/ifs.md 3)."""
IFS_CLIENT_ID = "ml-connector"
_TYPES = (("411*", "M"), ("412*", "S"), ("413*", "E"), ("414*", "L"), ("415*", "O"))


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

[projects]
system = "procore"
url = "{procore_url}"
login_url = "{procore_url}"
company_id = "{world.procore_company_id}"
client_id = "{keys.procore_client_id}"
client_secret = "{keys.procore_client_secret}"

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
    policies = """
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
"""
    return head + rows + budgets + policies


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
