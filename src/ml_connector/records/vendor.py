"""A vendor: IFS calls it supplier, Procore a company in its directory."""

from __future__ import annotations

import msgspec


class Vendor(msgspec.Struct, frozen=True):
    """A vendor. IFS owns every field here; Procore's own fields (trades, contacts) are not ours to hold."""

    id: str
    name: str
    tax_number: str | None
    """Tax or company registration number as written by its system (US: the EIN)."""
    country: str | None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    email: str | None = None
    phone: str | None = None
    active: bool = True
    purchasable: bool = True
    """False where IFS holds no purchase data, so that no order can name it."""
    origin: str | None = None
    """The once-key found on the other side's record, if any."""
    blocked: bool = False
    """True where IFS holds it back from payment, as it does with one that was only proposed."""
    stamp: str = ""
    """The other side's last-changed mark, compared for equality only; empty where it has none."""
    there: tuple[tuple[str, str | None], ...] = ()
    """In what was last agreed only: the other side's own values (field, value) where they stay another. Never sent."""


class ProjectVendor(msgspec.Struct, frozen=True):
    """A vendor's membership in one project's directory; both ids are IFS ids."""

    vendor: str
    project: str
