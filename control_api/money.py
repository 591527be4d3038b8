"""Amounts as the API writes them: text with two decimals, so that no client makes a binary fraction of them."""

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer


def _written(amount: Decimal) -> str:
    return f"{amount:.2f}"


Money = Annotated[Decimal, PlainSerializer(_written, return_type=str)]
