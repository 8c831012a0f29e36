"""A month at the five job sites, both directions, told week by week; it ends with the tie of both books."""

from __future__ import annotations

from ml_connector.cli.demo_teller import NAME
from ml_connector.cli.month_both_ways import back_from_procore, second_week
from ml_connector.cli.month_case import Case
from ml_connector.cli.month_desk import MonthDesk
from ml_connector.cli.month_end import late, month_end
from ml_connector.cli.month_start import first_week, two_books
from ml_connector.cli.month_tie import form, tie
from ml_connector.cli.month_turn import comes_again, stranger, third_week
from ml_connector.cli.telling import amount

_CHAPTERS = (
    first_week, second_week, back_from_procore, comes_again, stranger, third_week, month_end, late,
)  # fmt: skip


class MonthStory(MonthDesk):
    """Tells the month."""

    case: Case
    """The orders it worked with, once it is told."""

    def tell(self) -> None:
        """All chapters, in order."""
        self.case = two_books(self)
        for chapter in _CHAPTERS:
            chapter(self, self.case)
        self.rest()
        self.close()
        self.audit()

    def close(self) -> None:
        """The tie, and what would be counted twice; may be told again when something was done since."""
        self.now = self.look()
        self.open("The tie: both books side by side, by job site and currency")
        parts = tie(self.now)
        for part in parts:
            self.out.line()
            self.out.line(part.title, "bold")
            headers = ("job site", "currency", *part.columns, "residual")
            rows = [
                (row.site, row.currency, *(amount(one) for one in row.figures), amount(row.residual))
                for row in part.rows
            ]
            self.out.table(headers, rows, right=headers[2:], empty="No money of this kind.")
        self.out.line()
        for part in parts:
            self.claim(not part.residual, f"{part.title}: residual {amount(part.residual)}.")
        self.facts["tie"] = form(parts)
        self._exposure()

    def _exposure(self) -> None:
        """What the product itself says would be counted twice."""
        found = self.app.exposure(NAME)
        for finding in found["findings"]:
            self.out.line(str(finding["sentence"]), "red")
        figures = [f"{amount(one)} {currency}" for currency, one in found["exposure"].items()]
        nothing = not found["findings"]
        self.claim(nothing, f"Exposure, what would be counted twice: {' and '.join(figures) or 'no money placed'}.")
        self.facts["exposure"] = found
