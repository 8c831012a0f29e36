"""Who changed what of a linked vendor since both sides last agreed: what goes there, what comes back, what is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from ml_connector.records.vendor import Vendor

COMPARED = ("name", "address", "city", "zip_code", "email", "phone")
"""Fields Procore gives back as they were written. State, country and tax number it keeps in forms of its own, or not
at all (facts/procore.md 6): they are written, and read back only where Procore owns them."""

OWNED = ("name", "tax_number", "country", "address", "city", "state", "zip_code", "email", "phone")
"""Fields IFS owns unless policy gives one to Procore; the rest of a Procore vendor is never touched."""

FOLLOWED = (*OWNED, "active")
"""Fields whose change in IFS goes to Procore."""


class Difference(msgspec.Struct, frozen=True):
    """Field names, by what is to be done about them."""

    there: tuple[str, ...] = ()
    """To be written in Procore: IFS owns them and changed them."""
    back: tuple[str, ...] = ()
    """To be written in IFS: Procore owns them and has another value."""
    drift: tuple[str, ...] = ()
    """Changed only by people of the side that does not own them."""
    conflicts: tuple[str, ...] = ()
    """Changed on both sides."""

    def settled(self, side: str, theirs: Collection[str]) -> Difference:
        """The same with every question answered: `erp` or `projects` stands; `theirs` are the fields Procore owns."""
        asked = (*self.conflicts, *self.drift)
        if side == "erp":
            return Difference((*self.there, *asked), self.back)
        return Difference(self.there, (*self.back, *(name for name in asked if name in theirs)))

    def restored(self, theirs: Collection[str]) -> Difference:
        """The same with drift written over by each field's owner; conflicts stay questions."""
        there = tuple(name for name in self.drift if name not in theirs)
        back = tuple(name for name in self.drift if name in theirs)
        return Difference((*self.there, *there), (*self.back, *back), (), self.conflicts)


