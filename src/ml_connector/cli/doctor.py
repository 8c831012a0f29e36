"""The command a support person asks for first."""

from __future__ import annotations

import typer

from ml_connector.cli.output import Output
from ml_connector.cli.running import MaybeName
from ml_connector.cli.session import actor, session_of
from ml_connector.cli.trouble import FOUND_WRONG
from ml_connector.kernel.text import counted
from ml_connector.service.doctor import examine


def doctor(ctx: typer.Context, name: MaybeName = "") -> None:
    """Look at everything at once: database, key, clocks, processes, queue, both systems, webhooks, freshness."""
    session = session_of(ctx)
    found = examine(session.settings, actor(), name)
    bad = [look for look in found if not look.ok]
    told = [*bad, *(look for look in found if look.ok and look.warns)]

    def human(out: Output) -> None:
        rows = [
            ("FAIL" if not look.ok else "warn" if look.warns else "ok", look.about, look.name, look.sentence)
            for look in found
        ]
        out.table(("", "about", "what", ""), rows)
        for look in told:
            out.line()
            out.line(f"{look.about}, {look.name}: {look.sentence}", "yellow" if look.ok else "bold red")
            out.line(f"  {look.remedy}")
        if not bad:
            out.line()
            out.line(f"All {counted(len(found), 'thing')} are well.", "green")

    session.out.answer({"ok": not bad, "looks": found}, human)
    if bad:
        raise typer.Exit(FOUND_WRONG)
