"""What is said, or called next, after tools have answered. The tool's own sentence always comes first."""

from collections.abc import Callable

from sandbox.receptionist.dialogue import Dialogue, Result
from sandbox.receptionist.reply import Reply
from sandbox.receptionist.sentences import next_question, offer_message, sentence, slots_call, with_question
from sandbox.receptionist.words import fold


def after_results(d: Dialogue) -> Reply:
    """The answer to all results that follow the last tool calls, in their order; the last one asks the question."""
    last = d.results[-1]
    moving = last.tool == "find_my_booking" and d.goal == "reschedule" and d.booking is not None
    if moving and d.day and d.offers_tool("find_slots"):
        return Reply(calls=(slots_call(d),))
    said: list[str] = []
    for result in d.results[:-1]:
        if result.say and result.say not in said:
            said.append(result.say)
    closing = _after(d, last)
    return Reply(" ".join([*[s for s in said if s not in closing], closing]).strip())


def _after(d: Dialogue, result: Result) -> str:
    if not result.data:
        return _after_plain_text(d, result)
    say = result.say
    if result.status in ("unavailable", "doubtful", "exhausted", "failed"):
        return with_question(say or sentence(d, "trouble"), offer_message(d) or next_question(d))
    if result.status == "ask":
        return say or next_question(d)
    after = _AFTER.get(result.tool)
    question = after(d, result) if after else next_question(d)
    return with_question(say, question)


def _after_plain_text(d: Dialogue, result: Result) -> str:
    """Not one of our results: the framework's error text, or its own instruction to say goodbye."""
    if result.tool == "end_call":
        return sentence(d, "farewell") if "goodbye" in fold(result.text) else ""
    return with_question(sentence(d, "trouble"), offer_message(d) or next_question(d))


def _hours(d: Dialogue, result: Result) -> str:
    if d.goal is not None:
        return next_question(d)
    if result.status == "open" and d.offers_tool("find_slots"):
        return sentence(d, "offer_booking")
    if result.status == "closed" and not d.offers_tool("find_slots"):
        return offer_message(d) or sentence(d, "anything_else")
    return sentence(d, "anything_else")


def _faq(d: Dialogue, result: Result) -> str:
    if result.status == "unknown" and d.goal is None:
        return offer_message(d) or sentence(d, "anything_else")
    return next_question(d)


def _slots(d: Dialogue, result: Result) -> str:
    return sentence(d, "ask_slot" if d.offers else "ask_new_day")


def _held(d: Dialogue, result: Result) -> str:
    return sentence(d, "confirm_again") if result.status == "held" else sentence(d, "ask_slot")


def _written(d: Dialogue, result: Result) -> str:
    if result.status == "gone":
        return sentence(d, "ask_slot") if d.offers else sentence(d, "ask_new_day")
    if result.status == "refused":
        return sentence(d, "ask_new_day") if d.goal != "cancel" else offer_message(d)
    return sentence(d, "anything_else")


def _mine(d: Dialogue, result: Result) -> str:
    if result.status == "not_found":
        return sentence(d, "ask_proof")
    if d.booking is None:
        return sentence(d, "which_booking")
    return sentence(d, "ask_new_day") if d.goal == "reschedule" else sentence(d, "confirm_cancel")


def _nothing(d: Dialogue, result: Result) -> str:
    return ""


_AFTER: dict[str, Callable[[Dialogue, Result], str]] = {
    "check_opening_hours": _hours,
    "look_up_faq": _faq,
    "find_slots": _slots,
    "hold_slot": _held,
    "book_slot": _written,
    "reschedule_booking": _written,
    "cancel_booking": _written,
    "find_my_booking": _mine,
    "transfer_to_person": _nothing,
    "end_call": _nothing,
}
