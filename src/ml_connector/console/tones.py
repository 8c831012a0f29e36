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


def tone(state: object) -> str:
    """The tone of a state by its word, in any case; a tone is its own, and an unheard-of word is grey."""
    return _TONES.get(str(state).strip().lower().replace(" ", "_").replace("-", "_"), NONE)
