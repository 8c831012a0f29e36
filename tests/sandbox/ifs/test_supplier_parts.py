"""A supplier written whole: general part, address, purchase, invoice and payment data in one change set."""

from __future__ import annotations

from .office import act, make_office, post, refused
from .test_batch import change_set, part

SUPPLIERS = "SupplierHandling.svc"
TERMS = {"Company": "10", "GroupId": "STD", "DefCurrency": "USD", "PayTermId": "30"}
ADDRESS = {"AddressId": "1", "Name": "New Beams Co", "Country": "US", "City": "Gary"}


def send(*parts: str) -> tuple[list[str], dict[str, int]]:
    tenant = make_office()
    body = f"--batch\r\n{change_set(*parts)}\r\n--batch--\r\n"
    kind = "multipart/mixed; boundary=batch"
    text = tenant.call("POST", f"{SUPPLIERS}/$batch", body.encode(), content_type=kind).body.decode()
    return [line for line in text.splitlines() if line.startswith("HTTP/1.1")], tenant.face.summary()


def test_all_parts_in_one_change_set_with_a_number_from_the_series() -> None:
    statuses, summary = send(
        part("POST", "SupplierInfoGeneralSet", {"Name": "New Beams Co"}, content_id="1"),
        part("POST", "$1/SupplierInfoAddresses", ADDRESS, content_id="2"),
        part("POST", "$2/AddressTypes", {"AddressTypeCode": "Pay", "DefAddress": True}),
        part("POST", "$2/AddressCommunicationMethods", {"MethodId": "EMail", "Value": "ap@beams.example"}),
        part("POST", "$1/SupplierPurchases", {"CurrencyCode": "USD", "SuppGrp": "STD", "PayTermId": "30"}),
        part("POST", "$1/SupplierInvoiceCompanies", TERMS),
        part("POST", "$1/SupplierPayments", {"Company": "10", "DefaultPaymentMethod": "CHK"}, content_id="7"),
        part("POST", "$7/PaymentWayArray", {"WayId": "CHK", "DefaultPaymentWay": True}),
    )
    assert [line.split()[1] for line in statuses] == ["201"] * 8
    assert (summary["SupplierInfoGeneral"], summary["IdentityPayInfo"], summary["PaymentWayPerIdentity"]) == (4, 1, 1)


def test_one_bad_part_leaves_nothing_behind() -> None:
    statuses, summary = send(
        part("POST", "SupplierInfoGeneralSet", {"Name": "New Beams Co"}, content_id="1"),
        part("POST", "$1/SupplierInvoiceCompanies", {**TERMS, "PayTermId": "never"}),
    )
    assert [line.split()[1] for line in statuses] == ["400"]
    assert summary["SupplierInfoGeneral"] == 3


def test_a_supplier_with_invoices_stays() -> None:
    tenant = make_office()
    made = post(tenant, f"{SUPPLIERS}/SupplierInfoGeneralSet", {"Name": "New Beams Co"})
    url = f"{SUPPLIERS}/SupplierInfoGeneralSet('{made['SupplierId']}')"
    post(tenant, f"{url}/SupplierInvoiceCompanies", TERMS)
    line = {"codes": {"A": "4110"}, "amount": 10}
    act(tenant, "register_invoice", supplier_id=made["SupplierId"], invoice_no="1", lines=[line])
    assert refused(tenant, tenant.call("DELETE", url, if_match="*")) == "SupplierInfoGeneral.CONSTRAINT"
