"""Rows as text: aligned for a terminal, piped for Markdown. The first row is the head, the first column is of words."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(w) if column == 0 else cell.rjust(w)
            for column, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def piped(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *rest = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(["---", *["---:"] * (len(head) - 1)]) + "|"]
    return lines + ["| " + " | ".join(cell.strip() for cell in row) + " |" for row in rest]
