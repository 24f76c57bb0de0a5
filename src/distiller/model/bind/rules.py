"""Checks of a table: constraints of its types, and what sub-types have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.bind.walk import joined
from distiller.model.conditions import NoCondition, guarded, read_condition
from distiller.model.names import literal, quoted
from distiller.model.tables import Check

if TYPE_CHECKING:
    from distiller.model.bind.messages import Messages
    from distiller.model.bind.sheet import Sheet
    from distiller.model.bind.walk import Rule
    from distiller.model.conditions import Operand


def add_rule(
    sheet: Sheet,
    rule: Rule,
    messages: Messages,
    kind: str = "",
    kinds: tuple[str, ...] = (),
) -> None:
    """Add a check where the words of a constraint read as a condition.

    Parameters
    ----------
    kind, kinds
        Column and values that say which rows have the attributes, where not all have.
    """
    try:
        condition = read_condition(rule.words, _operands(sheet, rule))
    except NoCondition as reason:
        messages.note(
            f"{sheet.name}: constraint of {rule.owner.id} stays words ({reason}): "
            f"{rule.words}"
        )
        return
    if kinds:
        condition = guarded(condition, kind, kinds)
    check = Check(condition.columns, condition.sql, rule.words)
    if check.sql not in {other.sql for other in sheet.checks}:
        sheet.checks.append(check)
        messages.note(
            f"{sheet.name}: CHECK ({check.sql}) from the constraint of "
            f"{rule.owner.id}: {rule.words}"
        )


def add_presence(
    sheet: Sheet, kind: str, kinds: tuple[str, ...], column: str, *, required: bool
) -> None:
    """Add what rows of one type have, and rows of others have not."""
    listed = ", ".join(literal(value) for value in kinds)
    name = quoted(column)
    text = f"{quoted(kind)} IN ({listed}) OR {name} IS NULL"
    words = f"{column} is of {' and '.join(kinds)}"
    if required:
        text = f"({quoted(kind)} IN ({listed})) = ({name} IS NOT NULL)"
        words += ", which always have it"
    sheet.checks.append(Check((kind, column), text, words))


def _operands(sheet: Sheet, rule: Rule) -> dict[str, Operand]:
    """Return the columns that the words may name; the nearest of a name counts."""
    found: dict[str, Operand] = {}
    for path in reversed(rule.paths):
        start = joined(path, "") if path else ""
        for name, operand in sheet.operands.items():
            if name.startswith(start):
                found[name.removeprefix(start)] = operand
    return found