class Sides(msgspec.Struct, frozen=True):
    """One linked vendor: as IFS has it, as Procore has it, and as both last agreed (`base`, with IFS's values)."""

    ours: Vendor
    theirs: Vendor
    base: Vendor
    owned_there: frozenset[str]
    """Fields Procore owns."""
    touched: bool | None
    """Whether somebody changed it in Procore since our last write; None where there is no stamp to tell."""

    @property
    def watched(self) -> tuple[str, ...]:
        """Fields that can be compared between the two."""
        return (*COMPARED, *sorted(self.owned_there - set(COMPARED)))

    def same(self, name: str) -> bool:
        """Whether both sides say the same."""
        return alike(name, getattr(self.ours, name), getattr(self.theirs, name))

    def changed_here(self, name: str) -> bool:
        """Whether IFS changed the field since both agreed."""
        return bool(getattr(self.ours, name) != getattr(self.base, name))

    def changed_there(self, name: str) -> bool:
        """Whether Procore's people did; what they had when both agreed is no change."""
        if self.touched is False:
            return False
        agreed = dict(self.base.there).get(name, getattr(self.base, name))
        return not alike(name, getattr(self.theirs, name), agreed)

    def difference(self) -> Difference:
        """Every field that differs, by owner and by who changed it."""
        there = [name for name in FOLLOWED if name not in self.watched and self._to_be_sent(name)]
        back, drift, conflicts = list[str](), list[str](), list[str]()
        for name in self.watched:
            if self.same(name):
                continue
            verdict = self._of_procore(name) if name in self.owned_there else self._of_ifs(name)
            {"there": there, "back": back, "drift": drift, "conflict": conflicts, "": []}[verdict].append(name)
        return Difference(tuple(there), tuple(back), tuple(drift), tuple(conflicts))

    def _to_be_sent(self, name: str) -> bool:
        if name == "active" and self.ours.active == self.theirs.active:
            return False
        return self.changed_here(name)

    def _of_ifs(self, name: str) -> str:
        """A name that Procore kept as its own is asked about even where only IFS changed it since."""
        own_name = name == "name" and name in dict(self.base.there)
        if self.changed_here(name):
            return "conflict" if self.changed_there(name) or own_name else "there"
        return "drift" if self.touched and self.changed_there(name) else ""

    def _of_procore(self, name: str) -> str:
        """An empty field in Procore empties IFS's only where somebody emptied it."""
        here, there = self.changed_here(name), self.changed_there(name)
        if here:
            return "conflict" if there else "drift"
        return "back" if there or getattr(self.theirs, name) else ""

    def agreed(self, difference: Difference) -> Vendor:
        """What both will have agreed on once `difference` is done: IFS's values, and Procore's where they stay."""
        kept = [
            (name, getattr(self.theirs, name))
            for name in self.watched
            if name not in (*difference.there, *difference.back) and not self.same(name)
        ]
        if not difference.there:  # nothing is written there, so that what cannot be compared stays as it was, too
            stays = (one for one in self.base.there if one[0] not in (*self.watched, *difference.back))
            kept += [(name, value) for name, value in stays if not self.same(name)]
        return msgspec.structs.replace(self.for_ifs(difference.back), there=tuple(kept))

    def for_ifs(self, back: Collection[str]) -> Vendor:
        """IFS's record with Procore's values of some fields."""
        values = {name: getattr(self.theirs, name) for name in back}
        return msgspec.structs.replace(self.ours, **values, there=(), stamp="")

    def for_procore(self, there: Collection[str]) -> Vendor:
        """What is written in Procore: of the fields that can be compared only those named differ from what is there."""
        values = {name: getattr(self.theirs, name) for name in (*self.watched, "active") if name not in there}
        return msgspec.structs.replace(self.ours, **values, there=(), stamp="")

    def stale(self, difference: Difference) -> bool:
        """Whether what was agreed has moved although nothing need be sent: both sides came to the same by themselves,
        or a person let Procore keep what it has."""
        after = self.agreed(difference)
        settled = {name for name, _ in self.base.there if self.same(name)}
        return bool(settled) or any(getattr(after, name) != getattr(self.base, name) for name in FOLLOWED)

    def evidence(self, names: Sequence[str]) -> str:
        """What was agreed and what each side says now, a line a field: what a person rules on."""
        return "\n".join(
            f"{name.replace('_', ' ')}: agreed {_said(getattr(self.base, name))}; "
            f"IFS {_said(getattr(self.ours, name))}; Procore {_said(getattr(self.theirs, name))}"
            for name in names
        )


def named(names: Sequence[str]) -> str:
    """Fields as people read them: `name, zip code`."""
    return ", ".join(name.replace("_", " ") for name in names)


def _said(value: object) -> str:
    return str(value) if value else "nothing"


def alike(name: str, one: str | None, other: str | None) -> bool:
    """Whether two values of a field are one: white space folded, nothing and empty equal, phones by their digits."""
    fold = _FOLDS.get(name, _spaces)
    return fold(one or "") == fold(other or "")


def _spaces(text: str) -> str:
    return " ".join(text.split())


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum() or sign == "+").casefold()


_FOLDS: Mapping[str, Callable[[str], str]] = {"phone": _digits, "email": lambda text: _spaces(text).casefold()}
"""How a field is folded before it is compared; others by their white space."""


def linked_as(ours: Vendor, theirs: Vendor, owned_there: frozenset[str]) -> Vendor:
    """What is agreed when two records are first taken for one firm: each keeps what it has, comparable or not."""
    sides = Sides(ours, theirs, ours, owned_there, None)
    agreed = sides.agreed(Difference())
    rest = [(name, getattr(theirs, name)) for name in OWNED if name not in sides.watched and not sides.same(name)]
    return msgspec.structs.replace(agreed, there=(*agreed.there, *rest))


def as_left(agreed: Vendor) -> Vendor:
    """What Procore has once that is agreed: IFS's values, but its own where it kept them."""
    return msgspec.structs.replace(agreed, **dict(agreed.there), there=())
