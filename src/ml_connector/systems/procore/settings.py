"""What the room must be told about one Procore company, and the limits its calls keep."""

from __future__ import annotations

from enum import Enum

import msgspec


class BudgetList(Enum):
    """Where the budget lines of a project are read (facts/procore.md 12)."""

    AUTO = "auto"
    """The v2.0 list first; the detail rows of a budget view where that is missing."""
    LINES = "lines"
    """Only the v2.0 list of budget lines (beta)."""
    VIEWS = "views"
    """Only the detail rows of the first budget view."""


class UnknownUnit(Enum):
    """What happens to a unit of measure the Procore company does not list (facts/procore.md 7.3)."""

    CREATE = "create"
    """It is added to the company's list; needs company Admin."""
    REFUSE = "refuse"
    """The contract is refused with a remedy."""


class ProcoreSettings(msgspec.Struct, frozen=True):
    """One Procore company as we reach it. `url` and `login_url` are bare hosts such as https://api.procore.com."""

    url: str
    login_url: str
    company_id: str
    page_size: int = 1000
    """Rows asked for in one page where the endpoint sets no lower cap; Procore recommends at most 2,000."""
    batch_rows: int = 1000
    """Rows sent in one sync call; Procore takes at most 1,000."""
    max_pages: int = 2000
    """Pages read of one list before we stop and say so."""
    budget_list: BudgetList = BudgetList.AUTO
    unknown_unit: UnknownUnit = UnknownUnit.CREATE
    cost_code_delimiter: str = "-"
    """Between the tiers of a cost code, where the project does not state its own."""


PRODUCTION = {
    "https://api.procore.com": "production",
    "https://sandbox.procore.com": "developer sandbox",
    "https://api-monthly.procore.com": "monthly sandbox (overwritten on the first working day of each month)",
    "https://api.procoregov.com": "federal",
}
"""API host to the environment it is (facts/procore.md 1); an on-demand sandbox is a company in production."""

ENVIRONMENTS = {
    "https://api.procore.com": ("Production", "https://login.procore.com"),
    "https://sandbox.procore.com": ("Developer sandbox", "https://login-sandbox.procore.com"),
    "https://api-monthly.procore.com": ("Monthly sandbox", "https://login-sandbox-monthly.procore.com"),
    "https://api.procoregov.com": ("Federal", "https://login.procoregov.com"),
}
"""API host to what the environment is called and the host that gives its tokens (facts/procore.md 1)."""


def environment_of(url: str) -> str:
    """Which of Procore's environments an address is, in a sentence."""
    kind = PRODUCTION.get(url.rstrip("/"))
    if kind is None:
        return f"{url} is none of Procore's own addresses: a simulation or a proxy."
    return f"{url} is Procore's {kind} environment."
