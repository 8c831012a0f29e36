"""A decision as text a controller could read: one line an intent, a hold, a skip, a record left alone."""

from __future__ import annotations

from textwrap import dedent

from ml_connector.planning.plan import Decision, Hold, Intent


def told(decision: Decision) -> str:
    """The decision, in the order in which it was made."""
    lines = [_intent(intent) for intent in decision.intents]
    lines += [_hold(hold) for hold in decision.holds]
    lines += [f"SKIP {skip.sentence}" for skip in decision.skips]
    lines += [f"unchanged {key}" for key in decision.unchanged]
    return "\n".join(lines)


def _intent(intent: Intent) -> str:
    target = f" -> {intent.target}" if intent.target else ""
    money = f" {intent.money}" if intent.money else ""
    return f"{intent.verb.value} {intent.key}{target}{money}: {intent.reason}"


def _hold(hold: Hold) -> str:
    money = f" with {hold.money}" if hold.money else ""
    return f"HOLD {hold.reason.value} for {hold.waits_for} ({hold.owner}){money}: {hold.sentence}"


def page(text: str) -> str:
    """A page of expected text without its indentation; a line ending in a backslash goes on below."""
    return dedent(text).strip().replace("\\\n", "")
