"""Change sets happen whole or not at all, and what became of each is said only where it is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ml_connector.kernel.errors import Bug, HostUnreachable, NameMissing, RateLimited, RightMissing
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.answers import said
from ml_connector.systems.ifs.change_set import Answer, ChangeSet, ChangeSets, Part
from ml_connector.systems.ifs.odata import Odata
from ml_connector.systems.transport import Transport
from ml_connector.systems.wire import Call, WireReply, WireRequest

from .tampering import Tampering

CODES = "CodeBHandling"
ENTRY = "VoucherEntryAssistantHandling"
SECRET = "line one\r\n--ml_connector_change_set--\r\nline two"


def code(value: str, **changes: Any) -> ChangeSet:
    """A change set that makes one value of code part B."""
    body = {
        "Company": "10",
        "CodeB": value,
        "Description": value,
        "ValidFrom": "2026-01-01",
        "ValidUntil": "2049-12-31",
    }
    return ChangeSet((Part("POST", "CodeBSet", {**body, **changes}),))


def draft(*parts: Part, **more: Any) -> ChangeSet:
    return ChangeSet((Part("POST", "VoucherSet", {"VoucherType": "M"}, content_id="1"), *parts), **more)


def row(**changes: Any) -> Part:
    return Part("POST", "$1/VoucherPostingArray", {"Account": "2020", "CurrencyDebetAmount": "1", **changes})


def action(name: str) -> Part:
    return Part("POST", f"$1/IfsApp.{ENTRY}.VoucherEntry_{name}", headers=(("if-match", "$1"),))


class Line:
    """Change sets on the line to a tenant, as `odata` or through something in between."""

    def __init__(self, call: Call, url: str, most: int) -> None:
        self.odata = Odata(call, url, "int", 1000)
        self.sets = ChangeSets(self.odata, most)

    def send(self, projection: str, *sets: ChangeSet) -> list[Answer | None]:
        return self.sets.send(self.odata.service(projection), sets)


@pytest.fixture
def line(box: RunningSandbox, transport: Transport) -> Callable[..., Line]:
    def made(call: Call | None = None, most: int = 100) -> Line:
        return Line(call or transport, box.ifs_url, most)

    return made


def statuses(answers: list[Answer | None]) -> list[list[int] | None]:
    return [None if one is None else [reply.status for reply in one.replies] for one in answers]


def values(box: RunningSandbox) -> int:
    return int(box.ifs.summary()["CodeB"])


@pytest.mark.parametrize("most", [100, 0])
def test_each_set_has_its_own_answer(box: RunningSandbox, line: Callable[..., Line], most: int) -> None:
    before = values(box)
    answers = line(most=most).send(CODES, code("03-771"), code("03-772", ValidUntil="2020-01-01"), code("03-773"))
    assert statuses(answers) == [[201], [400], [201]]
    assert [one.ok for one in answers if one] == [True, False, True]
    assert answers[1] is not None
    assert said(answers[1].replies[0]).constant == "CodeB.DATESINVALID"
    assert values(box) == before + 2


@pytest.mark.parametrize("most", [100, 0])
def test_later_parts_name_the_row_of_an_earlier_one(box: RunningSandbox, line: Callable[..., Line], most: int) -> None:
    one = draft(row(), row(CurrencyDebetAmount=None, CurrencyCreditAmount="1"), action("CreateVoucher"))
    assert statuses(line(most=most).send(ENTRY, one)) == [[201, 201, 201, 200]]
    assert box.ifs.summary()["VoucherPostingVirtual"] == 2


def test_a_failed_set_leaves_nothing_and_names_one_error(box: RunningSandbox, line: Callable[..., Line]) -> None:
    answers = line().send(ENTRY, draft(row(), row(Account="4120", ProjectActivityId="5"), action("CreateVoucher")))
    assert statuses(answers) == [[400]]
    assert "VoucherEntryVirtual" not in box.ifs.summary()


@pytest.mark.parametrize("most", [100, 0])
def test_tidying_is_no_part_of_the_answer(box: RunningSandbox, line: Callable[..., Line], most: int) -> None:
    tidy = (action("RemoveTempVoucher"),)
    assert statuses(line(most=most).send(ENTRY, draft(row(), tidy=tidy))) == [[201, 201]]
    assert "VoucherEntryVirtual" not in box.ifs.summary()


def test_without_batches_a_refusal_undoes_what_came_before(box: RunningSandbox, line: Callable[..., Line]) -> None:
    wrong = row(Account="x" * 30)
    undo = (action("RemoveTempVoucher"),)
    assert statuses(line(most=0).send(ENTRY, draft(row(), wrong, undo=undo))) == [[400]]
    assert "VoucherEntryVirtual" not in box.ifs.summary()
    assert statuses(line(most=0).send(ENTRY, draft(row(), wrong))) == [[400]]
    assert box.ifs.summary()["VoucherEntryVirtual"] == 1, "with nothing to undo it stays"


def test_only_what_was_made_is_undone(box: RunningSandbox, line: Callable[..., Line]) -> None:
    second = Part("POST", "VoucherSet", {"VoucherType": "LONG"}, content_id="2")
    remove = f"IfsApp.{ENTRY}.VoucherEntry_RemoveTempVoucher"
    undo = tuple(Part("POST", f"${name}/{remove}", headers=(("if-match", f"${name}"),)) for name in "21")
    assert statuses(line(most=0).send(ENTRY, draft(second, undo=undo))) == [[400]]
    assert "VoucherEntryVirtual" not in box.ifs.summary()


def test_trouble_half_way_is_undone_and_raised(
    box: RunningSandbox, line: Callable[..., Line], transport: Transport
) -> None:
    def losing_tags(request: WireRequest, /) -> WireReply:
        reply = transport(request)
        return WireReply(404, {}, b"") if request.method == "GET" and there.pop() is False else reply

    there = [True, False]
    with pytest.raises(NameMissing):
        line(losing_tags, most=0).send(ENTRY, draft(action("CreateVoucher"), undo=(action("RemoveTempVoucher"),)))
    assert "VoucherEntryVirtual" not in box.ifs.summary()


def test_what_cannot_be_undone_is_unknown(box: RunningSandbox, line: Callable[..., Line]) -> None:
    undo = (Part("POST", "$1/IfsApp.Nobody.VoucherEntry_Nothing", headers=(("if-match", "$1"),)),)
    assert line(most=0).send(ENTRY, draft(row(Account="x" * 30), undo=undo)) == [None]


def test_text_that_looks_like_the_end_of_a_part_stays_text(line: Callable[..., Line]) -> None:
    (answer,) = line().send(CODES, code("03-771", Text=SECRET))
    assert answer is not None
    assert answer.ok
    assert b"line two" in answer.replies[0].body


def test_sets_are_spread_over_as_few_batches_as_fit(
    box: RunningSandbox, line: Callable[..., Line], transport: Transport
) -> None:
    sets = [draft(row(), row(), tidy=(action("RemoveTempVoucher"),)) for _ in range(5)]
    assert all(line(most=8).send(ENTRY, *sets))
    assert transport.counts.writes == 3
    assert all(line(most=3).send(ENTRY, *sets[:2])), "a set longer than a batch goes alone"
    assert transport.counts.writes == 5


def test_a_lost_batch_is_unknown_and_the_next_one_is_sent(box: RunningSandbox, line: Callable[..., Line]) -> None:
    box.faults.add(FaultRule("drop_after", side="ifs", method="POST", path=r"\$batch"))
    before = values(box)
    answers = line(most=1).send(CODES, code("03-771"), code("03-772"))
    assert statuses(answers) == [None, [201]]
    assert values(box) == before + 2


@pytest.mark.parametrize(("stops", "expected"), [(True, [[201], [400], None]), (False, [[201], [400], [201]])])
def test_a_batch_that_stops_says_nothing_of_the_rest(
    line: Callable[..., Line], transport: Transport, stops: bool, expected: list[list[int] | None]
) -> None:
    gateway = Tampering(transport, stops=stops)
    answers = line(gateway).send(CODES, code("03-771"), code("03-772", ValidUntil="2020-01-01"), code("03-773"))
    assert statuses(answers) == expected


@pytest.mark.parametrize("spoil", ["html", "cut", "too_many", "icy"])
def test_an_answer_that_cannot_be_read_is_none(
    line: Callable[..., Line], box: RunningSandbox, transport: Transport, spoil: str
) -> None:
    before = values(box)
    gateway = Tampering(_Icy(transport) if spoil == "icy" else transport, spoil=spoil)
    assert statuses(line(gateway).send(CODES, code("03-771"), code("03-773"))) == [None, None]
    assert gateway.batches == 1
    assert values(box) == before + 2, "nothing was sent again"


class _Icy:
    """A gateway whose status lines nobody can read."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self, request: WireRequest, /) -> WireReply:
        reply = self._call(request)
        return WireReply(reply.status, reply.headers, reply.body.replace(b"HTTP/1.1 ", b"ICY "))


