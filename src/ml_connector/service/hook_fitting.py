"""Makes one company's or one project's hook in Procore what a connection wants, and our own row of it with it.

A row is kept before Procore is asked, so that no event can come by an address the door does not know yet.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ml_connector.app import App
from ml_connector.kernel.errors import ConnectorError, OutcomeUnknown
from ml_connector.kernel.text import counted, redacted
from ml_connector.store import audit, bulk, hooks
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.hooks import HookRow
from ml_connector.systems.procore.webhook import Hook, Hooks, Trigger, Wish

DOOR = "/webhooks/procore"
"""Begin of the path of our door for Procore."""
_TAIL = 5
"""Characters of the header that Procore shows again (facts/procore.md 13.1)."""


@dataclass(frozen=True)
class Wanted:
    """What the hooks of one sync are to be."""

    base: str
    """Scheme and host of our door."""
    namespace: str
    version: str
    rotate: bool = False
    dry: bool = False


@dataclass
class Steps:
    """What was done, or would be done, in sentences."""

    done: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    """Resources of which hooks tell now."""
    made: bool = False
    """Whether a hook was made anew."""

    def add(self, what: str, project: str, sentence: str) -> None:
        """Notes a step."""
        self.done.append({"what": what, "project": project, "sentence": sentence})


def tail(slug: str) -> str:
    """The last characters of the header that goes with an address: they show whose header stands in Procore.

    They follow from the slug, which changes with every secret; so they tell nothing of the secret before them.
    """
    return b32encode(sha256(f"tail of {slug}".encode()).digest()).decode().lower()[:_TAIL]


class Fitting:
    """One sync of the hooks of a connection, scope by scope."""

    def __init__(self, app: App, row: ConnectionRow, wanted: Wanted, steps: Steps) -> None:
        self.app = app
        self.row = row
        self.wanted = wanted
        self.steps = steps
        with app.db.begin() as conn:
            self.rows = [one for one in hooks.of_connection(conn, row.id) if one.source == "procore"]

    def fit(self, there: Hooks, triggers: Mapping[str, frozenset[str]]) -> None:
        """Makes the hook of one scope what is wanted; `triggers` is resource to actions, and without any it goes."""
        mine = self._mine(there)
        if not triggers:
            self._clear(there, mine, "")
            return
        first = next((hook for hook in mine if self._stands(hook)), mine[0] if mine else None)
        for hook in mine:
            if hook is not first:
                self._delete(there, hook, "a second hook of ours")
        kept, slug = self._fit(there, first)
        if kept:
            self._fit_triggers(there, kept, triggers)
        else:
            self.steps.told |= set(triggers)
            self.steps.add("triggers", there.project, f"{counted(_sum(triggers), 'trigger')} to be added.")
        self._forget([one for one in self.rows if one.project == there.project and one.slug != slug])

    def clear(self, there: Hooks, why: str = "it is not wanted any more") -> None:
        """Removes our hooks of one scope, there and here."""
        self._clear(there, self._mine(there), why)

    def forget_scope(self, project: str, why: str) -> None:
        """Forgets our rows of a scope that Procore does not show any more."""
        self.steps.notes.append(why)
        self._forget([one for one in self.rows if one.project == project])

    def scopes(self) -> set[str]:
        """Projects for which we have hooks; the empty one is the company."""
        return {one.project for one in self.rows}

    def _clear(self, there: Hooks, mine: Sequence[Hook], why: str) -> None:
        for hook in mine:
            self._delete(there, hook, why or "no flow wants it")
        self._forget([one for one in self.rows if one.project == there.project])

    def _mine(self, there: Hooks) -> list[Hook]:
        """Our hooks of a scope: those we have a row of, and those that lead to this connection at our own door."""
        known = {one.remote_id for one in self.rows if one.remote_id}
        found = there.hooks()
        mine = [hook for hook in found if hook.id in known or self._leads_here(hook.url)]
        for hook in [hook for hook in found if hook not in mine]:
            host = urlsplit(hook.url).hostname or "nowhere"
            self.steps.notes.append(
                f"Hook {hook.id} of namespace {self.wanted.namespace} leads to {host}; it is not ours and left alone."
            )
        return mine

    def _leads_here(self, url: str) -> bool:
        return url.startswith(f"{self.wanted.base}{DOOR}/{self.row.name}/")

    def _row_of(self, hook: Hook) -> HookRow | None:
        return next((one for one in self.rows if hook.url == self._address(one.slug)), None)

    def _address(self, slug: str) -> str:
        return f"{self.wanted.base}{DOOR}/{self.row.name}/{slug}"

    def _stands(self, hook: Hook) -> bool:
        """Whether its address is ours and its header can be told to be the one we sent, or cannot be told at all and
        nothing speaks against it."""
        row = self._row_of(hook)
        if row is None or row.state == "broken" or self.wanted.rotate:
            return False
        return hook.shown in (tail(row.slug), "")

    def _fit(self, there: Hooks, hook: Hook | None) -> tuple[Hook | None, str]:
        """The hook as it is afterwards, and its slug; no hook in a dry look that would make one."""
        if hook is None:
            return self._create(there)
        row = self._row_of(hook)
        if row is None or not self._stands(hook):
            return self._rotate(there, hook)
        wish = Wish(hook.url, self.wanted.version, self.wanted.namespace)
        if (hook.version, hook.active) != (wish.version, True):
            was = f"had payload {hook.version}" if hook.active else "was switched off"
            self.steps.add("change", there.project, f"Hook {hook.id} {was}; it is active with {wish.version}.")
            if not self.wanted.dry:
                hook = there.change(hook.id, wish)
                self._audit("webhook:change:done", row.slug, {"hook": hook.id, "version": wish.version})
        if not self.wanted.dry:
            self._put(msgspec.structs.replace(row, remote_id=hook.id, version=wish.version, state="active"))
        return hook, row.slug

    def _create(self, there: Hooks) -> tuple[Hook | None, str]:
        self.steps.add("create", there.project, "A hook is registered.")
        self.steps.made = True
        if self.wanted.dry:
            return None, ""
        row, wish = self._fresh(there.project, "")
        try:
            hook = _silently(wish, lambda: there.create(wish))
        except OutcomeUnknown:
            found = next((one for one in there.hooks() if one.url == wish.url), None)
            if found is None:
                raise
            hook = found
        self._put(msgspec.structs.replace(row, remote_id=hook.id))
        self._audit("webhook:add:done", row.slug, {"hook": hook.id, "project": there.project, "url": wish.url})
        return hook, row.slug

    def _rotate(self, there: Hooks, hook: Hook) -> tuple[Hook | None, str]:
        if self.wanted.rotate:
            why = "as asked for"
        elif self._row_of(hook):
            why = "its header is not the one we sent, or events came without it"
        else:
            why = "it led elsewhere"
        self.steps.add("rotate", there.project, f"Hook {hook.id} gets a new address and secret: {why}.")
        if self.wanted.dry:
            return hook, next((one.slug for one in self.rows if one.remote_id == hook.id), "")
        row, wish = self._fresh(there.project, hook.id)
        number = hook.id
        hook = _silently(wish, lambda: there.change(number, wish))
        self._audit("webhook:rotate:done", row.slug, {"hook": hook.id, "project": there.project, "url": wish.url})
        return hook, row.slug

    def _fresh(self, project: str, remote: str) -> tuple[HookRow, Wish]:
        """A new address with its secret: the row of it, kept already, and what to tell Procore."""
        slug = hooks.new_slug()
        authorization = hooks.new_authorization() + tail(slug)
        row = HookRow(
            connection_id=self.row.id,
            slug=slug,
            project=project,
            remote_id=remote,
            secret_hash=hooks.secret_hash(authorization),
            url=self._address(slug),
            version=self.wanted.version,
        )
        self._put(row)
        return row, Wish(row.url, self.wanted.version, self.wanted.namespace, authorization)

    def _fit_triggers(self, there: Hooks, hook: Hook, wanted: Mapping[str, frozenset[str]]) -> None:
        have = there.triggers(hook.id)
        kept: dict[tuple[str, str], Trigger] = {}
        surplus = []
        for one in have:
            fits = one.action in wanted.get(one.resource, ()) and (one.resource, one.action) not in kept
            if fits:
                kept[one.resource, one.action] = one
            else:
                surplus.append(one)
        pairs = [(name, action) for name, actions in sorted(wanted.items()) for action in sorted(actions)]
        missing = [Trigger(*pair) for pair in pairs if pair not in kept]
        if self.wanted.dry:
            self.steps.told |= set(wanted)
            self._tell_triggers(there.project, hook, len(missing), len(surplus))
            return
        if surplus:
            there.drop(hook.id, surplus)
        added = there.add(hook.id, hook.version, missing) if missing else []
        taken = {one.resource for one in added}
        self.steps.told |= {name for name, _ in kept} | taken
        refused = sorted({one.resource for one in missing} - taken)
        if refused:
            self.steps.notes.append(f"Procore takes no trigger for {', '.join(refused)}.")
        self._tell_triggers(there.project, hook, len(added), len(surplus))
        if added or surplus:
            about = {"hook": hook.id, "added": sorted(taken), "removed": sorted({one.resource for one in surplus})}
            self._audit("webhook:change:done", hook.url.rpartition("/")[2], about)

    def _tell_triggers(self, project: str, hook: Hook, added: int, removed: int) -> None:
        words = [f"{counted(added, 'trigger')} added"] if added else []
        words += [f"{counted(removed, 'trigger')} removed"] if removed else []
        if words:
            self.steps.add("triggers", project, f"Hook {hook.id}: {', '.join(words)}.")

    def _delete(self, there: Hooks, hook: Hook, why: str) -> None:
        self.steps.add("remove", there.project, f"Hook {hook.id} is removed: {why}.")
        if not self.wanted.dry:
            there.delete(hook.id)
            self._audit("webhook:remove:done", hook.url.rpartition("/")[2], {"hook": hook.id, "why": why})

    def _put(self, row: HookRow) -> None:
        with self.app.db.begin() as conn:
            hooks.put(conn, msgspec.structs.replace(row, synced_at=self.app.clock()))

    def _forget(self, rows: Sequence[HookRow]) -> None:
        if rows and not self.wanted.dry:
            with self.app.db.begin() as conn:
                for one in rows:
                    hooks.remove(conn, self.row.id, one.slug)

    def _audit(self, tag: str, slug: str, details: Mapping[str, Any]) -> None:
        entry = audit.AuditEntry(
            at=self.app.clock(),
            actor=self.app.actor,
            tag=tag,
            kind="webhook",
            erp_id=slug,
            details=bulk.json_text(details),
        )
        with self.app.db.begin() as conn:
            audit.append(conn, self.row.id, [entry])


def _silently(wish: Wish, act: Callable[[], Hook]) -> Hook:
    """Does it; should an error repeat what we sent, the secret is taken out of it."""
    try:
        return act()
    except ConnectorError as error:
        secret = (wish.authorization or "").removeprefix("Bearer ")
        if secret and secret in error.sentence:
            error.sentence = redacted(error.sentence, (secret,))
            error.args = (error.sentence,)
        raise


def _sum(triggers: Mapping[str, frozenset[str]]) -> int:
    return sum(map(len, triggers.values()))
