"""The sentences the receptionist has, picked so as not to repeat itself, and the question that fits the moment."""

from sandbox.receptionist.dialogue import Dialogue
from sandbox.receptionist.reply import ToolCall


def sentence(d: Dialogue, key: str, **fill: str) -> str:
    """The first variant not said yet in this conversation; when all were said, the one said longest ago."""
    variants = [text.format(**fill) for text in d.lexicon.says[key]]
    last_said = [max((i for i, said in enumerate(d.said) if text in said), default=-1) for text in variants]
    return variants[last_said.index(min(last_said))]


def offer_message(d: Dialogue) -> str:
    """Empty when there is no tool to take one."""
    return sentence(d, "offer_message") if d.offers_tool("take_message") else ""


def next_question(d: Dialogue) -> str:
    """What to come back to after a question in between."""
    if d.held is not None:
        return sentence(d, "confirm_again")
    if d.goal in ("book", "reschedule") and d.chosen is not None:
        return sentence(d, "ask_name" if d.goal == "book" else "ask_slot")
    if d.goal in ("book", "reschedule") and d.offers:
        return sentence(d, "ask_slot")
    if d.goal == "book":
        return sentence(d, "ask_day")
    if d.goal == "message":
        return sentence(d, "ask_reason" if d.reason is None else "ask_caller")
    return sentence(d, "anything_else")


def with_question(say: str, question: str) -> str:
    """``say`` and, unless it asks something itself, ``question``."""
    return say if not question or say.rstrip(' »"').endswith("?") else f"{say} {question}".strip()


def slots_call(d: Dialogue) -> ToolCall:
    ids = _service_ids(d)
    service = d.service if d.service and (not ids or d.service in ids) else next(iter(ids), "")
    arguments = {"service": service, "day": d.day or "earliest", "part_of_day": d.part or ""}
    if d.booking is not None and d.goal == "reschedule":
        arguments["moving"] = d.booking.ref
    return ToolCall.of("find_slots", **arguments)


def _service_ids(d: Dialogue) -> list[str]:
    service = d.tools["find_slots"].properties.get("service") if "find_slots" in d.tools else None
    return (
        [str(name) for name in service.enum] if service and service.enum else [s.service_id for s in d.facts.services]
    )
