"""Every system and every flow, one line each: open this file to see all the product can do."""

from __future__ import annotations

from ml_connector.systems.ifs.opening import open_ifs
from ml_connector.systems.ifs.profile import profile_from
from ml_connector.systems.procore.opening import open_procore

ERP_SYSTEMS = {"ifs": open_ifs}
"""Name in a connection file's [erp] to what opens it."""

ERP_PROFILES = {"ifs": profile_from}
"""The same name to what reads its [erp.profile]; BadInput when that cannot be used."""

PROJECTS_SYSTEMS = {"procore": open_procore}
"""Name in a connection file's [projects] to what opens it."""

FLOWS = {
    "projects": "IFS projects find their Procore projects; none is created.",
    "vendors": "Suppliers of open orders find or get their Procore vendor.",
    "cost_codes": "Code strings in use become cost codes and budget codes, and follow what is renamed or ends in IFS.",
    "dimensions": "Cost codes made in Procore become code part values in IFS, where the code part allows it.",
    "purchase_orders": "IFS orders become purchase order contracts with their schedule of values.",
    "budgets": "IFS project estimates become the original budget of Procore projects.",
    "supplier_invoices": "IFS supplier invoices become subcontractor invoices or direct costs, each line in one place.",
    "payments": "Posted IFS payments are mirrored on the commitments' invoices.",
    "subcontractor_invoices": "Subcontractor invoices written in Procore become vouchers or requisitions in IFS.",
    "direct_costs": "Direct costs entered in Procore become vouchers in IFS.",
}
"""Flow to what it does, in the order in which they depend on each other."""
