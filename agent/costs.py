"""What a call cost: usage × the price in force on its day. Decimal all through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from contracts.call import Cost, CostLine, Usage

Unit = Literal["minute", "million_tokens", "thousand_characters"]

_PLACES = Decimal("0.000001")
_DIVISOR: dict[Unit, Decimal] = {
    "minute": Decimal(60),
    "million_tokens": Decimal(1_000_000),
    "thousand_characters": Decimal(1_000),
}


class Price(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    item: str
    unit: Unit
    amount: Decimal
    since: date


class PriceUnknown(LookupError):
    """No row for this item on this day: add one to agent/prices.yaml."""


@dataclass(frozen=True)
class PriceTable:
    rows: tuple[Price, ...]

    @staticmethod
    def read(path: Path | None = None) -> "PriceTable":
        text = (path or Path(__file__).with_name("prices.yaml")).read_text()
        rows = TypeAdapter(list[Price]).validate_python(yaml.safe_load(text)["prices"])
        return PriceTable(tuple(rows))

    def find(self, kind: str, model: str, day: date) -> Price:
        """The newest row of the model that had begun by `day`, else of "*"."""
        for item in (f"{kind}:{model}", f"{kind}:*"):
            begun = [row for row in self.rows if row.item == item and row.since <= day]
            if begun:
                return max(begun, key=lambda row: row.since)
        raise PriceUnknown(f"no price for {kind}:{model} on {day}")


def cost_of(usage: Usage, *, stt_model: str, llm_model: str, tts_model: str, day: date, table: PriceTable) -> Cost:
    """Cached input tokens are a part of the input tokens and cost their own price."""
    uncached = max(0, usage.llm_input_tokens - usage.llm_cached_tokens)
    units: Sequence[tuple[str, str, Decimal]] = (
        ("stt", stt_model, Decimal(str(usage.stt_seconds))),
        ("llm_input", llm_model, Decimal(uncached)),
        ("llm_cached", llm_model, Decimal(usage.llm_cached_tokens)),
        ("llm_output", llm_model, Decimal(usage.llm_output_tokens)),
        ("tts", tts_model, Decimal(usage.tts_characters)),
        ("carrier", "*", Decimal(str(usage.call_seconds))),
    )
    lines = tuple(_line(table.find(kind, model, day), amount) for kind, model, amount in units if amount)
    return Cost(total=sum((line.amount for line in lines), Decimal(0)), lines=lines)


def _line(price: Price, raw: Decimal) -> CostLine:
    units = raw / _DIVISOR[price.unit]
    amount = (units * price.amount).quantize(_PLACES, ROUND_HALF_UP)
    return CostLine(
        item=price.item,
        units=units.quantize(_PLACES, ROUND_HALF_UP),
        unit=price.unit,
        amount=amount,
        priced_on=price.since.isoformat(),
    )
