"""Every way to fail, ordered by what happens next.

ConnectorError
|-- Wait                 comes back by itself; nothing for a person to do            exit 10
|   |-- RateLimited          the other side asked for a pause
|   |-- Locked               somebody holds the row
|   |-- Unavailable          the other side, or the database, is away for now
|-- AskPerson            a person must decide before anything moves                  exit 11
|   |-- ApprovalNeeded       a plan waits for approval by its hash
|   |-- PlanUnknown          the named plan is not (or no longer) here
|   |-- BrakePulled          the plan would change more than its policy allows
|   |-- NothingSuchHere      the named connection, document, hold or run does not exist
|   |-- Paused               a person paused it, or a freeze window of its schedule lasts
|   |-- NotAllowed           this person may not; another one may
|-- FixSetup             a setting, right, file or machine must be mended            exit 12
|   |-- BadInput             a file, option or value we were given is wrong
|   |-- SignInRefused        host, realm, client or secret is not accepted
|   |-- RightMissing         signed in, but not allowed to
|   |-- NameMissing          a projection, set or property the profile names is not there
|   |-- HostUnreachable      nothing answers at that address
|   |-- DatabaseTrouble      no embedded server here, disk full, wrong version, bad URL
|   |-- KeyTrouble           the sealing key is missing, wrong or unsafe
|   |-- EnvironmentChanged   a side is not the tenant or company this connection was tied to
|-- OutcomeUnknown       a write was sent and no answer came: ask before sending     exit 13
|-- Refused              their rules said no to one record; the rest goes on         exit 14
|   |-- Stale                the row changed under us (412): read and decide again
|-- Bug                  we broke our own rule; the message says where               exit 70
"""

from __future__ import annotations

from datetime import datetime


class ConnectorError(Exception):
    """Anything that can go wrong: one sentence for the operator, a next step, and what the other side called it."""

    exit_code = 70
    next_step = "Report this with the log of the run."
    side = ""
    """Which side it is about: erp, projects or store; empty when nobody said. Written by systems/transport.py, and by
    store/trouble.py for the database."""

    def __init__(self, sentence: str, *, remedy: str | None = None, reference: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy or self.next_step
        self.reference = reference

    def __str__(self) -> str:
        """The sentence, and the other side's reference for it when there is one."""
        return f"{self.sentence} [{self.reference}]" if self.reference else self.sentence


class Wait(ConnectorError):
    """The thing will work later without anybody doing anything; `seconds` is the pause asked for, if any."""

    exit_code = 10
    next_step = "Nothing to do: run again later, or let the schedule do it."

    def __init__(
        self, sentence: str, *, seconds: float | None = None, remedy: str | None = None, reference: str | None = None
    ) -> None:
        super().__init__(sentence, remedy=remedy, reference=reference)
        self.seconds = seconds
        self.again_at: datetime | None = None
        """When it goes on, where that is known; aware."""


class RateLimited(Wait):
    """The other side asked us to slow down."""


class Locked(Wait):
    """Somebody holds the row at the moment."""


class Unavailable(Wait):
    """The other side or the database does not answer for now; nothing was changed."""


class AskPerson(ConnectorError):
    """Nothing moves until a person decides."""

    exit_code = 11
    next_step = "Decide, then run again."


class ApprovalNeeded(AskPerson):
    """The policy of this connection wants a person to approve the plan by its hash."""


class PlanUnknown(AskPerson):
    """No kept plan has that hash."""

    next_step = "Run `ml-connector plan NAME` and approve the hash it prints."


class BrakePulled(AskPerson):
    """The plan would create, change or remove more than its policy allows in one run."""


class NothingSuchHere(AskPerson):
    """The named connection, flow, document, hold or run is not known."""

    next_step = "Check the name; `ml-connector connection list` and `ml-connector runs` show what there is."


class Paused(AskPerson):
    """A person paused this connection or flow, or a freeze window of its schedule lasts; nothing was sent."""

    next_step = "Run `ml-connector resume NAME`, or wait until it ends by itself."


class NotAllowed(AskPerson):
    """The person or token that asks may not do this; somebody else may."""

    next_step = "Ask somebody who may, or an administrator for the right."


class FixSetup(ConnectorError):
    """Something about the set-up must be mended first."""

    exit_code = 12
    next_step = "Mend the setting named above and run again."


class BadInput(FixSetup):
    """A file, an option or a value we were given cannot be used; nothing was changed."""


class SignInRefused(FixSetup):
    """The sign-in was refused: host, realm, client id or secret is wrong, or the account is off."""


class RightMissing(FixSetup):
    """Signed in, but the account may not do this."""


class NameMissing(FixSetup):
    """A projection, entity set or property our profile names does not exist on this tenant."""


class HostUnreachable(FixSetup):
    """No server answers at that address, or its certificate is not trusted."""


class DatabaseTrouble(FixSetup):
    """The database cannot be used as it is."""


class KeyTrouble(FixSetup):
    """The key that seals the secrets is missing, wrong or readable by others."""


class EnvironmentChanged(FixSetup):
    """A side says of itself that it is another tenant or company than the one this connection was tied to."""

    next_step = (
        "Make sure which system answers there; if it is the right one, run `ml-connector connection rebind NAME`."
    )


class OutcomeUnknown(ConnectorError):
    """A write left this machine and no answer came back; it may or may not have happened."""

    exit_code = 13
    next_step = "Run again: the engine reads back what happened before it sends anything."


class Refused(ConnectorError):
    """The other side's rules said no to this record; the record waits, everything else goes on."""

    exit_code = 14
    next_step = "Read the reason, mend the record where it was made, and run again."


class Stale(Refused):
    """The row changed between our read and our write; it must be read and decided again."""


class Bug(ConnectorError):
    """We broke a rule of our own; nothing was sent after it was noticed."""
