"""The night: every step is done in short jobs, one that fails stops no other, and what must be told is told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ml_connector.app import App
from ml_connector.kernel.errors import NothingSuchHere, SignInRefused, Unavailable
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import breaking
from ml_connector.service.duty import Done, Duty
from ml_connector.service.nightly import CONNECTION, certificate_alert, nightly
from ml_connector.store import alerts, audit, bulk, evidence, hooks, partitions, sources
from ml_connector.store.connections import ConnectionRow
from ml_connector.systems.certificate import end_of, good_until

NIGHT = timedelta(days=1)


def _night(app: App, row: ConnectionRow | None, args: Mapping[str, Any] | None = None, why: str = "") -> Done:
    return nightly(Duty(app, "nightly", row, args or {}, enough=lambda: why))


def _told(app: App, number: int) -> list[tuple[str, str]]:
    with app.db.begin() as conn:
        return [(one.key, one.severity) for one in alerts.standing(conn, number)]


def _sql(app: App, *statements: str) -> None:
    with app.db.begin() as conn:
        for statement in statements:
            bulk.run(conn, statement)


def _tampered(app: App, row: ConnectionRow, actor: str, seq: int) -> None:
    _sql(
        app,
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        f"UPDATE audit SET actor = '{actor}' WHERE seq = {seq} AND connection_id = {row.id}",
        "ALTER TABLE audit ENABLE TRIGGER ALL",
    )


@pytest.fixture
def synced(north: App) -> App:
    north.sync("north")
    return north


def test_a_night_in_one_job_and_in_many_says_the_same(synced: App) -> None:
    row = synced.connection("north")
    assert _night(synced, row) == Done(True, None, "", {})
    args: dict[str, Any] = {}
    seen = []
    for _ in range(60):
        done = _night(synced, row, args, why="Others wait.")
        seen.append((done.rest.get("step"), done.why))
        if done.again_at is None:
            break
        assert done.again_at <= datetime.now(UTC)
        args = dict(done.rest)
    assert done == Done(True, None, "", {"step": ""})
    assert {step for step, _ in seen} == {*CONNECTION, ""} - {"audit"}  # it was the first one
    assert len(seen) > 5
    # the last word of a night leaves nothing of where it was cut
    assert _night(synced, row, done.rest) == Done(True, None, "", {"step": ""})


def test_a_changed_row_of_the_audit_trail_is_urgent_until_it_is_right_again(synced: App) -> None:
    row = synced.connection("north")
    with synced.db.begin() as conn:
        actor = audit.entries(conn, row.id, before=4, limit=1)[0].entry.actor
    _tampered(synced, row, "eve", 3)
    done = _night(synced, row)
    assert "the audit trail is not whole" in done.why
    assert _told(synced, row.id) == [("audit/chain", "urgent")]
    _tampered(synced, row, actor, 3)
    _night(synced, row)
    assert _told(synced, row.id) == []


def test_most_nights_check_what_is_new_and_one_a_week_all_of_it(synced: App) -> None:
    row = synced.connection("north")
    _night(synced, row)
    with synced.db.begin() as conn:
        assert sources.watermark(conn, row.id, "audit/verified") == str(audit.head(conn, row.id))
    _tampered(synced, row, "eve", 3)
    _night(synced, row)
    assert _told(synced, row.id) == []
    _sql(synced, "UPDATE watermarks SET value = '2026-01-01' WHERE name = 'audit/whole'")
    _night(synced, row)
    assert _told(synced, row.id) == [("audit/chain", "urgent")]


def test_a_chain_rewritten_below_what_was_verified_is_found_the_same_night(synced: App) -> None:
    row = synced.connection("north")
    _night(synced, row)
    with synced.db.begin() as conn:
        end = audit.head(conn, row.id)
    _sql(
        synced,
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        f"UPDATE audit SET hash = sha256('x') WHERE seq = {end.seq} AND connection_id = {row.id}",
        "ALTER TABLE audit ENABLE TRIGGER ALL",
    )
    _night(synced, row)
    assert _told(synced, row.id) == [("audit/chain", "urgent")]


def test_a_step_that_fails_is_told_and_stops_no_other(synced: App, monkeypatch: pytest.MonkeyPatch) -> None:
    row = synced.connection("north")

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(synced, "counting", fails)
        done = _night(synced, row)
    assert (done.well, done.again_at, done.why) == (False, None, "census failed: RuntimeError")
    assert _told(synced, row.id) == [("night/census", "warning")]
    with synced.db.begin() as conn:
        assert sources.watermark(conn, row.id, "audit/verified")
    assert _night(synced, row).well
    assert _told(synced, row.id) == []


def test_a_step_that_must_wait_comes_again_alone(synced: App, monkeypatch: pytest.MonkeyPatch) -> None:
    row = synced.connection("north")

    def waits(*_: object, **__: object) -> None:
        raise Unavailable("Procore is away.")

    with monkeypatch.context() as patch:
        patch.setattr(synced, "counting", waits)
        done = _night(synced, row)
        assert done.again_at is not None
        assert done.again_at > datetime.now(UTC) + timedelta(minutes=14)
        assert dict(done.rest) == {"only": ["census"], "tries": 1}
        assert dict(_night(synced, row, {**done.rest, "tries": 7}).rest) == {"only": ["census"], "tries": 8}
        assert _told(synced, row.id) == []
        last = _night(synced, row, {**done.rest, "tries": 8})  # nobody comes for it again before the next night
        assert (last.well, last.again_at, dict(last.rest)) == (False, None, {"step": ""})
        with synced.db.begin() as conn:
            [told] = alerts.standing(conn, row.id)
        assert (told.key, told.severity) == ("night/census", "warning")
        assert "Procore is away." in told.sentence
    assert _night(synced, row, done.rest) == Done(True, None, "", {"step": ""})
    assert _told(synced, row.id) == []


def test_a_side_that_is_not_called_for_now_is_not_counted(synced: App, box: RunningSandbox) -> None:
    row = synced.connection("north")
    refused = SignInRefused("Procore refuses the client secret.")
    refused.side = "projects"
    assert breaking.trip(synced, row, refused)
    assert breaking.standing(synced, row)
    box.log.clear()
    done = _night(synced, row)
    assert dict(done.rest) == {"only": ["exposure", "census"], "tries": 1}
    assert box.log.calls == 0


class _Then:
    """A clock for the evidence."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self, _zone: object) -> datetime:
        return self.at


