"""One change to a mapping at a time, as a person makes it: a row added, changed, moved, removed, or a setting."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.planning.mapping import SECTIONS, CodeMapping, mapping_from, mapping_to
from ml_connector.planning.mapping_words import EMPTY

LONGEST = 200
"""Characters a pattern or code may have; IFS's values and Procore's codes are shorter by far."""
MOST_ROWS = 20_000
"""Rows one table may have."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One change. Rows are numbered from 1; `values` is the whole row, by its names in TOML.

    Such as `{"A": "411*", "to": "M"}`; but for the way back, the pattern `(empty)` fits an empty value alone. Of a
    setting they are `parts` (names parted by commas), `join`, `otherwise`.
    """

    section: Literal["cost_code", "cost_type", "budget_code", "budget_type", "reverse"]
    what: Literal["add", "change", "move", "remove", "set"]
    row: int = 0
    """Which row; of one added, before which row it comes, and 0 for the end."""
    to_row: int = 0
    """Where a moved row stands afterwards."""
    values: dict[str, str] = {}
    was: dict[str, str] | None = None
    """What the row that is changed, moved or removed says as whoever asks saw it: one that says otherwise by now is
    another row, and is left alone. Without it the number alone counts. Of `set`: the settings as they were seen."""


def edited(mapping: CodeMapping, edit: Edit) -> CodeMapping:
    """The mapping with one change made; BadInput says why it cannot be made."""
    form: dict[str, Any] = dict(mapping_to(mapping))
    if edit.section not in SECTIONS:
        raise BadInput(f"A mapping has no table {edit.section!r}.", remedy=f"Use {', '.join(SECTIONS)}.")
    if edit.what == "set":
        form[edit.section] = _set(form.get(edit.section, {}), edit)
    else:
        table = dict(form.get(edit.section) or _begun(edit))
        table["row"] = _rows(list(table.get("row", [])), edit)
        form[edit.section] = table
    if edit.section == "reverse" and not form["reverse"]["row"]:
        del form["reverse"]
    return mapping_from(form)


def _begun(edit: Edit) -> dict[str, Any]:
    """A table that is not there yet begins with what its first row looks at."""
    if edit.section == "reverse":
        return {}
    return {"parts": [part for part in edit.values if part != "to"], "otherwise": "refuse"}


def _set(table: dict[str, Any], edit: Edit) -> dict[str, Any]:
    if edit.section == "reverse":
        raise BadInput("The way back has rows and no settings.")
    unknown = set(edit.values) - {"parts", "join", "otherwise"}
    if unknown:
        raise BadInput(f"A table has no setting {sorted(unknown)[0]!r}: only parts, join and otherwise.")
    _check_set(table, edit)
    made = {**table, **{name: _short(value) for name, value in edit.values.items()}}
    if "parts" in edit.values:
        made["parts"] = [part.strip() for part in edit.values["parts"].split(",") if part.strip()]
    return made


def _rows(rows: list[dict[str, str]], edit: Edit) -> list[dict[str, str]]:
    if edit.what == "add":
        if len(rows) >= MOST_ROWS:
            raise BadInput(f"The table {edit.section} has {MOST_ROWS:,} rows, which is the most.")
        at = _place(edit.row, len(rows) + 1) if edit.row else len(rows)
        return [*rows[:at], _row(edit), *rows[at:]]
    at = _place(edit.row, len(rows))
    _check_seen(rows[at], edit)
    if edit.what == "change":
        return [*rows[:at], _row(edit), *rows[at + 1 :]]
    rest = [*rows[:at], *rows[at + 1 :]]
    if edit.what == "remove":
        return rest
    to = _place(edit.to_row, len(rows))
    return [*rest[:to], rows[at], *rest[to:]]


def _check_seen(row: dict[str, str], edit: Edit) -> None:
    shown = {name: "" if text == EMPTY else text for name, text in (edit.was or {}).items()}
    if edit.was is not None and _looked_for(row) != _looked_for(shown):
        said = " ".join(f"{name}={text or EMPTY}" for name, text in row.items())
        raise BadInput(
            f"Row {edit.row} is not the row that was shown: it says {said} by now. Nothing was changed.",
            remedy="Open the table again, and choose the row there.",
        )


def _looked_for(row: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in row.items() if text}


def _check_set(table: dict[str, Any], edit: Edit) -> None:
    there = {
        "parts": ", ".join(table.get("parts", ())),
        "join": table.get("join", "-"),
        "otherwise": table.get("otherwise", "refuse"),
    }
    wrong = next((name for name, seen in (edit.was or {}).items() if there.get(name) != seen), "")
    if wrong:
        raise BadInput(
            f"The settings of this table are not those that were shown: {wrong} is {there.get(wrong, '')!r} by now. "
            "Nothing was changed.",
            remedy="Look at the table as it is now, and choose there.",
        )


def _place(number: int, most: int) -> int:
    if not 1 <= number <= most:
        raise BadInput(f"There is no row {number}: the table has {most if most else 'no'} rows.")
    return number - 1


def _row(edit: Edit) -> dict[str, str]:
    row = {name: _short(value) for name, value in edit.values.items() if value.strip()}
    if edit.section != "reverse" and not row.get("to"):
        raise BadInput("The row leads nowhere.", remedy="Say which code it leads to.")
    if edit.section != "reverse" and len(row) < 2:
        raise BadInput("The row looks at nothing.", remedy="Give at least one pattern; * fits everything.")
    if edit.section == "reverse":
        return row
    return {name: "" if text == EMPTY and name != "to" else text for name, text in row.items()}


def _short(text: str) -> str:
    plain = text.strip() if text.strip() else text
    if len(plain) > LONGEST:
        raise BadInput(f"{plain[:20]!r}... is longer than {LONGEST} characters, which no code is.")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in plain):
        raise BadInput("A pattern or code holds a character that cannot be printed.", remedy="Type it anew.")
    return plain
