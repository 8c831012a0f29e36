"""The company's own row, for what of it some other reading needs."""

from __future__ import annotations

from ml_connector.systems.ifs.odata import Odata, Reading, text_literal
from ml_connector.systems.ifs.set_profile import SetProfile


def company_reading(odata: Odata, where: SetProfile, company: str, what: str) -> Reading:
    """How the row of `company` is read; `what` says in a refusal what could not be done."""
    return odata.reading(where, what, f"{where.name('id')} eq {text_literal(company)}")
