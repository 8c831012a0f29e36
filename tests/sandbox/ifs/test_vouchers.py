"""Vouchers of the simulated IFS: entry, hold table, approval, ledger update, and every rule that refuses one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .office import (
    ALWAYS,
    ASSISTANT,
    COST,
    VOUCHERS,
    act,
    balanced,
    create,
    draft,
    enter,
    event,
    make_office,
    post,
    put,
    refused,
)
from .tenant import STRINGS, Tenant
from .test_batch import change_set, part

ACCOUNTS = "AccountHandling.svc/AccountSet"
ACCOUNT = f"{ACCOUNTS}(Company='10',Account='4110')"
TYPE = "VoucherTypeHandling.svc/VoucherTypes(Company='10',VoucherType='M')"
Prepare = Callable[[Tenant], Any]


def account(**changes: Any) -> Prepare:
    return lambda tenant: put(tenant, ACCOUNT, **changes)


def acting(name: str, /, **given: Any) -> Prepare:
    return lambda tenant: act(tenant, name, **given)


def combination(**changes: Any) -> Prepare:
    body = {"Company": "10", "CombRuleId": 1, "AllowedOrBlocked": "Blocked", **changes}
    return lambda tenant: post(tenant, "CombinationRulesHandling.svc/AccountingCodestrCombSet", body)


def budget_code(tenant: Tenant) -> None:
    put(tenant, "CodeBHandling.svc/CodeBSet(Company='10',CodeB='03-310')", BudgetValue="BudgetAccount")


def ready(tenant: Tenant) -> None:
    """Nothing is prepared."""


def test_a_voucher_is_drafted_created_and_found_by_its_reference() -> None:
    tenant = make_office()
    url = draft(tenant, *balanced(ReferenceSerie="PROCORE", ReferenceNumber="DC-77", Text="Concrete"))
    assert tenant.get("VouchersAnalysis.svc/VoucherSet")["value"] == []
    answer = create(tenant, url)
    assert (answer.status, json.loads(answer.body)["value"]) == (200, 2026000001)
    found = tenant.get("VoucherRowsAnalysis.svc/VoucherRowSet?$filter=ReferenceNumber eq 'DC-77'")["value"]
    assert [(row["VoucherNo"], row["Account"], row["Amount"], row["ProjectId"]) for row in found] == [
        (2026000001, "4110", 100, "P-2401")
    ]
    held = tenant.get(f"{VOUCHERS}(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo=2026000001)")
    assert (held["Objstate"], held["VoucherStatus"], held["AccountingPeriod"], held["Balance"]) == (
        "Waiting", "NotApproved", 9, 0,
    )  # fmt: skip
    assert (held["Userid"], held["UserGroup"]) == ("ML_CONNECTOR", "AI")
    assert refused(tenant, create(tenant, url)) == "VoucherEntry.ALREADYCREATED"
    for method, address, body in (("PATCH", url, {"VoucherText2": "x"}), ("POST", f"{url}/VoucherPostingArray", COST)):
        assert refused(tenant, tenant.call(method, address, body, if_match="*")) == "VoucherEntry.ALREADYCREATED"
    assert event(tenant, url, "RemoveTempVoucher").status == 204
    assert tenant.call("GET", url).status == 404
    assert tenant.get(VOUCHERS)["value"], "cleaning up the draft leaves the voucher"


def test_create_answers_with_a_string_under_ieee754_and_needs_a_tag() -> None:
    tenant = make_office(voucher_draft_after_create="remove")
    url = draft(tenant, *balanced())
    action = f"{url}/IfsApp.VoucherEntryAssistantHandling.VoucherEntry_CreateVoucher"
    assert tenant.call("POST", action, {}).status == 428
    assert tenant.call("POST", action, {}, if_match='W/"x"').status == 412
    assert tenant.call("POST", action, {"Wish": 1}, if_match="*").status == 400
    answer = tenant.call("POST", action, {}, if_match="*", accept=STRINGS)
    assert json.loads(answer.body)["value"] == "2026000001"
    assert tenant.call("GET", url).status == 404, "the switch removes a used draft"


def test_a_whole_voucher_fits_in_one_change_set() -> None:
    tenant = make_office()
    create_it = "$1/IfsApp.VoucherEntryAssistantHandling.VoucherEntry_CreateVoucher"
    inner = change_set(
        part("POST", "VoucherSet", {"VoucherType": "M"}, content_id="1"),
        *(part("POST", "$1/VoucherPostingArray", row) for row in balanced()),
        part("POST", create_it, {}, If_Match="$1"),
    )
    kind = "multipart/mixed; boundary=batch"
    answer = tenant.call("POST", f"{ASSISTANT}/$batch", f"--batch\r\n{inner}\r\n--batch--".encode(), content_type=kind)
    assert [line.split()[1] for line in answer.body.decode().splitlines() if line.startswith("HTTP/1.1")] == [
        "201", "201", "201", "200",
    ]  # fmt: skip
    assert tenant.column(VOUCHERS, "VoucherNo") == [2026000001]


def test_numbers_typed_by_the_caller_are_taken_once() -> None:
    tenant = make_office()
    number, url = enter(tenant, VoucherType="X", VoucherNo=77)
    assert (number, tenant.get(url)["VoucherNo"]) == (77, 77)
    again = create(tenant, draft(tenant, *balanced(), VoucherType="X", VoucherNo=77))
    assert refused(tenant, again) == "Voucher.EXIST"
    assert len(tenant.get(f"{url}/VoucherRowArray")["value"]) == 2


def test_vouchers_cannot_be_created_where_they_are_kept() -> None:
    tenant = make_office()
    assert tenant.call("POST", VOUCHERS, {"Company": "10", "VoucherType": "M"}).status == 405
    _, url = enter(tenant)
    assert tenant.call("DELETE", url, if_match="*").status == 405


def test_abandoned_drafts_are_purged() -> None:
    tenant = make_office()
    old = draft(tenant, COST)
    tenant.clock.set(tenant.clock().replace(day=18))
    tenant.sign_in()
    draft(tenant)
    assert tenant.call("GET", old).status == 404
    assert tenant.face.summary().get("VoucherPostingVirtual", 0) == 0


HEADS: list[tuple[Prepare, dict[str, Any], str]] = [
    (acting("close_period", month="2026-09"), {}, "AccountingPeriod.PERCLOSED"),
    (acting("close_period", month="2026-09", user_group="AI"), {}, "UserGroupPeriod.NOTOPENPERIOD"),
    (ready, {"VoucherDate": "2031-01-01"}, "VoucherTypeUserGroup.NOTEXIST"),
    (ready, {"VoucherNo": 7}, "Voucher.NOTMANUAL"),
    (ready, {"VoucherType": "X"}, "Voucher.NULLVALUE"),
    (ready, {"VoucherType": "Q"}, "VoucherType.NOTEXIST"),
    (ready, {"UserGroup": "AC"}, "UserGroupMemberFinance.NOTEXIST"),
    (ready, {"UserGroup": "AP"}, "Voucher.APPROVEONLYVOUENTRY"),
    (ready, {"VoucherStatus": "Cancelled"}, "VoucherEntry.INVALIDSTATUS"),
    (acting("set_company", template_company=True), {}, "Voucher.TEMPLATECOMP"),
    (lambda tenant: put(tenant, TYPE, SeparateUserApproval=True), {"VoucherStatus": "Approved"}, "Voucher.SEPUSERAPP"),
]


@pytest.mark.parametrize(("prepare", "head", "constant"), HEADS)
def test_rules_of_the_head(prepare: Prepare, head: dict[str, Any], constant: str) -> None:
    tenant = make_office()
    prepare(tenant)
    before = tenant.face.summary()
    url = draft(tenant, *balanced(), **head)
    assert refused(tenant, create(tenant, url)) == constant
    assert tenant.face.summary().get("Voucher") == before.get("Voucher")


def test_no_period_at_all_is_open_or_there() -> None:
    tenant = make_office()
    for year in (2026, 2027):
        for month in range(1, 13):
            act(tenant, "close_period", month=f"{year}-{month:02}", user_group="AI")
    assert refused(tenant, create(tenant, draft(tenant, *balanced()))) == "UserGroupPeriod.NOOPENPERIODSERROR"
    act(tenant, "open_period", month="2026-08", user_group="AI")
    assert refused(tenant, create(tenant, draft(tenant, *balanced()))) == "UserGroupPeriod.NOTOPENPERIOD"
    right = {
        "Company": "10",
        "AccountingYear": 2031,
        "UserGroup": "AI",
        "VoucherType": "M",
        "AuthorizeLevel": "Approved",
    }
    post(tenant, "UserGroupPerVoucherSeriesHandling.svc/VoucherTypeUserGroupSet", right)
    late = draft(tenant, *balanced(), VoucherDate="2031-01-01")
    assert refused(tenant, create(tenant, late)) == "AccountingPeriod.NOTOPENPERIOD"


@pytest.mark.parametrize("status", ["Approved", "AwaitingApproval"])
def test_what_waits_for_approval_must_balance(status: str) -> None:
    tenant = make_office()
    row = {**COST, "CurrencyDebetAmount": 100}
    refusal = refused(tenant, create(tenant, draft(tenant, row, VoucherStatus=status)))
    assert refusal == "Voucher.AWAITINGAPPROVALMUSTBEBALANCE"
    _, url = enter(tenant, row)
    assert refused(tenant, event(tenant, url, "ReadyApprove")) == "Voucher.AWAITINGAPPROVALMUSTBEBALANCE"
    assert refused(tenant, event(tenant, url, "ReadyToUpdate")) == "Voucher.AWAITINGAPPROVALMUSTBEBALANCE"


DEBIT = {"CurrencyDebetAmount": 100}
TAXED = {**DEBIT, "OptionalCode": "TAX7", "TaxDirection": "TaxReceived", "CurrencyTaxAmount": 7}
ROWS: list[tuple[Prepare, dict[str, Any], str]] = [
    (ready, {**DEBIT, "CurrencyCreditAmount": 1}, "VoucherRow.INCORRECTAMOUNTS"),
    (ready, {}, "VoucherRow.NOAMOUNT"),
    (ready, {**DEBIT, "CurrencyRate": 2}, "VoucherRow.BASECURRSAME"),
    (ready, {**DEBIT, "CurrencyCode": "EUR", "CurrencyRate": -1}, "VoucherRow.NEGATIVECURRRATE"),
    (ready, {**DEBIT, "CurrencyCode": "XTS", "CurrencyRate": 1}, "CurrencyCode.NOTEXIST"),
    (ready, {**TAXED, "TaxDirection": None}, "VoucherRow.NOTAXDIRECTION"),
    (ready, {**TAXED, "OptionalCode": None}, "VoucherRow.TAXCODENULL"),
    (ready, {**DEBIT, "CurrencyTaxAmount": 7}, "VoucherRow.TAXCODENULL"),
    (ready, {**DEBIT, "TaxDirection": "TaxReceived"}, "VoucherRow.TAXCODENULL"),
    (ready, {**TAXED, "CurrencyTaxAmount": None}, "VoucherRow.TAXAMOUNTNULL"),
    (ready, {**TAXED, "OptionalCode": "TAX99"}, "StatutoryFee.NOTEXIST"),
    (account(TaxHandlingValue="Blocked"), TAXED, "Account.TAXCODEBLOCKED"),
    (account(TaxCodeMandatory=True), DEBIT, "Account.TAXCODEMANDATORY"),
    (ready, {**DEBIT, "Account": "9999"}, "Account.NOTEXIST"),
    (ready, {**DEBIT, "CodeB": "77-777"}, "CodeB.NOTEXIST"),
    (ready, {**DEBIT, "CodeG": "X"}, "CodeG.ISNOTUSED"),
    (acting("expire_code_value", code_part="B", value="03-310"), DEBIT, "CodeB.NOTVALID"),
    (account(ReqCodeC="Mandatory"), DEBIT, "Account.MANDCODEPARTC"),
    (account(ReqCodeB="Blocked"), DEBIT, "Account.BLOCKCODEPARTB"),
    (account(ReqQuantity="Mandatory"), DEBIT, "Account.MANDQUANTITY"),
    (account(ReqText="Mandatory"), DEBIT, "Account.MANDTEXT"),
    (account(ReqProcessCode="Blocked"), {**DEBIT, "ProcessCode": "10"}, "Account.BLOCKPROCESSCODE"),
    (combination(Account="41%", CodeB="03-%"), DEBIT, "AccountingCodestrComb.COMBBLOCKED"),
    (ready, {**DEBIT, "ProjectActivityId": None}, "VoucherRow.PROJACTIMANDATORY"),
    (ready, {**DEBIT, "ProjectActivityId": 5}, "VoucherRow.ACTIVITYINVALID"),
    (acting("set_activity_state", activity_seq=100012, state="Planned"), DEBIT, "VoucherRow.ACTIDNOTPOSTABLE"),
    (acting("set_activity_state", activity_seq=100012, state="Closed"), DEBIT, "VoucherRow.ACTIDNOTPOSTABLE"),
    (acting("set_activity_state", activity_seq=100012, state="Cancelled"), DEBIT, "VoucherRow.ACTIDNOTPOSTABLE"),
    (ready, {**DEBIT, "CodeE": None}, "VoucherRow.NOPROJSPECIFIED"),
    (account(ExcludeProjFollowup=True), DEBIT, "VoucherRow.PROJACTINOTNULL"),
    (acting("complete_financial_project", project_id="P-2401"), DEBIT, "AccountingProject.COMPLETEDFINPROJ"),
    (account(BudAccount="Yes"), DEBIT, "Account.BUDACCONLY"),
    (budget_code, DEBIT, "CodeB.BUDCODEPARTONLY"),
    (account(LedgFlag="LedgerAccount"), DEBIT, "Account.LEDGERACCOUNT"),
]


@pytest.mark.parametrize(("prepare", "row", "constant"), ROWS)
def test_rules_of_a_posting(prepare: Prepare, row: dict[str, Any], constant: str) -> None:
    tenant = make_office()
    prepare(tenant)
    url = draft(tenant, {**COST, **row})
    drafted = tenant.get(f"{url}/VoucherPostingArray")["value"][0]["Objkey"]
    checked = tenant.call("POST", f"{ASSISTANT}/ValidateVoucherPosting", {"Objkey": drafted})
    assert refused(tenant, checked) == constant
    assert refused(tenant, create(tenant, url)) == constant
    assert "Voucher" not in tenant.face.summary()


def test_what_the_rules_let_pass() -> None:
    tenant = make_office()
    combination(Account="41%", CodeB="05-%")(tenant)
    act(tenant, "add_code_value", code_part="E", value="LEDGERPROJ")
    url = draft(tenant, {**COST, **DEBIT}, {**COST, "CodeE": "LEDGERPROJ", "ProjectActivityId": None, "Quantity": 3})
    for row in tenant.get(f"{url}/VoucherPostingArray")["value"]:
        post(tenant, f"{ASSISTANT}/ValidateVoucherPosting", {"Objkey": row["Objkey"]}, status=204)
    assert create(tenant, url).status == 200, "a project of the ledger needs no activity; a quantity is enough"


def test_foreign_amounts_and_quotes_for_a_hundred() -> None:
    tenant = make_office()
    _, url = enter(tenant, {**COST, "CurrencyCode": "SEK", "CurrencyDebetAmount": 1000})
    row = tenant.get(f"{url}/VoucherRowArray")["value"][0]
    assert (row["CurrencyRate"], row["ConversionFactor"], row["DebetAmount"]) == (9.5, 100, 95)


@pytest.mark.parametrize(("method", "gross", "net"), [("NetAmountEntry", 107, 100), ("GrossAmountEntry", 100, 93)])
def test_tax_rows_come_by_themselves(method: str, gross: float, net: float) -> None:
    tenant = make_office()
    rows = ({**COST, **TAXED}, {"Account": "2010", "CurrencyCreditAmount": gross})
    _, url = enter(tenant, *rows, AmountMethod=method, VoucherStatus="AwaitingApproval")
    shown = [
        (row["Account"], row["Amount"], row["AutoTaxVouEntry"])
        for row in tenant.get(f"{url}/VoucherRowArray?$orderby=RowNo")["value"]
    ]
    assert shown == [("4110", net, False), ("2410", 7, True), ("2010", -gross, False)]


def test_states_and_what_may_be_changed_in_them() -> None:
    tenant = make_office()
    _, url = enter(tenant)
    put(tenant, url, VoucherText2="corrected")
    post(tenant, f"{url}/VoucherPostingArray", {**COST, "CurrencyDebetAmount": 5})
    assert tenant.get(url)["Balance"] == 5
    row = tenant.get(f"{url}/VoucherPostingArray?$orderby=RowNo desc")["value"][0]
    key = f"Company='10',VoucherType='M',AccountingYear=2026,VoucherNo={row['VoucherNo']},RowNo={row['RowNo']}"
    bad = tenant.call("PATCH", f"{url}/VoucherPostingArray({key})", {"CodeB": "77-777"}, if_match="*")
    assert refused(tenant, bad) == "CodeB.NOTEXIST"
    assert tenant.call("DELETE", f"{url}/VoucherPostingArray({key})", if_match="*").status == 204
    for name, status in (
        ("ReadyApprove", "AwaitingApproval"),
        ("DelayUpdate", "NotApproved"),
        ("ReadyToUpdate", "Approved"),
        ("CancelApprove", "AwaitingApproval"),
        ("ReadyToUpdate", "Approved"),
    ):
        assert event(tenant, url, name).status == 204
        assert tenant.get(url)["VoucherStatus"] == status
    assert refused(tenant, event(tenant, url, "ReadyToUpdate")) == "Voucher.FND_STATE"
    assert (
        refused(tenant, tenant.call("PATCH", url, {"VoucherText2": "x"}, if_match="*")) == "Voucher.CANTMODIFYAPPROVED"
    )
    late = tenant.call("POST", f"{url}/VoucherPostingArray", {**COST, **DEBIT})
    assert refused(tenant, late) == "Voucher.CANTMODIFYAPPROVED"
    state = "IfsApp.VoucherHandling.VoucherState'Confirmed'"
    assert len(tenant.get(f"{VOUCHERS}?$filter=Objstate eq {state}")["value"]) == 1


def test_a_cancelled_voucher_and_one_of_a_sub_ledger_stay_as_they_are() -> None:
    tenant = make_office()
    number, url = enter(tenant)
    act(tenant, "cancel_voucher", voucher_no=number)
    assert refused(tenant, tenant.call("PATCH", url, {"VoucherText2": "x"}, if_match="*")) == "Voucher.CANCELLEDVOU"
    line = {"codes": {"A": "4110"}, "amount": 10}
    act(tenant, "register_invoice", supplier_id="S1", invoice_no="1", lines=[line], post=True)
    posted = f"{VOUCHERS}(Company='10',VoucherType='I',AccountingYear=2026,VoucherNo=2026000001)"
    assert (
        refused(tenant, tenant.call("PATCH", posted, {"VoucherText2": "x"}, if_match="*")) == "Voucher.AUTOMATICVOUCHER"
    )
    assert refused(tenant, event(tenant, posted, "DelayUpdate")) == "Voucher.AUTOMATICVOUCHER"


def test_approval_by_others_alone_and_by_two() -> None:
    tenant = make_office()
    put(tenant, TYPE, SeparateUserApproval=True)
    number, url = enter(tenant, VoucherStatus="AwaitingApproval")
    asked = {"Company": "10", "AccountingYear": 2026, "VoucherType": "M", "VoucherNo": number, "UserGroup": "AP"}
    approval = "ApproveVouchersHandling.svc/VouchApproval"
    assert refused(tenant, tenant.call("POST", approval, asked)) == "Voucher.SEPUSERAPP"
    assert refused(tenant, event(tenant, url, "ReadyToUpdate")) == "Voucher.SEPUSERAPP"
    assert act(tenant, "approve_voucher", voucher_no=number)["status"] == "Approved"
    put(tenant, TYPE, SeparateUserApproval=False, UseApprovalWorkflow=True)
    number, url = enter(tenant, VoucherStatus="AwaitingApproval")
    post(tenant, approval, {**asked, "VoucherNo": number}, status=204)
    assert tenant.get(url)["VoucherStatus"] == "PartiallyApproved"
    assert refused(tenant, tenant.call("POST", approval, {**asked, "VoucherNo": number})) == "Voucher.SEPUSERAPP"
    assert act(tenant, "approve_voucher", voucher_no=number, user="AP_CLERK")["status"] == "Approved"
    assert tenant.column(f"{url}/VoucherApproversArray?$orderby=ApproverNo", "ApproverId") == [
        "ML_CONNECTOR",
        "AP_CLERK",
    ]
    assert refused(tenant, tenant.call("POST", approval, {**asked, "UserGroup": "AC"})).startswith("UserGroupMember")
    assert refused(tenant, tenant.call("POST", approval, {**asked, "VoucherNo": 5})) == "Voucher.NOTEXIST"
    assert tenant.call("POST", approval, {"Company": "10"}).status == 400
    assert tenant.call("GET", approval).status == 405


def test_the_ledger_update_moves_what_is_right_and_marks_what_is_not() -> None:
    tenant = make_office()
    good, _ = enter(tenant, VoucherStatus="Approved")
    bad, url = enter(tenant, *balanced(CodeB="05-120"), VoucherStatus="Approved")
    waiting, _ = enter(tenant)
    act(tenant, "expire_code_value", code_part="B", value="05-120")
    assert act(tenant, "gl_update") == {"updated": 1, "errors": 1}
    assert tenant.column(f"{VOUCHERS}?$orderby=VoucherNo", "VoucherNo") == [bad, waiting]
    broken = tenant.get(url)
    assert (broken["VoucherStatus"], broken["UpdateError"].split(":")[0]) == ("Error", "CodeB.NOTVALID")
    assert tenant.column("GenLedVouchersAnalysis.svc/GenLedVoucherSet", "VoucherNo") == [good]
    assert sorted(tenant.column("GenLedVoucherRowsAnalysis.svc/GenLedVoucherRowSet", "Amount")) == [-100, 100]
    act(tenant, "close_period", month="2026-09")
    _ = event(tenant, url, "ReadyToUpdate")
    assert act(tenant, "gl_update") == {"updated": 0, "errors": 1}
    assert "PERCLOSED" in tenant.get(url)["UpdateError"]


def test_people_enter_vouchers_too() -> None:
    tenant = make_office()
    rows = [
        {"account": "4110", "codes": {"B": "03-310", "E": "P-2401"}, "activity_seq": 100012, "debit": "12.50"},
        {"account": "2010", "credit": 12.5},
    ]
    number = act(tenant, "enter_voucher", rows=rows, status="AwaitingApproval")["voucher_no"]
    assert tenant.column(VOUCHERS, "Userid") == ["CONTROLLER"]
    with pytest.raises(ValueError, match="does not exist"):
        act(tenant, "enter_voucher", rows=[{"account": "1", "debit": 1}])
    with pytest.raises(ValueError, match="have the number 7"):
        act(tenant, "approve_voucher", voucher_no=7)
    assert act(tenant, "approve_voucher", voucher_no=number)["status"] == "Approved"


def test_code_values_are_kept_while_vouchers_and_control_use_them() -> None:
    tenant = make_office()
    value = "CodeBHandling.svc/CodeBSet(Company='10',CodeB='05-120')"

    def removal() -> str:
        return refused(tenant, tenant.call("DELETE", value, if_match="*"))

    control = "PostingControlHandling.svc/PostingCtrlSet"
    row = {"Company": "10", "PostingType": "M92", "CodePart": "B", "FixedValue": "05-120"}
    post(tenant, control, row)
    assert removal() == "CodeB.CODEBPOSTEXISTS"
    address = f"{control}(Company='10',PostingType='M92',CodePart='B')"
    put(tenant, address, FixedValue="03-310")
    detail = {"ControlTypeValue": "STD", "CodePartValue": "05-120"}
    post(tenant, f"{address}/PostingCtrlDetailArray", detail)
    assert removal() == "CodeB.EXISTCTRL"
    enter(tenant, *balanced(CodeB="05-120"), VoucherStatus="Approved")
    assert removal() == "CodeB.CODEBEXISTSVOUCHER"
    act(tenant, "gl_update")
    assert removal() == "CodeB.CODEPARTEXISTS"
    act(tenant, "set_company", source_company="99")
    assert removal() == "CodeB.NODIRECTREMOVE"
    new = {"Company": "10", "CodeB": "09-900", "Description": "Late", **ALWAYS}
    assert refused(tenant, tenant.call("POST", "CodeBHandling.svc/CodeBSet", new)) == "CodeB.NODIRECTINSERT"


@pytest.mark.parametrize(("owner", "constant"), [
    ("PRACC", "CodeB.PRACCCODEPARTCANNOTMODIFY"), ("FAACC", "CodeB.FAACCCODEPARTCANNOTMODIFY"),
])  # fmt: skip
def test_parts_of_projects_and_fixed_assets_are_closed(owner: str, constant: str) -> None:
    tenant = make_office()
    part = "DefineCodeStringHandling.svc/AccountingCodePartsSet(Company='10',CodePart='B')"
    put(tenant, part, CodePartFunction=owner)
    new = {"Company": "10", "CodeB": "09-900", "Description": "Late", **ALWAYS}
    assert refused(tenant, tenant.call("POST", "CodeBHandling.svc/CodeBSet", new)) == constant
    value = "CodeBHandling.svc/CodeBSet(Company='10',CodeB='05-120')"
    assert refused(tenant, tenant.call("DELETE", value, if_match="*")) == constant


def test_basic_data_can_be_read() -> None:
    tenant = make_office()
    year = (
        "AccountingPeriodsHandling.svc/AccountingYearSet(Company='10',AccountingYear=2026)/AccountingPeriodDetailArray"
    )
    assert len(tenant.get(year)["value"]) == 12
    status = f"{year}(Company='10',AccountingYear=2026,AccountingPeriod=9)"
    act(tenant, "close_period", month="2026-09", user_group="AP")
    assert tenant.column(f"{status}/AccPerDetailArray", "PeriodStatus") == ["Open"]
    assert tenant.column(f"{status}/UserGroupPeriodArray?$orderby=UserGroup", "PeriodStatus") == [
        "Open",
        "Open",
        "Closed",
    ]
    members = "UserRelatedData.svc/UserGroupFinances(Company='10',UserGroup='AI')/UserGroupMemberFinanceArray"
    assert tenant.column(members, "Userid") == ["ML_CONNECTOR"]
    assert tenant.column("UsersPerCompanyHandling.svc/CompanyFinanceSet('10')/UserFinanceArray", "Userid")
    assert "TAX7" in tenant.column("TaxCodesHandling.svc/TaxCodeSet", "FeeCode")
    metadata = tenant.call("GET", f"{ASSISTANT}/$metadata").body.decode()
    assert '<Action Name="VoucherEntry_CreateVoucher" IsBound="true">' in metadata
    assert '<ActionImport Name="ValidateVoucherPosting"' in metadata
