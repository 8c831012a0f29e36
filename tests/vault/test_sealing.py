"""A sealed secret opens only with its key, in its place; the key is kept from others and can be changed."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_connector.kernel.errors import KeyTrouble
from ml_connector.vault.keys import (
    VARIABLE,
    KeyRing,
    SealingKey,
    begin_rotation,
    end_rotation,
    next_file,
    open_ring,
    prepare_rotation,
)
from ml_connector.vault.sealing import reseal, seal, unseal

_SECRET = "correct horse battery staple"
_RING = KeyRing([SealingKey(bytes(range(32)))])


def _text(octet: int) -> str:
    return base64.b64encode(bytes([octet]) * 32).decode()


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first text takes long on a busy machine
@given(st.text(), st.integers(min_value=1, max_value=2**40), st.text(max_size=40))
def test_what_is_sealed_opens_again(secret: str, connection_id: int, field: str) -> None:
    assert unseal(_RING, seal(_RING, connection_id, field, secret)) == secret


def test_the_same_secret_never_looks_the_same_twice() -> None:
    one, two = (seal(_RING, 1, "erp_client_secret", _SECRET) for _ in range(2))
    assert one.nonce != two.nonce
    assert one.sealed != two.sealed
    assert _SECRET.encode() not in one.sealed


@pytest.mark.parametrize(
    "moved",
    [
        {"connection_id": 2},
        {"field": "projects_client_secret"},
        {"nonce": bytes(12)},
        {"nonce": b""},
        {"sealed": b"short"},
    ],
)
def test_a_row_changed_or_moved_does_not_open(moved: dict[str, object]) -> None:
    row = seal(_RING, 1, "erp_client_secret", _SECRET)
    with pytest.raises(KeyTrouble, match="cannot be opened"):
        unseal(_RING, row._replace(**moved))  # type: ignore[arg-type]


@given(st.integers(min_value=0, max_value=len(_SECRET) + 15), st.integers(min_value=0, max_value=7))
def test_no_flipped_bit_goes_unnoticed(place: int, bit: int) -> None:
    row = seal(_RING, 1, "f", _SECRET)
    changed = bytearray(row.sealed)
    changed[place] ^= 1 << bit
    with pytest.raises(KeyTrouble) as caught:
        unseal(_RING, row._replace(sealed=bytes(changed)))
    assert caught.value.__suppress_context__


def test_nothing_that_is_printed_shows_key_or_secret() -> None:
    row = seal(_RING, 1, "f", _SECRET)
    shown = f"{_RING!r} {_RING.current!r} {row!r} {_RING.keys!r}"
    assert _SECRET not in shown
    assert repr(bytes(range(32)))[2:20] not in shown
    with pytest.raises(KeyTrouble) as caught:
        unseal(KeyRing([SealingKey(bytes(32))]), row)
    assert _RING.current.id in str(caught.value)
    assert _SECRET not in str(caught.value) + caught.value.remedy


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / "key"
    first = open_ring(path, {}, may_make=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_ring(path, {}, may_make=False).current.id == first.current.id
    assert len(base64.b64decode(path.read_text())) == 32
    assert os.listdir(path.parent) == ["key"]


def test_many_who_make_the_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    rings: list[str] = []
    threads = [
        threading.Thread(target=lambda: rings.append(open_ring(tmp_path / "key", {}, may_make=True).current.id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 8
    assert len(set(rings)) == 1


def test_a_lost_key_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    with pytest.raises(KeyTrouble, match="missing"):
        open_ring(tmp_path / "key", {}, may_make=False)
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_file_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    open_ring(path, {}, may_make=True)
    path.chmod(mode)
    with pytest.raises(KeyTrouble) as caught:
        open_ring(path, {}, may_make=True)
    assert "chmod 600" in caught.value.remedy


def test_a_link_or_a_folder_is_no_key_file(tmp_path: Path) -> None:
    open_ring(tmp_path / "key", {}, may_make=True)
    (tmp_path / "link").symlink_to(tmp_path / "key")
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("link", "folder"):
        with pytest.raises(KeyTrouble):
            open_ring(tmp_path / name, {}, may_make=True)


@pytest.mark.parametrize("text", ["", "hunter2", _text(1)[:-4], "é" * 44])
def test_what_is_no_key_is_refused_without_being_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(KeyTrouble) as caught:
        open_ring(path, {}, may_make=True)
    assert not text or text not in str(caught.value)


def test_the_variable_goes_before_the_file(tmp_path: Path) -> None:
    ring = open_ring(tmp_path / "key", {VARIABLE: f"{_text(1)} {_text(2)}"}, may_make=True)
    assert ring.current.octets == b"\x01" * 32
    assert len(ring.keys) == 2
    assert not (tmp_path / "key").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(KeyTrouble) as caught:
        open_ring(tmp_path / "file" / "key", {}, may_make=True)
    assert VARIABLE in caught.value.remedy


def test_rotation_seals_everything_anew_and_survives_a_break_at_any_point(tmp_path: Path) -> None:
    path = tmp_path / "key"
    ring = open_ring(path, {}, may_make=True)
    rows = [seal(ring, cid, "erp_client_secret", f"{_SECRET} {cid}") for cid in (1, 2, 3)]
    assert begin_rotation(path, {}).drop  # and then the machine went off
    both = begin_rotation(path, {}).ring
    assert set(both.keys) == {ring.current.id, both.current.id}
    assert both.current.id != ring.current.id
    half = [*reseal(both, rows[:1]), *rows[1:]]
    assert [unseal(open_ring(path, {}, may_make=False), row) for row in half] == [f"{_SECRET} {n}" for n in (1, 2, 3)]
    anew = reseal(both, half)
    assert {row.key_id for row in anew} == {both.current.id}
    assert anew[0] is half[0]
    last = end_rotation(path)
    assert set(last.keys) == {both.current.id}
    assert [unseal(last, row) for row in anew] == [f"{_SECRET} {n}" for n in (1, 2, 3)]
    with pytest.raises(KeyTrouble, match="not here"):
        unseal(last, rows[0])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_in_the_variable_is_rotated_by_the_order_of_keys_there(tmp_path: Path) -> None:
    old, new = _text(1), _text(2)
    row = seal(open_ring(tmp_path / "key", {VARIABLE: old}, may_make=False), 1, "f", _SECRET)
    for alone in (begin_rotation, prepare_rotation):
        with pytest.raises(KeyTrouble, match="no other") as caught:
            alone(tmp_path / "key", {VARIABLE: old})
        assert "behind it" in caught.value.remedy
    early = open_ring(tmp_path / "key", {VARIABLE: f"{old} {new}"}, may_make=False)  # elsewhere, one step behind
    ring, drop = begin_rotation(tmp_path / "key", {VARIABLE: f"{new} {old}"}, ["elsewhere"])
    assert not drop
    anew = reseal(ring, [row])
    assert anew[0].key_id != row.key_id
    assert unseal(early, anew[0]) == _SECRET
    assert unseal(open_ring(tmp_path / "key", {VARIABLE: new}, may_make=False), anew[0]) == _SECRET
    assert os.listdir(tmp_path) == []


def test_machines_with_a_copy_of_the_key_file_can_open_everything_at_every_step(tmp_path: Path) -> None:
    here, there = tmp_path / "here" / "key", tmp_path / "there" / "key"
    first = open_ring(here, {}, may_make=True)
    there.parent.mkdir()
    shutil.copy(here, there)
    rows = [seal(first, 1, "f", _SECRET)]

    def rings() -> list[KeyRing]:
        found = [open_ring(path, {}, may_make=False) for path in (here, there)]
        assert [unseal(ring, row) for ring in found for row in rows] == [_SECRET] * 2 * len(rows)
        return found

    with pytest.raises(KeyTrouble, match=r"other hosts \(there\)") as caught:
        begin_rotation(here, {}, ["there"])
    assert "--prepare" in caught.value.remedy
    second = prepare_rotation(here, {})
    assert prepare_rotation(here, {}).id == second.id
    assert stat.S_IMODE(next_file(here).stat().st_mode) == 0o600
    assert [ring.current.id for ring in rings()] == [first.current.id] * 2  # it seals nothing yet
    shutil.copy(next_file(here), next_file(there))

    ring, drop = begin_rotation(here, {}, ["there"])
    assert (ring.current.id, drop, next_file(here).exists()) == (second.id, False, False)
    rows = [*reseal(ring, rows), seal(rings()[1], 1, "token", _SECRET)]  # they still seal with the former one
    rings()
    shutil.copy(here, there)
    rings()
    ring, drop = begin_rotation(here, {}, ["there"])
    assert drop
    rows = reseal(ring, rows)
    end_rotation(here)
    assert [ring.current.id for ring in rings()] == [second.id] * 2
    assert begin_rotation(there, {}).ring.current.id == second.id
    end_rotation(there)
    rings()
    assert not next_file(there).exists()
