"""Why records were left alone, said once for all that were left alone for the same reason, whatever each is called."""

from __future__ import annotations

import re

_GENERAL: tuple[tuple[str, str], ...] = (
    # what stays in IFS
    (r"(Order|Invoice) .+ is (.+) in IFS: not sent yet\.", r"\1s that are \2 in IFS: not sent yet."),
    (r"Invoice .+ is (.+) in IFS: left in Procore as it is\.", r"Invoices that are \1 in IFS: left in Procore as is."),
    (r"(Order|Invoice) .+ was (.+) before it was ever in Procore\.", r"\1s that were \2 before they ever crossed."),
    (r"(Order|Invoice) .+ is dated .+, before the (go-live day .+)\.", r"\1s dated before the \2."),
    (r"(Order|Invoice) .+ has no lines with money\.", r"\1s that have no lines with money."),
    (r"A person said that order .+ stays out of Procore\.", "Orders that stay out of Procore, as a person said."),
    (r"A person said that invoice .+ stays out of Procore\.", "Invoices that stay out of Procore, as a person said."),
    (
        r"A person said that invoice .+ is left in Procore as it is\.",
        "Invoices left in Procore as is, as a person said.",
    ),
    (
        r"Order .+ is ended in IFS, and its subcontract .+ is (.+)\.",
        r"Orders ended in IFS, with a subcontract \1 in Procore.",
    ),
    (
        r"Procore's own .+ of order .+ stands, .+",
        "Orders of which something of Procore's own stands, as a person said.",
    ),
    (r"Project .+ has no partner in Procore\.", "Projects that have no partner in Procore."),
    (r"A person said that .+ is left alone\.", "Vendors that are left alone, as a person said."),
    # postings of invoices
    (r"Invoice .+: Posting .+ is on no project: .+", "Postings on no project: no project cost."),
    (r"Invoice .+: Posting .+ is retention on no order: (.+)", r"Postings that are retention on no order: \1"),
    (r"Invoice .+: Posting .+ is retention, and .+", "Postings that are retention, where direct costs keep none."),
    (r"Posting .+ is a tolerance: .+", "Postings that are a tolerance: they go with the line they belong to."),
    (
        r"Posting .+ has tax code .+ does not list: .+",
        "Postings with a tax code IFS does not list: taken as recoverable.",
    ),
    (r"Posting .+ has no tax code: .+", "Postings with tax and no tax code: it was taken as recoverable."),
    (r"Posting .+ states a tax of .+", "Postings that state another tax than their tax code makes."),
    (r"The header states a tax of .+", "Invoices whose header states another tax than their postings."),
    (r"Retention (.+): .+", r"Retention \1."),
    (r"More is released than Procore holds on the contract .+", "More is released than Procore holds on the contract."),
    (
        r"Invoice .+ has another date or number in IFS .+",
        "Invoices with another date or number in IFS than when they "
        "crossed; no amount changed, so Procore's records stay as they were written.",
    ),
    (
        r"Invoice .+ was cancelled in IFS, and came from Procore: .+",
        "Invoices cancelled in IFS that came from Procore: what is to happen there is for its people to say.",
    ),
    (
        r"Direct cost .+ was begun and never written: .+",
        "Direct costs that were begun and never written: they stay drafts and count nowhere.",
    ),
    (
        r"Invoice .+ has .+ where Procore's .+ it is linked to has .+",
        "Invoices with another amount than Procore's own that they are linked to: each side keeps its own.",
    ),
    # payments
    (r"Payment .+ is of invoice .+, a direct cost: .+", "Payments of direct costs, of which Procore keeps none."),
    (r"Payment .+ is of invoice .+, which is no project cost\.", "Payments of invoices that are no project cost."),
    (r"Payment .+ comes to nothing in Procore\.", "Payments that come to nothing in Procore."),
    (r"Invoice .+ comes to nothing, so no payment .+", "Payments of invoices that come to nothing."),
    (
        r"A person said that invoice .+ stays out of Procore, so .+",
        "Payments of invoices that stay out of Procore, as a person said.",
    ),
    # what is not sent back from Procore
    (r".+ was made from IFS: an echo of our own\.", "Made from IFS: echoes of our own."),
    (r".+ is dated .+, before the (go-live day .+)\.", r"Dated before the \1."),
    (r".+ is of type (.+), which policy does not send to IFS\.", r"Of type \1, which policy does not send to IFS."),
    (r".+ (stands at .+ in Procore): it does not count.*", r"Whatever \1: it does not count."),
    (
        r".+ has a status in Procore that we do not know: .+",
        "With a status in Procore that we do not know: they do not count yet.",
    ),
    (
        r".+ is dated .+ in Procore now; .+",
        "Dated in a later month in Procore by now: the voucher stays where it is, for no figure changed.",
    ),
    (r".+ has no money\.", "Without any money."),
    (r"A person left .+ cancelled in IFS\.", "Left cancelled in IFS, as a person said."),
    (r"A person kept .+ in IFS as .+ was when it crossed\.", "Kept in IFS as they crossed, as a person said."),
    (r"A person kept .+ in IFS, though .+", "Kept in IFS though they count no longer in Procore, as a person said."),
    (
        r".+, and .+ was cancelled in IFS: both sides agree\.",
        "Cancelled in IFS and without effect in Procore: both sides agree.",
    ),
    (r"A person said that .+ is one that came from IFS\.", "The same as one that came from IFS, as a person said."),
    (r"A person said that .+ stays out of IFS\.", "Kept out of IFS, as a person said."),
    (r"A person left cost code .+ to IFS, .+", "Cost codes left to IFS, where nobody made them yet."),
    (
        r"Code part (.+) value .+ was made from Procore .+",
        r"Values of code part \1 that were made from Procore and are "
        "not in IFS any more.",
    ),
    # budgets
    (
        r"Procore's budget of project .+: lines of its own are left, .+",
        "Budgets with lines of Procore's own, which are left.",
    ),
    (
        r"Procore's own .+ of the budget of project .+ stands, .+",
        "Budgets of which Procore's own amounts stand, as a person said.",
    ),
)
"""What a decision says of one record, and what is said of all of which it says so; the first that fits counts."""

PATTERNS = tuple((re.compile(pattern), general) for pattern, general in _GENERAL)


def general(sentence: str) -> str:
    """The reason in a sentence, without the record that it is said of; empty where no other is like it."""
    for pattern, words in PATTERNS:
        found = pattern.fullmatch(sentence)
        if found:
            return found.expand(words)
    return ""
