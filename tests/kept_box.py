"""What both simulated systems hold at one moment, kept so that many tests can begin there."""

from __future__ import annotations

import pickle
from copy import deepcopy
from dataclasses import fields
from io import BytesIO
from typing import Any
from weakref import WeakKeyDictionary

from fresh_box import calm, fresh
from ml_connector.sandbox.ifs.catalog import logical_units
from ml_connector.sandbox.ifs.face import RULES
from ml_connector.sandbox.procore.acts import Acts
from ml_connector.sandbox.procore.contract_kinds import KINDS
from ml_connector.sandbox.procore.webhooks import Webhooks
from ml_connector.sandbox.running import RunningSandbox


class KeptBox:
    """Rows, records, tokens, switches and the clock of a running sandbox, as they were when this was made.

    The moment itself is not kept: while it waits, the clock of the systems goes on as the machine's does.
    """

    def __init__(self, box: RunningSandbox) -> None:
        assert not box.procore.webhooks.hooks, "webhooks are not kept"
        self._box = box
        shared = [box.clock, box.ifs.switches, box.procore.switches, RULES, *KINDS, *logical_units().values()]
        self._shared = dict(enumerate(shared))
        self._switches = {side: _switches(face) for side, face in self._faces()}
        self._ahead = box.clock._offset
        self._whole = box.in_loop(self._taken)

    def put_back(self) -> RunningSandbox:
        """The sandbox, as it was then, without faults and with an empty log."""
        self._box.in_loop(self._back)
        return calm(self._box)

    def _faces(self) -> list[tuple[str, Any]]:
        return [("ifs", self._box.ifs), ("procore", self._box.procore)]

    def _taken(self) -> bytes:
        ifs, procore = self._box.ifs, self._box.procore
        whole = BytesIO()
        held = (ifs._db, ifs._sign_in, procore._state, procore._sign_in, procore._rates)
        _Keeper(whole, {id(one): number for number, one in self._shared.items()}).dump(held)
        return whole.getvalue()

    def _back(self) -> None:
        box, (ifs, procore) = self._box, (self._box.ifs, self._box.procore)
        box.faults.clear()
        box.log.clear()
        box.clock._offset = self._ahead
        for side, face in self._faces():
            for name, value in deepcopy(self._switches[side]).items():
                setattr(face.switches, name, value)
        held = _Finder(BytesIO(self._whole), self._shared).load()
        ifs._db, ifs._sign_in, procore._state, procore._sign_in, procore._rates = held
        procore.webhooks = Webhooks(procore._state, procore.switches, lambda: procore.faults)
        acts = Acts(procore._state, procore.switches)
        procore.acts = {name: procore._by_hand(act) for name, act in acts.by_name().items()}
        procore.project_ids = acts.project_ids


_first: WeakKeyDictionary[RunningSandbox, KeptBox] = WeakKeyDictionary()


def as_at_first(served: RunningSandbox) -> RunningSandbox:
    """The same sandbox, as at its start: three times quicker than to load its world again."""
    if served not in _first:
        _first[served] = KeptBox(fresh(served))
    return _first[served].put_back()


def _switches(face: Any) -> dict[str, Any]:
    return {one.name: deepcopy(getattr(face.switches, one.name)) for one in fields(face.switches)}


class _Keeper(pickle.Pickler):
    """Writes everything down but what the sandbox has once, for which a number stands."""

    def __init__(self, file: BytesIO, numbers: dict[int, int]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._numbers = numbers

    def persistent_id(self, obj: Any) -> int | None:
        """The number of what is shared."""
        return self._numbers.get(id(obj))


class _Finder(pickle.Unpickler):
    """Reads it back, over what the sandbox has once."""

    def __init__(self, file: BytesIO, shared: dict[int, Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, pid: int) -> Any:
        """What the number stands for."""
        return self._shared[pid]