class _Scripted:
    """A tenant that answers what it is told to."""

    def __init__(self, *replies: WireReply) -> None:
        self.asked: list[WireRequest] = []
        self._replies = list(replies)

    def __call__(self, request: WireRequest, /) -> WireReply:
        self.asked.append(request)
        return self._replies.pop(0)


def multipart(*parts: str, boundary: str = "b") -> WireReply:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    return WireReply(200, {"content-type": f"multipart/mixed; boundary={boundary}"}, body.encode())


def http(status: int, body: str = "{}") -> str:
    return f"Content-Type: application/http\r\n\r\nHTTP/1.1 {status} X\r\n\r\n{body}"


def nested(*parts: str) -> str:
    inner = multipart(*parts, boundary="s").body.decode()
    return f"Content-Type: multipart/mixed; boundary=s\r\n\r\n{inner}"


TWO = ChangeSet((Part("POST", "A", content_id="1"), Part("POST", "$1/B")))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (nested(http(201), http(204)), [201, 204]),
        (nested(http(201)), None),
        (nested(http(201), http(201), http(201)), None),
        (http(201), None),
        (http(400), [400]),
        (nested(http(400)), [400]),
        (nested(http(201), http(400)), [400]),
        (http(423), [423]),
        (http(503), [503]),
        (http(504), None),
        (http(500), None),
        (http(500, '{"error":{"code":"DATABASE_ERROR"}}'), [500]),
    ],
)
def test_each_answer_of_a_set_is_believed_as_far_as_it_goes(answer: str, expected: list[int] | None) -> None:
    found = Line(_Scripted(multipart(answer)), "http://ifs", 10).send("P", TWO)
    assert statuses(found) == [expected]


