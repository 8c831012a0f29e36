"""Evidence: kept once, whatever its size; found again by run and by document; not lost when the database is away."""

from __future__ import annotations

import random
import threading

import pytest

from ml_connector.kernel.errors import NothingSuchHere, Unavailable
from ml_connector.kernel.keys import Key, content_hash
from ml_connector.planning.plan import Intent, Verb
from ml_connector.store import bulk, evidence, journal
from ml_connector.store.evidence import EvidenceWriter
from ml_connector.store.postgres import Database

from .taped import Taped


def _bodies(database: Database) -> int:
    with database.begin() as conn:
        return int(bulk.fetch(conn, "SELECT count(*) FROM evidence")[0][0])


def test_an_exchange_comes_back_with_its_bodies(database: Database, cid: int) -> None:
    writer = EvidenceWriter(cid, 5)
    large = random.Random(1).randbytes(3_000_000)
    with writer.sending([11, 12]):
        writer.tape(Taped(reply=large))
    writer.tape(Taped(method="GET", request=b"", status=0, reply=b"", write=False))
    assert (writer.pending, writer.weight > 3_000_000) == (2, True)
    assert writer.flush(database) == 2
    assert (writer.pending, writer.weight, writer.flush(database)) == (0, 0, 0)
    with database.begin() as conn:
        first, second = evidence.exchanges_of(conn, cid, 5)
        assert first.reply_hash == content_hash(large)
        assert evidence.body_of(conn, content_hash(large)) == large
        assert (first.intent_ids, second.intent_ids) == ([11, 12], [])
        assert (second.status, second.request_hash, second.reply_hash) == (0, None, None)
        assert evidence.exchanges_of(conn, cid, 5, after=first.id, limit=1) == [second]
        assert evidence.exchanges_of(conn, cid + 1, 5) == []
        with pytest.raises(NothingSuchHere):
            evidence.body_of(conn, bytes(32))


def test_equal_bodies_are_kept_once_whoever_brings_them(database: Database, cid: int) -> None:
    writers = [EvidenceWriter(cid, run) for run in (1, 2)]
    for writer in writers:
        for _ in range(3):
            writer.tape(Taped())
            writer.flush(database)
    assert _bodies(database) == 2
    with database.begin() as conn:
        assert len(evidence.exchanges_of(conn, cid, 1)) == 3


def test_many_threads_may_tape_at_once(database: Database, cid: int) -> None:
    writer = EvidenceWriter(cid, 1)

    def work(name: int) -> None:
        with writer.sending([name]):
            for place in range(50):
                writer.tape(Taped(request=b"%d/%d" % (name, place)))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    written = writer.flush(database)
    for thread in threads:
        thread.join()
    assert written + writer.flush(database) == 400
    assert _bodies(database) == 401
    with database.begin() as conn:
        rows = evidence.exchanges_of(conn, cid, 1)
        for row in rows[:20]:
            assert row.request_hash is not None
            assert evidence.body_of(conn, row.request_hash).startswith(b"%d/" % row.intent_ids[0])


def test_what_could_not_be_written_waits_for_the_next_flush(database: Database, cid: int) -> None:
    writer = EvidenceWriter(cid, 1)
    writer.tape(Taped())
    away = Database("host=127.0.0.1 port=1", "the database")
    with pytest.raises(Unavailable):
        writer.flush(away)
    away.close()
    writer.tape(Taped(request=b"second"))
    assert writer.pending == 2
    assert writer.flush(database) == 2
    assert _bodies(database) == 3


def test_a_document_leads_to_the_requests_that_carried_it(database: Database, cid: int) -> None:
    key = Key("commitment", "P1@1")
    intent = Intent("orders", Verb.CREATE, key, "k", "1", "", b"b", (), (), None, "why", "P1")
    with database.begin() as conn:
        ids = journal.keep_intents(conn, cid, 3, [intent])
    writer = EvidenceWriter(cid, 3)
    with writer.sending([*ids, 999]):
        writer.tape(Taped())
    with writer.sending([999]):
        writer.tape(Taped())
    writer.flush(database)
    with database.begin() as conn:
        assert [row.intent_ids for row in evidence.exchanges_about(conn, cid, "P1")] == [[*ids, 999]]
        assert evidence.exchanges_about(conn, cid, "P2") == []
