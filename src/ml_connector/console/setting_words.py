"""Settings have a path in the connection file; on a page they are called what its forms call them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ml_connector.planning.policy_words import POLICY_WORDS
from ml_connector.planning.schedule_words import FLOW_WORDS, FREEZE_WORDS, SCHEDULE_WORDS
from ml_connector.registry import FLOWS

_TITLES: Mapping[str, str] = {
    **{f"policy.{path}": f"\u201c{word.title}\u201d" for path, word in POLICY_WORDS.items()},
    **{f"schedule.{path}": f"\u201c{word.title}\u201d" for path, word in SCHEDULE_WORDS.items()},
    **{
        f"schedule.flows.{flow}.{path}": f"\u201c{word.title}\u201d of {flow}"
        for flow in FLOWS
        for path, word in FLOW_WORDS.items()
    },
    **{
        f"schedule.freeze.{path}": f"\u201c{word.title}\u201d of a freeze window" for path, word in FREEZE_WORDS.items()
    },
    "schedule.freeze": "freeze window",
    "connection.time_zone": "the time zone of IFS",
    "connection.title": "what people call the connection",
    "erp.url": "the address of IFS",
    "erp.channel": "the channel of IFS",
    "erp.realm": "the realm of IFS",
    "erp.client_id": "the client id of IFS",
    "erp.client_secret": "the client secret of IFS",
    "projects.url": "the address of Procore",
    "projects.login_url": "the sign-in address of Procore",
    "projects.company_id": "the company number of Procore",
    "projects.client_id": "the client id of Procore",
    "projects.client_secret": "the client secret of Procore",
    "webhooks.url": "the address at which Procore reaches us",
    "--url": "the address at which Procore reaches us",
}
_PATH = re.compile(
    r"(?<![\w.`/-])(" + "|".join(sorted(map(re.escape, _TITLES), key=len, reverse=True)) + r")(?![\w`=-]|\.\w)"
)


def with_titles(text: str) -> str:
    """A sentence in which settings are called what forms call them; one it begins with begins it in capitals."""

    def title(found: re.Match[str]) -> str:
        name = _TITLES[found[1]]
        return name[:1].upper() + name[1:] if not text[: found.start()].strip() else name

    return _PATH.sub(title, text)