@pytest.mark.parametrize(
    ("reply", "alone", "of_two"),
    [
        (WireReply(500, {}, b'{"error":{"code":"DATABASE_ERROR"}}'), [[500]], [None, None]),
        (WireReply(403, {}, b""), RightMissing, RightMissing),
        (WireReply(302, {}, b""), HostUnreachable, HostUnreachable),
    ],
)
def test_a_refused_batch_says_what_it_can(reply: WireReply, alone: Any, of_two: Any) -> None:
    for sets, expected in (((TWO,), alone), ((TWO, TWO), of_two)):
        ask = Line(_Scripted(reply), "http://ifs", 10)
        if isinstance(expected, list):
            assert statuses(ask.send("P", *sets)) == expected
        else:
            with pytest.raises(expected):
                ask.send("P", *sets)


def test_the_request_is_what_the_facts_ask_for() -> None:
    tenant = _Scripted(multipart(nested(http(201), http(204))))
    Line(tenant, "http://ifs", 10).send("P", TWO)
    (request,) = tenant.asked
    assert request.url == "http://ifs/int/ifsapplications/projection/v1/P.svc/$batch"
    assert request.headers["prefer"] == "odata.continue-on-error"
    assert not request.safe
    text = (request.body or b"").decode()
    assert text.count("Content-Type: multipart/mixed; boundary=ml_connector_change_set\r\n") == 1
    assert "\r\nContent-ID: 1\r\n\r\nPOST A HTTP/1.1\r\n" in text
    assert "\r\nPOST $1/B HTTP/1.1\r\n" in text
    assert text.endswith("--ml_connector_change_set--\r\n--ml_connector_changes--\r\n")


@pytest.mark.parametrize(
    "made",
    [
        {"location": "https://inside.example/int/ifsapplications/projection/v1/P.svc/A(K='1')"},
        {"odata-entityid": "A(K='1')"},
    ],
)
def test_without_batches_the_address_is_taken_from_wherever_it_stands(made: Mapping[str, str]) -> None:
    tenant = _Scripted(WireReply(201, made, b""), WireReply(201, {}, b"{}"))
    assert statuses(Line(tenant, "http://ifs", 0).send("P", TWO)) == [[201, 201]]
    assert tenant.asked[1].url == "http://ifs/int/ifsapplications/projection/v1/P.svc/A(K='1')/B"


def test_without_batches_an_address_nobody_tells_is_the_set_up_s_fault() -> None:
    with pytest.raises(NameMissing):
        Line(_Scripted(WireReply(201, {}, b"{}")), "http://ifs", 0).send("P", TWO)


def test_a_pause_is_raised_only_before_anything_may_have_happened(
    box: RunningSandbox, line: Callable[..., Line]
) -> None:
    rule = FaultRule("429", side="ifs", method="POST", path=r"\$batch", times=0)
    box.faults.add(rule)
    with pytest.raises(RateLimited):
        line().send(CODES, code("03-771"))
    box.faults.clear()
    box.faults.add(FaultRule("429", side="ifs", method="POST", path=r"\$batch", nth=2, every=1, times=0))
    assert statuses(line(most=1).send(CODES, code("03-771"), code("03-772"))) == [[201], None]


@pytest.mark.parametrize(
    "part",
    [
        Part("PATCH", "CodeBSet(Company='10',CodeB='03-310')", {"Description": "x"}),
        Part("DELETE", "CodeBSet(Company='10',CodeB='03-310')"),
        Part("PATCH", "CodeBSet(Company='10',CodeB='03-310')", {}, (("if-match", "*"),)),
        Part("POST", "$2/VoucherPostingArray"),
        Part("POST", "CodeBSet", {}, (("if-match", "$2"),)),
    ],
)
def test_what_must_never_be_sent_is_our_bug(line: Callable[..., Line], transport: Transport, part: Part) -> None:
    with pytest.raises(Bug):
        line().send(CODES, code("03-771"), ChangeSet((part,)))
    assert transport.counts.writes == 0
