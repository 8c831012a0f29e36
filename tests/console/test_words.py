"""What people read: remedies that lead to pages, titles for the program's words, and what is wrong with an entry."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import typer.main
from markupsafe import escape

import ml_connector
from ml_connector.actions.health import DismissGiven
from ml_connector.actions.own import NewToken
from ml_connector.cli.main import commands
from ml_connector.console import titles, wording
from ml_connector.console.page import taken
from ml_connector.console.pages import inbox_files
from ml_connector.console.pages.inbox_shown import badge_of
from ml_connector.console.pages_table import PAGES
from ml_connector.console.showing import moment_text
from ml_connector.console.tones import _TAGS, tag_tone
from ml_connector.engine.questions import answers_to
from ml_connector.kernel.errors import BadInput
from ml_connector.planning.plan import HoldReason
from ml_connector.service.surveying import KINDS
from ml_connector.service.tasks import TASKS
from ml_connector.store.tags import TAGS
from ml_connector.views.audit import AuditLook
from ml_connector.views.hold_words import SIDED, choice_of
from ml_connector.views.listing import Listing

SOURCE = Path(ml_connector.__file__).parent
ONLY_THERE = frozenset(
    {"audit verify", "backup", "census", "demo", "init", "replay", "restore", "upgrade", "vault rotate"}
)
"""Commands that sentences name and no page does."""


def told() -> Iterator[str]:
    """Every command line that a sentence of ours names, besides those of the command line itself."""
    for path in SOURCE.rglob("*.py"):
        if "cli" in path.parts or path.parent.name == "api":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from re.findall(r"`ml-connector ([a-z]+(?: [a-z]+)?)", node.value)


def test_every_command_a_remedy_names_has_its_page_or_is_known_to_have_none() -> None:
    named = set(told()) - {"serve", "worker"}
    assert len(named) > 20
    lost = {one for one in named if wording.place_of(one) is None and one not in ONLY_THERE}
    assert not lost, f"Give these a page in console/wording.py, or name them in ONLY_THERE: {lost}"


def test_places_are_addresses_there_are_and_commands_there_are() -> None:
    addresses = {route.path for route in PAGES if "GET" in route.methods}
    root = set(typer.main.get_command(commands()).commands)
    for command, place in wording._PLACES.items():
        path = place.address.replace("/connections/{c}", "/connections/{name}").replace("{c}", "{connection}")
        assert path in addresses, command
        assert command.split()[0] in root, command


@pytest.mark.parametrize(
    ("remedy", "said", "leads"),
    [
        (
            "Run `ml-connector resume north` first.",
            "Press \u201cResume\u201d on the page Health first.",
            "/c/north/health",
        ),
        ("Run `ml-connector jobs release 7`.", "Press \u201cPut back\u201d on the page Health.", "/c/south/health"),
        (
            "Read it with `ml-connector plan north`, then `ml-connector sync north --plan 5d1c`.",
            "Read it, then approve it: the plan.",
            "/c/north/plans/5d1c",
        ),
        (
            "See `ml-connector status` and `ml-connector jobs list`.",
            "The queue and the agenda on the page Health tell why.",
            "/c/south/health",
        ),
        ("See `ml-connector status` and `ml-connector jobs`: wait.", "See the page Health: wait.", "/c/south/health"),
        ("`ml-connector user list` shows who there is.", "The page Users shows who there is.", "/users"),
        (
            "Start `ml-connector serve`, or a worker.",
            "Have whoever looks after the installation start the service.",
            "",
        ),
        (
            "Run `ml-connector census north`: each is named.",
            "Run ml-connector census north on the command line: each is named.",
            "",
        ),
        ("Name a time to come, or leave out --until.", "Name a time to come, or leave the field empty.", ""),
        (
            "cost_codes waits: poll/budgets is <b>.",
            "cost codes waits: \u201cLooking for changes: budgets\u201d is &lt;b&gt;.",
            "",
        ),
    ],
)
def test_a_remedy_names_the_page_and_leads_there(remedy: str, said: str, leads: str) -> None:
    found = str(wording.for_pages(remedy, "south"))
    assert re.sub(r"</?(a|span)\b[^>]*>", "", found) == said
    assert re.findall(r'href="([^"]*)"', found) == ([leads] if leads else [])


EVIL = "https://evil.example/x"


@pytest.mark.parametrize(
    "text",
    [
        f"`page {EVIL}|Sign in again`",
        f"\ue000{EVIL}\ue001Sign in again\ue002",
        "\ue000javascript:alert(1)\ue001Sign in again\ue002 `page javascript:alert(1)|x`",
        "\ue000//evil.example\ue001Sign in again\ue002 `page //evil.example|x` `page /\\evil.example|x`",
        f"`ml-connector pause {EVIL}` `do ml-connector jobs {EVIL}` `ml-connector webhooks remove //evil.example`",
        f"Read it, then approve it: `ml-connector sync {EVIL} --plan 5d1c`.",
        "Read it, then approve it: `ml-connector sync x/../../sign-in/once/word? --plan 5d1c`.",
    ],
)
def test_a_text_of_somebody_else_leads_nowhere_but_to_our_pages(text: str) -> None:
    found = str(wording.for_pages(f"Paused by otto: {text}", "south"))
    leads = re.findall(r'href="([^"]*)"', found)
    assert all(one.startswith(("/c/", "/connections/")) and ".." not in one for one in leads), leads
    assert not re.search("[\ue000-\ue002]", found)


def test_a_link_of_our_own_leads_inside_or_is_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (EVIL, "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        monkeypatch.setitem(wording._PLACES, "status", wording.Place("the page Health", address, ""))
        assert wording.for_pages("See `ml-connector status`.", "south") == "See the page Health."


def test_moments_in_a_sentence_are_in_the_zone_of_whoever_reads() -> None:
    text = (
        "cost_codes waits since 2026-11-27 14:05 UTC, until Mon 2026-11-30 06:00 (America/New_York); "
        "2026-99-27 14:05 UTC."
    )
    found = str(wording.for_pages(text, "south", "America/Chicago"))
    assert re.sub(r"</?time\b[^>]*>", "", found) == (
        "cost codes waits since 27 Nov 2026, 08:05, until 30 Nov 2026, 05:00; 2026-99-27 14:05 UTC."
    )
    assert 'datetime="2026-11-27T14:05:00+00:00" title="Friday 27 November 2026, 08:05:00 America/Chicago"' in found
    assert ">27 Nov 2026, 14:05 UTC</time>" in wording.for_pages(text), "until the browser puts it in its own zone"
    for never, zone in (("9999-12-31 23:59 UTC", "Asia/Tokyo"), ("0001-01-01 00:00 UTC", "America/Chicago")):
        assert wording.for_pages(f"Until {never}.", zone=zone) == f"Until {never}.", "no moment there: as it was told"
        assert moment_text(datetime.fromisoformat(never.replace(" UTC", "+00:00")), zone), "nor any page that fails"


def test_the_systems_have_their_names_and_their_addresses_are_no_keys() -> None:
    said = "erp at 127.0.0.1:1 cannot be reached: the connection is refused. Check host and port in erp.url."
    assert wording.for_pages(said) == (
        "IFS at 127.0.0.1:1 cannot be reached: the connection is refused. Check host and port in the address of IFS."
    )
    assert wording.for_pages("projects at api.procore.com keeps giving no answer.").startswith("Procore at api.")
    assert wording.for_pages("Check erp.url and erp.channel.") == "Check the address of IFS and the channel of IFS."
    assert wording.for_pages("Look for projects at once.") == "Look for projects at once."


def test_where_no_connection_is_meant_it_leads_to_the_whole_installation_or_nowhere() -> None:
    assert 'href="/health"' in wording.for_pages("See `ml-connector jobs list`.")
    assert wording.for_pages("Run `ml-connector resume NAME`.").count("href") == 1
    assert wording.for_pages("See `ml-connector runs`.") == "See the page Runs."


def test_every_tag_task_and_reason_is_called_what_people_call_it() -> None:
    tags = {tag: titles.tag_title(tag) for tag in TAGS}
    assert len(set(tags.values())) == len(TAGS)
    assert tags["billing_period:create:done"] == "Billing period created"
    assert tags["vendor:update:refused"] == "Vendor not changed: refused"
    rows = {titles.task_title(name) for name in TASKS} | {titles.task_title("poll/cost_codes,budgets")}
    named = [*tags.values(), *rows, *(titles.reason_title(one.value) for one in HoldReason)]
    assert not [one for one in named if "_" in one or "/" in one or one != one[:1].upper() + one[1:]]
    assert titles.task_title("poll/cost_codes") == "Looking for changes: cost codes"
    assert titles.record_title("supplier_invoice:138") == "invoice 138"
    assert titles.step_title("fill", "commitment:P100001@1201") == "Write the lines of the contract"
    assert titles.step_title("void", "commitment:P100001") == "Void"
    assert titles.task_title("now/approved") == "Run of an approved plan"
    assert len({titles.task_title(f"setup/{kind}") for kind in KINDS}) == len(KINDS), "three rows are told apart"
    assert titles.task_title("flows") == "Looking for changes"


def test_details_of_the_trail_are_words_and_moments() -> None:
    details = {
        "reason": "sent_back",
        "waits_for": "ruling:subcontractor_invoice:5629",
        "until": "2026-11-30T23:15:43.47+00:00",
        "empty": "",
        "then": {"at": "2026-11-30T23:15:43+00:00"},
        "how": "once",
        "policy.brakes.money_creates": ["0", "250000"],
        "policy.brakes.updates": [500, 0],
        "policy.vouchers.clearing_account": ["2410", "2020"],
        "policy.purchase_orders.approve": ["manual", "auto"],
        "policy.purchase_orders.status.Released": ["Approved", None],
        "schedule.flows.payments.interval": [None, "1h"],
        "erp.client_id": ["a", "b"],
    }
    assert titles.details_of(details, "America/Chicago") == [
        ("reason", "It was sent back after it crossed", ""),
        ("waits for", "an answer", ""),
        ("until", "30 Nov 2026, 17:15 America/Chicago", "2026-11-30T23:15:43.47+00:00"),
        ("before", "at: 30 Nov 2026, 17:15 America/Chicago", ""),
        ("how", "sign-in link", ""),
        ("Money of new records", "no limit \u2192 250,000.00 in each currency", ""),
        ("Records changed", "500 records \u2192 no limit", ""),
        ("Clearing account", "2410 \u2192 2020", ""),
        ("Plans", "Every plan waits for approval \u2192 Plans go by themselves unless a brake stops them", ""),
        ("States that are sent: Released", "Approved \u2192 not set", ""),
        ("Look every: payments", "not set \u2192 1 hour", ""),
        ("IFS: client id", "a \u2192 b", ""),
    ]


def test_the_badge_of_a_cause_asks_what_its_question_asks() -> None:
    for reason, flow, word in (
        (HoldReason.CONFLICT, "vendors", "Choose a side"),
        (HoldReason.CHANGED_THERE, "purchase_orders", "Choose a side"),
        (HoldReason.SENT_BACK, "subcontractor_invoices", "Answer needed"),
        (HoldReason.SENT_BACK, "payments", "Waiting"),
        (HoldReason.GONE_THERE, "", "Answer needed"),
        (HoldReason.VENDOR_MATCH, "vendors", "Answer needed"),
        (HoldReason.CODE_MISSING, "purchase_orders", "Waiting"),
    ):
        row = {"reason": reason.value, "state": "waiting", "flow": flow, "kind": ""}
        assert badge_of({**row, "state": "answered", "approval": False})[1] == "Goes with the next run"
        assert badge_of({**row, "state": "answered", "approval": True})[1] == "Goes into the next plan"
        assert badge_of(row)[1] == word, reason
        line = {"reason": reason.value, "state": "waiting", "answers": answers_to(flow, reason)}
        assert badge_of(line)[1] == word, reason
    for reason in SIDED:
        labels = {choice_of(reason, one).label for one in answers_to("", reason)}
        assert labels == {"IFS stands", "Procore stands"}, reason


def test_a_file_of_the_inbox_has_the_words_of_its_page() -> None:
    page: Any = SimpleNamespace(connection="north")
    line = {"record": "order P9", "state": "answered", "approval": True, "answers": (), "flow": "", "kind": ""}
    said = "No row. Add a row with `ml-connector mapping import`."
    group: Any = SimpleNamespace(head={"reason": "conflict"}, holds=Listing((), [{**line, "sentence": said}], {}))
    (row,) = inbox_files.holds(page, group).rows
    assert (row["record"], row["state"]) == ("Order P9", "Goes into the next plan")
    assert row["sentence"] == "No row. Add a row on the page Mapping."
    cause = {"reason": "sent_back", "state": "waiting", "owner": "buyer", "flow": "payments", "kind": "", "remedy": ""}
    (row,) = inbox_files.causes(page, Listing((), [cause], {})).rows
    assert (row["state"], row["owner"], row["flow"]) == ("Waiting", "Buyer", "Payments")
    assert row["reason"] == "It was sent back after it crossed"
    ruling = {"record": "vendor S1", "reason": "revised", "question": "May it?", "answer": "new", "label": "Yes"}
    (row,) = inbox_files.answers(Listing((), [{**ruling, "actor": "ann"}], {})).rows
    assert [row[name] for name in ("record", "reason", "answer", "actor")] == ["Vendor S1", "May it?", "Yes", "ann"]


def test_details_of_the_trail_name_the_system_and_the_answer() -> None:
    step = {"target": "5629", "intent": 7}
    assert titles.details_of(step, kind="commitment") == [("Procore contract", "5629", "")]
    assert titles.details_of(step, kind="erp_invoice") == [("IFS supplier invoice", "5629", "")]
    given = {"answer": "erp", "target": "5629", "reason": "sent_back"}
    assert titles.details_of(given, kind="subcontractor_invoice") == [
        ("answer", "IFS keeps it", ""),
        ("linked to", "5629", ""),
        ("reason", "It was sent back after it crossed", ""),
    ]
    assert titles.detail_text("waits_for", "commitment_there:5629") == "contract 5629 in Procore"
    assert titles.detail_text("waits_for", "commitment_line:5629/3") == "line 3 of contract 5629 in Procore"
    assert titles.detail_text("waits_for", "agreed_record:direct_cost:88") == "what was agreed of direct cost 88"
    assert titles.detail_text("reason", "RateLimited") == "Rate limited"
    assert titles.details_of({"end": "12:ab0f"}) == [("up to row", "12", "")]


def test_a_row_of_the_trail_has_the_tone_of_what_happened() -> None:
    tones = {tag: tag_tone(tag) for tag in TAGS}
    assert (tones["hold:open:done"], tones["brake:pull:done"], tones["run:start:done"]) == (
        "waiting",
        "returned",
        "none",
    )
    assert (tones["hold:release:done"], tones["payment:create:done"], tones["run:finish:done"]) == ("good",) * 3
    assert tones["vendor:update:refused"] == tones["run:finish:failed"] == "failed"
    assert set(_TAGS) <= TAGS


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (NewToken, {"name": "x", "scopes": []}, "What it may: choose at least one."),
        (NewToken, {"name": "x", "scopes": ["everything"]}, "What it may is none of the choices."),
        (
            NewToken,
            {"name": "x", "scopes": ["look"], "days": "9000"},
            "How long it holds must be a whole number, at most 365.",
        ),
        (NewToken, {}, "Name is missing."),
        (AuditLook, {"run": "twelve"}, "Run must be a whole number."),
        (AuditLook, {"run": "9" * 30}, "Run is too large."),
        (AuditLook, {"actor": "x" * 201}, "Actor: at most 200 characters."),
        (DismissGiven, {"number": "1"}, "Why is missing."),
    ],
)
def test_an_entry_that_is_off_is_named_as_the_form_names_it(
    kind: type[msgspec.Struct], given: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        taken(kind, given)
    assert refused.value.sentence == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("erp.url is 'x', not an address.", "The address of IFS is 'x', not an address."),
        ("--url is 'x'. Mend the setting named above and run again.",
         "The address at which Procore reaches us is 'x'. Correct it and try again."),
        ("policy.brakes.share_updates is 999.", "\u201cShare changed\u201d is 999."),
        ("Set policy.nothing.there, or webhooks.url.",
         "Set policy.nothing.there, or the address at which Procore reaches us."),
        ("The schedule has schedule.nightly as 'x'.", "The schedule has \u201cThe night's work\u201d as 'x'."),
        ("Look at https://erp.url.example or erp.url=x.", "Look at https://erp.url.example or erp.url=x."),
    ],
)  # fmt: skip
def test_a_setting_is_called_on_a_page_what_its_form_calls_it(said: str, shown: str) -> None:
    assert str(wording.for_pages(said)) == str(escape(shown))
