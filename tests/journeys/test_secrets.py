"""Client secrets and access tokens are nowhere but in memory and, sealed, in the vault's rows."""

from __future__ import annotations

import logging
import tomllib
import traceback
from pathlib import Path

import psycopg
import pytest
import zstandard

from ml_connector.kernel.errors import ConnectorError

from .office import Office


def secrets_of(office: Office) -> list[bytes]:
    """Client secrets, and every access token either side has given out."""
    data = tomllib.loads(office.box.connection_text())
    found = [data["erp"]["client_secret"], data["projects"]["client_secret"]]
    for face in (office.box.ifs, office.box.procore):
        found += list(face._sign_in._tokens)
    assert len(found) > 4
    return [one.encode() for one in found]


def dumped(url: str) -> dict[str, bytes]:
    """Every table as COPY writes it."""
    found = {}
    with psycopg.connect(url) as session:
        for (table,) in session.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            with session.cursor().copy(f'COPY (SELECT * FROM "{table}") TO STDOUT'.encode()) as copy:
                found[table] = b"".join(bytes(part) for part in copy)
    return found


def unpacked(url: str) -> bytes:
    """Every body of the evidence, in plain."""
    opener = zstandard.ZstdDecompressor()
    with psycopg.connect(url) as session:
        bodies = [row[0] for row in session.execute("SELECT body FROM evidence")]
    assert len(bodies) > 20
    return b"\n".join(opener.decompress(body, max_output_size=1 << 26) for body in bodies)


def holding(secret: bytes, text: bytes) -> bool:
    """Whether a text has the secret, as it is or in the hexadecimal of a bytea."""
    return secret in text or secret.hex().encode() in text


def test_no_secret_rests_anywhere(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    office.box.log.bodies = True
    said = []
    for kind in ("401", "half_body", "503"):
        rule = {"kind": kind, "side": "procore", "path": "line_items/sync", "times": 2}
        office.box.admin("POST", "faults", {"rules": [rule]})
        try:
            office.sync()
        except ConnectorError as error:
            said.append("".join(traceback.format_exception(error)) + repr(vars(error)))
    office.box.faults.clear()
    office.sync()
    secrets = secrets_of(office)
    places = dumped(office.settings.database_url or "")
    places["evidence, unpacked"] = unpacked(office.settings.database_url or "")
    places |= {str(path): path.read_bytes() for path in Path(office.settings.home).rglob("*") if path.is_file()}
    places["log"] = caplog.text.encode()
    places["exceptions"] = "\n".join(said).encode()
    places["exchanges"] = repr(office.box.log.exchanges()).encode()
    assert b"line_items" in places["exchanges"]
    assert [(place, secret[:12]) for place, text in places.items() for secret in secrets if holding(secret, text)] == []


def test_a_wrong_secret_is_refused_without_being_repeated(office: Office) -> None:
    office.app.edit_connection("demo", {"erp": {"client_secret": "hunter2-not-the-secret"}})
    with pytest.raises(ConnectorError) as refused:
        office.sync()
    said = "".join(traceback.format_exception(refused.value)) + str(refused.value.remedy)
    assert "hunter2" not in said
    for table, text in dumped(office.settings.database_url or "").items():
        assert not holding(b"hunter2-not-the-secret", text), table