def test_evidence_goes_by_the_month_and_a_run_that_is_kept_can_still_be_decided_again(
    north: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime.now(UTC) - timedelta(days=200)
    with monkeypatch.context() as patch:
        patch.setattr(evidence, "datetime", _Then(then))
        run = north.sync("north").run
    _sql(north, f"UPDATE runs SET started_at = '{then.isoformat()}'")
    before = north.replay("north", str(run))
    assert (before["same"], before["decided"] > 0) == (True, True)
    done = _night(north, None)
    assert done.well
    assert f"exchanges_{then:%Y_%m} dropped" in done.why
    with north.db.begin() as conn:
        kept = {month.name for month in partitions.months(conn)}
        assert f"exchanges_{then:%Y_%m}" not in kept
        assert f"exchanges_lasting_{then:%Y_%m}" in kept
        next_month = partitions.following(partitions.month_of(datetime.now(UTC)))
        assert f"evidence_{next_month:%Y_%m}" in kept
    assert north.replay("north", str(run)) == before
    # once the run is over age, all of it goes but the newest step of what is linked
    old = datetime.now(UTC) - timedelta(days=800)
    _sql(north, f"UPDATE runs SET started_at = '{old.isoformat()}'")
    later = App(north.settings, north.db, "test", clock=lambda: datetime.now(UTC) + timedelta(days=250))
    assert _night(later, None).well
    with north.db.begin() as conn:
        assert f"exchanges_lasting_{then:%Y_%m}" not in {month.name for month in partitions.months(conn)}
        left = bulk.fetch(conn, "SELECT count(*), count(DISTINCT (kind, erp_id)) FROM intents")[0]
        states = bulk.fetch(conn, "SELECT count(*) FROM intent_states")[0][0]
        linked = bulk.fetch(conn, "SELECT count(*) FROM links WHERE state = 'linked'")[0][0]
        assert 0 < left[0] == left[1] == states <= linked
        assert bulk.fetch(conn, "SELECT count(*) > 0 FROM audit")[0][0]
    assert north.verify_audit("north") == []
    with pytest.raises(NothingSuchHere, match="kept no longer"):
        north.replay("north", str(run))


def test_the_installation_s_night_in_many_jobs_removes_the_same(north: App) -> None:
    for number in range(3):
        _sql(
            north,
            "INSERT INTO inbox (connection_id, source, event, body, state, received_at) "
            f"VALUES (1, 'procore', '{number}', '', 'done', now() - interval '40 days')",
        )
    args: dict[str, Any] = {}
    for _ in range(40):
        done = _night(north, None, args, why="Others wait.")
        args = dict(done.rest)
        if done.again_at is None:
            break
    assert done.well
    assert "3 events removed" in done.why
    with north.db.begin() as conn:
        assert bulk.fetch(conn, "SELECT count(*) FROM inbox")[0][0] == 0


def test_an_old_sealing_key_is_a_notice(north: App) -> None:
    assert _told(north, 0) == []
    late = App(north.settings, north.db, "test", clock=lambda: datetime.now(UTC) + timedelta(days=401))
    _night(late, None)
    assert _told(north, 0) == [("key/old", "notice")]
    _night(north, None)
    assert _told(north, 0) == []


def _certificate(folder: Path, end: datetime) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7)
    made = builder.not_valid_before(end - timedelta(days=90)).not_valid_after(end).sign(key, hashes.SHA256())
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return chain, secret


