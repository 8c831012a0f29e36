"""Which colour and shape a state has, as Procore's users know them: blue waiting, green in sync, yellow returned, red
failed, and a grey dash where nothing goes on."""

from __future__ import annotations

WAITING, GOOD, RETURNED, FAILED, NONE = "waiting", "good", "returned", "failed", "none"
_WORDS = {
    WAITING: "waiting planned pending queued held kept free running sending sent asked due open due_soon approval "
    "waiting_for_approval answered new create created_soon info wait looking recovering",
    GOOD: "good synced in_sync linked done ok finished applied approved released active alive healthy passed pass "
    "closed settled up whole true enabled delivered processed accepted success yes agreed ready",
    RETURNED: "returned conflict changed revised sent_back unknown partial warning amber slow late stale "
    "degraded probing half_open question ask suggested expiring differs attention missed stopped",
    FAILED: "failed refused error dead broken given_up parked red expired rejected down wrong false missing blocked "
    "revoked critical lost tripped no",
    NONE: "none paused cancelled canceled skipped ignored disabled off never idle unchanged left superseded empty "
    "leftover abandoned obsolete replaced ended draft",
}
_TONES = {word: tone_ for tone_, words in _WORDS.items() for word in words.split()}


_NEWS = {
    WAITING: "hold:open link:propose",
    RETURNED: "brake:pull breaker:open freeze:override",
    NONE: "run:start plan:make replay:start intent:supersede echo:swallow connection:pause connection:remove "
    "link:reject link:remove ruling:withdraw webhook:remove token:revoke user:remove user:disable user:sign_in "
    "user:sign_out job:ask job:cancel job:retry job:release job:dismiss",
}
_TAGS = {f"{what}:done": tone_ for tone_, words in _NEWS.items() for what in words.split()}
"""What of the audit trail is no success though it was done."""


def tag_tone(tag: str) -> str:
    """The tone of a row of the audit trail by its whole tag: that something was held is done, and yet waits."""
    return _TAGS.get(tag) or tone(tag.rpartition(":")[2])


def tone(state: object) -> str:
    """The tone of a state by its word, in any case; a tone is its own, and an unheard-of word is grey."""
    return _TONES.get(str(state).strip().lower().replace(" ", "_").replace("-", "_"), NONE)
