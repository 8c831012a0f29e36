"""Every refusal constant of facts/ifs.md 11.8 and 11.9, met at the sandbox over a socket, is told in our words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.kernel.errors import Refused
from ml_connector.records.voucher import VoucherStatus
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.answers import refusal
from ml_connector.systems.ifs.change_set import ChangeSet, Part
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.ifs.words import MEANINGS, constant_in, meaning_of
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.port import Outcome, Result
from ml_connector.systems.wire import WireReply

from .conftest import MakeSystem
from .vouchers import ACTIVITY, PROJECT, clearing, cost, effects, voucher

FROM, UNTIL = "2026-01-01", "2049-12-31"
VALUE = {"Company": "10", "Description": "Shotcrete", "ValidFrom": FROM, "ValidUntil": UNTIL}
CODE = "CodeBSet(Company='10',CodeB='01-450')"
CONCRETE = "CodeBSet(Company='10',CodeB='03-310')"
ACCOUNT = "AccountSet(Company='10',Account='4120')"
TYPE = "VoucherTypes(Company='10',VoucherType='M')"


class Office:
    """What people and our client do at one tenant, in the fewest words."""

    def __init__(self, box: RunningSandbox, system: IfsSystem) -> None:
        self.box = box
        self.system = system

    def writing(self, projection: str) -> Writing:
        return Writing(self.system.odata, projection)

    def act(self, name: str, /, **given: Any) -> Any:
        return self.box.act("ifs", name, **given)

    def put(self, projection: str, path: str, **body: Any) -> None:
        """Changes a row as somebody with the right to."""
        writing = self.writing(projection)
        found = writing.read(path)
        assert found is not None
        writing.patch(path, found.etag, body)

    def value(self, part: str = "B", value: str = "03-777", **changes: Any) -> None:
        """Makes a value of a code part."""
        unit = f"Code{part}"
        self.writing(f"{unit}Handling").insert(f"{unit}Set", {**VALUE, unit: value, **changes})

    def part(self, projection: str, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """One request on a row with the tag it has, as a change set; raises what the refusal means."""
        row = path.partition("/")[0]
        found = self.writing(projection).read(row)
        assert found is not None
        one = ChangeSet((Part(method, path, body or {}, (("if-match", found.etag),)),))
        (answer,) = self.system.sending.change_sets.send(self.system.odata.service(projection), (one,))
        assert answer is not None
        if not answer.ok:
            raise refusal(answer.replies[0], f"change {row}")

    def enter(self, *rows: Any, **changes: Any) -> Outcome:
        """Enters a voucher and says what came of it."""
        (outcome,) = self.system.send(effects(voucher(1, *rows, **changes)))
        return outcome

    def raw(self, head: dict[str, Any] | None = None, row: dict[str, Any] | None = None) -> None:
        """A voucher as none of ours would be, sent as ours are; raises what its refusal means."""
        entry = "VoucherEntryAssistantHandling"
        action = f"$1/IfsApp.{entry}.VoucherEntry_CreateVoucher"
        first = {"Account": "4120", "CodeB": "03-310", "CodeE": PROJECT, "ProjectActivityId": ACTIVITY}
        first |= {"CurrencyDebetAmount": "100", **(row or {})}
        parts = (
            Part("POST", "VoucherSet", {"VoucherType": "M", "VoucherDate": "2026-09-10", **(head or {})}, (), "1"),
            Part("POST", "$1/VoucherPostingArray", first),
            Part("POST", action, {}, (("if-match", "$1"),)),
        )
        (answer,) = self.system.sending.change_sets.send(self.system.odata.service(entry), (ChangeSet(parts),))
        assert answer is not None
        assert not answer.ok
        raise refusal(answer.replies[0], "enter a voucher")

    def held(self, **changes: Any) -> tuple[str, str]:
        """A voucher in the hold table: its number and its path."""
        number = self.enter(**changes).target.rpartition("/")[2]
        return number, f"VoucherSet(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo={number})"

    def event(self, path: str, name: str) -> None:
        """Fires a state event on a voucher."""
        self.part("VoucherHandling", "POST", f"{path}/IfsApp.VoucherHandling.VoucherEntry_{name}")


Story = Callable[[Office], Outcome | None]


@pytest.fixture
def office(box: RunningSandbox, make: MakeSystem) -> Office:
    return Office(box, make())


def sentence_of(office: Office, story: Story) -> tuple[str, str]:
    """What a person reads, and the reference beside it."""
    try:
        outcome = story(office)
    except Refused as error:
        return error.sentence, error.reference or ""
    assert outcome is not None
    assert outcome.result is Result.REFUSED
    return outcome.sentence, outcome.reference


def assert_shown(office: Office, constant: str, story: Story, unit: str) -> None:
    """Holds when the story is refused for that constant, and the sentence has it with our words and a way on."""
    sentence, reference = sentence_of(office, story)
    meaning = meaning_of(constant)
    assert meaning is not None
    assert reference == f"{unit}.{constant}"
    assert f"({constant}): {meaning.why}. {meaning.mend}" in sentence
    assert " IFS says: " in sentence


# -- code parts and their values (11.8)


def fixed_asset(office: Office) -> None:
    office.put(
        "DefineCodeStringHandling", "AccountingCodePartsSet(Company='10',CodePart='F')", CodePartFunction="FAACC"
    )
    office.value("F", "FA-9999")


def from_source(office: Office) -> None:
    office.act("set_company", source_company="99")
    office.value()


def removed(office: Office) -> None:
    office.part("CodeBHandling", "DELETE", CODE)


def removed_from_source(office: Office) -> None:
    office.act("set_company", source_company="99")
    removed(office)


def removed_while_held(office: Office) -> None:
    office.enter(cost(codes=(("A", "4120"), ("B", "01-450"), ("E", PROJECT))), clearing())
    removed(office)


def removed_after_posting(office: Office) -> None:
    number, _ = office.held(rows=(cost(codes=(("A", "4120"), ("B", "01-450"), ("E", PROJECT))), clearing()))
    office.act("approve_voucher", voucher_no=number)
    office.act("gl_update")
    removed(office)


def control(office: Office, value: str) -> None:
    """Posting control posts to a value of part B."""
    body = {"Company": "10", "CodePart": "B", "FixedValue": value, "PostingType": "M92"}
    office.writing("PostingControlHandling").insert("PostingCtrlSet", body)


def removed_while_controlled(office: Office) -> None:
    control(office, "01-450")
    removed(office)


def removed_while_in_a_detail(office: Office) -> None:
    control(office, "03-310")
    where = "PostingCtrlSet(Company='10',PostingType='M92',CodePart='B')/PostingCtrlDetailArray"
    office.writing("PostingControlHandling").insert(where, {"ControlTypeValue": "STD", "CodePartValue": "01-450"})
    removed(office)


CODE_VALUES: dict[str, tuple[str, Story]] = {
    "INVALIDCHARVALUE": ("CodeB", lambda office: office.value(value="03-a77")),
    "TOOMANYCHARS": ("CodeB", lambda office: office.value(value="03-77777777777777777")),
    "ISNOTUSED": ("CodeG", lambda office: office.value("G")),
    "DATESINVALID": ("CodeB", lambda office: office.value(ValidUntil="2020-01-01")),
    "PRACCCODEPARTCANNOTMODIFY": ("CodeE", lambda office: office.value("E", "1299")),
    "FAACCCODEPARTCANNOTMODIFY": ("CodeF", fixed_asset),
    "NODIRECTINSERT": ("CodeB", from_source),
    "NODIRECTREMOVE": ("CodeB", removed_from_source),
    "CODEBEXISTSVOUCHER": ("CodeB", removed_while_held),
    "CODEPARTEXISTS": ("CodeB", removed_after_posting),
    "CODEBPOSTEXISTS": ("CodeB", removed_while_controlled),
    "EXISTCTRL": ("CodeB", removed_while_in_a_detail),
}


@pytest.mark.parametrize("constant", CODE_VALUES)
def test_what_ifs_refuses_of_a_code_value_is_told_in_our_words(office: Office, constant: str) -> None:
    unit, story = CODE_VALUES[constant]
    assert_shown(office, constant, story, unit)


def test_a_value_that_is_not_there_is_told_in_our_words(office: Office) -> None:
    row = cost(codes=(("A", "4120"), ("B", "77-777"), ("E", PROJECT)))
    assert_shown(office, "NOTEXIST", lambda one: one.enter(row, clearing()), "CodeB")
    assert_shown(office, "NOTEXIST", lambda one: one.enter(type="Q"), "VoucherType")


# -- vouchers that we enter (11.9)


def account(**changes: Any) -> Callable[[Office], None]:
    return lambda office: office.put("AccountHandling", ACCOUNT, **changes)


def acting(name: str, /, **given: Any) -> Callable[[Office], None]:
    return lambda office: office.act(name, **given)


def no_period_at_all(office: Office) -> None:
    for year in (2026, 2027):
        for month in range(1, 13):
            office.act("close_period", month=f"{year}-{month:02}", user_group="AI")


def nothing(_office: Office) -> None:
    """All is as usual."""


PREPARED: dict[str, tuple[str, Callable[[Office], None], dict[str, Any]]] = {
    "NOTOPENPERIOD": ("UserGroupPeriod", acting("close_period", month="2026-09", user_group="AI"), {}),
    "NOOPENPERIODSERROR": ("UserGroupPeriod", no_period_at_all, {}),
    "PERCLOSED": ("AccountingPeriod", acting("close_period", month="2026-09"), {}),
    "INCORRECTAMOUNTS": ("VoucherRow", nothing, {"rows": (cost(credit=Decimal(1)), clearing())}),
    "NOAMOUNT": ("VoucherRow", nothing, {"rows": (cost("0"), clearing())}),
    "AWAITINGAPPROVALMUSTBEBALANCE": (
        "Voucher", nothing, {"rows": (cost("100"), clearing("99.99")), "status": VoucherStatus.AWAITING},
    ),
    "PROJACTIMANDATORY": ("VoucherRow", nothing, {"rows": (cost(activity=""), clearing())}),
    "ACTIVITYINVALID": ("VoucherRow", nothing, {"rows": (cost(activity="5"), clearing())}),
    "ACTIDNOTPOSTABLE": ("VoucherRow", nothing, {"rows": (cost(activity="100108"), clearing())}),
    "NOPROJSPECIFIED": ("VoucherRow", nothing, {"rows": (cost(codes=(("A", "4120"), ("B", "03-310"))), clearing())}),
    "PROJACTINOTNULL": ("VoucherRow", account(ExcludeProjFollowup=True), {}),
    "COMPLETEDFINPROJ": ("AccountingProject", acting("complete_financial_project", project_id=PROJECT), {}),
    "BUDACCONLY": ("Account", account(BudAccount="Yes"), {}),
    "BUDCODEPARTONLY": (
        "CodeB",
        lambda office: office.put("CodeBHandling", CONCRETE, BudgetValue="BudgetAccount"),
        {},
    ),
    "TEMPLATECOMP": ("Voucher", acting("set_company", template_company=True), {}),
    "APPROVEONLYVOUENTRY": ("Voucher", nothing, {"user_group": "AP"}),
}  # fmt: skip


@pytest.mark.parametrize("constant", PREPARED)
def test_what_ifs_refuses_of_our_voucher_is_told_in_our_words(office: Office, constant: str) -> None:
    unit, prepare, changes = PREPARED[constant]
    prepare(office)
    assert_shown(office, constant, lambda one: one.enter(**changes), unit)
    assert "Voucher" not in office.box.ifs.summary()


def test_a_day_without_any_period_is_not_open(office: Office) -> None:
    right = {"Company": "10", "UserGroup": "AI", "VoucherType": "M", "AuthorizeLevel": "Approved"}
    rights = office.writing("UserGroupPerVoucherSeriesHandling")
    rights.insert("VoucherTypeUserGroupSet", {**right, "AccountingYear": 2031})
    assert_shown(office, "NOTOPENPERIOD", lambda one: one.enter(dated=date(2031, 1, 1)), "AccountingPeriod")


# -- vouchers as none of ours is, and what only people can meet


TAX = {"OptionalCode": "TAX7", "TaxDirection": "TaxReceived", "CurrencyTaxAmount": "7"}
RAW: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "NOTMANUAL": ("Voucher", {"VoucherNo": "7"}, {}),
    "BASECURRSAME": ("VoucherRow", {}, {"CurrencyRate": "2"}),
    "NEGATIVECURRRATE": ("VoucherRow", {}, {"CurrencyCode": "EUR", "CurrencyRate": "-1"}),
    "NOTAXDIRECTION": ("VoucherRow", {}, {**TAX, "TaxDirection": None}),
    "TAXCODENULL": ("VoucherRow", {}, {**TAX, "OptionalCode": None}),
    "TAXAMOUNTNULL": ("VoucherRow", {}, {**TAX, "CurrencyTaxAmount": None}),
}


@pytest.mark.parametrize("constant", RAW)
def test_what_ifs_refuses_of_any_voucher_is_told_in_our_words(office: Office, constant: str) -> None:
    unit, head, row = RAW[constant]

    def story(one: Office) -> None:
        one.raw(head, row)

    assert_shown(office, constant, story, unit)


def approves_his_own(office: Office) -> None:
    office.put("VoucherTypeHandling", TYPE, SeparateUserApproval=True)
    _, path = office.held(status=VoucherStatus.AWAITING)
    office.event(path, "ReadyToUpdate")


def changes_an_approved_one(office: Office) -> None:
    number, path = office.held()
    office.act("approve_voucher", voucher_no=number)
    office.put("VoucherHandling", path, VoucherText2="other words")


def changes_a_cancelled_one(office: Office) -> None:
    number, path = office.held()
    office.act("cancel_voucher", voucher_no=number)
    office.put("VoucherHandling", path, VoucherText2="other words")


def changes_one_of_a_sub_ledger(office: Office) -> None:
    line = {"codes": {"A": "4120", "B": "03-310"}, "amount": 10}
    office.act("register_invoice", supplier_id="S1001", invoice_no="1", lines=[line], post=True)
    path = "VoucherSet(Company='10',VoucherType='I',AccountingYear=2026,VoucherNo=2026000001)"
    office.event(path, "DelayUpdate")


PEOPLE: dict[str, Story] = {
    "SEPUSERAPP": approves_his_own,
    "CANTMODIFYAPPROVED": changes_an_approved_one,
    "CANCELLEDVOU": changes_a_cancelled_one,
    "AUTOMATICVOUCHER": changes_one_of_a_sub_ledger,
}


@pytest.mark.parametrize("constant", PEOPLE)
def test_what_people_meet_at_a_voucher_is_told_in_our_words(office: Office, constant: str) -> None:
    assert_shown(office, constant, PEOPLE[constant], "Voucher")


# -- the table


def test_every_constant_has_been_met() -> None:
    assert {*CODE_VALUES, "NOTEXIST", *PREPARED, *RAW, *PEOPLE} == set(MEANINGS)


@pytest.mark.parametrize("text", ["with_constant", "ora"])
@pytest.mark.parametrize("status", [400, 500])
def test_the_words_do_not_depend_on_how_ifs_words_it(office: Office, text: str, status: int) -> None:
    office.box.ifs.switches.error_text, office.box.ifs.switches.validation_status = text, status
    assert_shown(office, "ACTIVITYINVALID", lambda one: one.enter(cost(activity="5"), clearing()), "VoucherRow")


def test_without_the_constant_ifs_speaks_for_itself(office: Office) -> None:
    office.box.ifs.switches.error_text = "text_only"
    sentence, _ = sentence_of(office, lambda one: one.enter(cost(activity="5"), clearing()))
    assert sentence.endswith("Activity 5 is not of project 1201.")


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":"DATABASE_ERROR","message":"nein","details":[{"code":"NOTOPENPERIOD","message":"zu"}]}}',
        b'{"error":{"code":"DATABASE_ERROR","message":{"value":"ORA-20110: NOTOPENPERIOD zu"}}}',
        b"<html>ORA-20110: UserGroupPeriod.NOTOPENPERIOD</html>",
    ],
)
def test_the_constant_is_found_wherever_it_stands(body: bytes) -> None:
    error = refusal(WireReply(400, {}, body), "enter a voucher")
    assert type(error) is Refused
    assert error.sentence.startswith("IFS could not enter a voucher (NOTOPENPERIOD): the day is in no accounting")
    assert (error.reference or "").endswith("NOTOPENPERIOD")


def test_other_code_parts_and_other_constants() -> None:
    assert meaning_of("CodeD.CODEDEXISTSVOUCHER") == MEANINGS["CODEBEXISTSVOUCHER"]
    assert meaning_of("Account.CODEAPOSTEXISTS") == MEANINGS["CODEBPOSTEXISTS"]
    assert meaning_of("Account.LEDGERACCOUNT") is None
    assert constant_in("nothing of NOTEXISTING is known") == ""
    error = refusal(WireReply(400, {}, b'{"error":{"message":"Account.LEDGERACCOUNT: no."}}'), "enter a voucher")
    assert error.sentence == "IFS could not enter a voucher: Account.LEDGERACCOUNT: no."


def test_every_entry_of_the_table_reads_as_two_sentences() -> None:
    for constant, meaning in MEANINGS.items():
        assert not meaning.why.endswith("."), constant
        assert meaning.why[0].islower(), constant
        assert meaning.mend.endswith("."), constant