@contextmanager
def _serving(folder: Path, end: datetime) -> Iterator[str]:
    """A host that shows a certificate which is good until `end`, to whoever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_certificate(folder, end))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_the_end_of_a_certificate_is_read_from_the_handshake_even_when_it_is_over(tmp_path: Path) -> None:
    for days in (-3, 5, 200):
        end = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
        with _serving(tmp_path, end) as url:
            assert good_until(url) == end
    assert good_until(url) is None  # nobody answers there any more
    assert good_until("http://127.0.0.1:1") is None


def test_what_is_no_certificate_has_no_end(tmp_path: Path) -> None:
    end = datetime(2055, 3, 1, 12, 30, 1, tzinfo=UTC)  # from 2050 on the year has four digits
    chain, _ = _certificate(tmp_path, end)
    whole = ssl.PEM_cert_to_DER_cert(chain.read_text())
    assert end_of(whole) == end
    for cut in range(len(whole)):
        assert end_of(whole[:cut]) is None
    assert end_of(b"no certificate at all") is None


def test_people_are_warned_before_a_certificate_ends_and_no_more_once_there_is_another(
    north: App, tmp_path: Path
) -> None:
    row = north.connection("north")
    for days, expected in ((20, "warning"), (5, "urgent"), (-1, "urgent"), (60, "")):
        with _serving(tmp_path, datetime.now(UTC) + timedelta(days=days, hours=1)) as url:
            config = {**row.config, "projects": {**row.config["projects"], "login_url": url}}
            shown = ConnectionRow(**{**{name: getattr(row, name) for name in row.__struct_fields__}, "config": config})
            _night(north, shown)
        assert [severity for key, severity in _told(north, row.id) if key == "certificate/login"] == (
            [expected] if expected else []
        )


def test_a_certificate_s_alarm_says_the_day() -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    found = certificate_alert("erp", "https://acme.ifs.cloud", now + timedelta(days=6, hours=2), now)
    assert found is not None
    assert "ends on 03 December 2026, in 6 days" in found.sentence
    assert certificate_alert("erp", "https://acme.ifs.cloud", now + timedelta(days=31), now) is None


def test_the_certificate_at_the_address_of_our_own_door_is_looked_at_and_one_that_cannot_be_seen_is_said(
    north: App, tmp_path: Path
) -> None:
    row = north.connection("north")

    def registered(url: str) -> None:
        with north.db.begin() as conn:
            hooks.put(conn, hooks.HookRow(connection_id=row.id, slug="s", secret_hash=b"x", url=f"{url}/webhooks/x"))

    for days, expected in ((20, [("certificate/door", "warning")]), (60, [])):
        with _serving(tmp_path, datetime.now(UTC) + timedelta(days=days, hours=1)) as url:
            registered(url)
            done = _night(north, row, {"only": ["certificates"]})
        assert _told(north, row.id) == expected
        assert ("no event reaches us" in done.why) == bool(expected)
    assert f"{url} showed no certificate" in _night(north, row, {"only": ["certificates"]}).why
    registered("http://127.0.0.1:1")
    assert _night(north, row, {"only": ["certificates"]}).why == ""
