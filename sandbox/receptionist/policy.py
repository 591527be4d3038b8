"""What the receptionist does next: rules tried in order on the conversation as read. The first that answers wins."""

import re
from collections.abc import Callable, Mapping

from sandbox.receptionist.after_tools import after_results
from sandbox.receptionist.dialogue import Dialogue, is_silence, read_dialogue
from sandbox.receptionist.outgoing import detects, keys_of, predict, wants_no_calls
from sandbox.receptionist.reply import Reply, ToolCall
from sandbox.receptionist.request import ChatRequest, Schema
from sandbox.receptionist.sentences import next_question, offer_message, sentence, slots_call
from sandbox.receptionist.words import fold

_SILENCE = re.compile(r"silen|still there|toujours la|not (?:said|spoken|answered)|עדיין|שקט")
_GOODBYE = re.compile(r"good ?bye|farewell|au revoir|prend\w* conge|hang(?:ing)? up|end the call|להיפרד|להתראות")
_GREETING = re.compile(r"\bgreet|\bwelcome|\baccueil|\bsalue|\bברך|פתיחה")
_SUMMARY = re.compile(r"\bsummar|\bresum[ee]|סכם|סיכום|תקציר")
_NOT_RECORDED = re.compile(r"\b(?:ne|pas|not|don'?t|without|sans)\b.*\b(?:enregistr|record)|(?:לא|אל|בלי) .*ה?קליט")
_SAY_QUOTED = re.compile(r"[«“\"]\s*([^»”\"]{4,300}?)\s*[»”\"]")


def reply_to(request: ChatRequest) -> Reply:
    """The reply to one chat-completions request.

    Honours ``tool_choice``: "none" gives words, "required" or a named function gives a call of it.
    """
    if detects(request):
        return predict(request)
    if (pressed := keys_of(request)) is not None:
        return pressed
    dialogue = read_dialogue(request, {} if request.tool_choice == "none" else request.schemas)
    if not request.tools and _SUMMARY.search(fold(request.system_prompt[:400])):
        return _summary(request)
    reply = _fitted(_decide(dialogue), request.schemas)
    if request.tools and not isinstance(request.tool_choice, str):
        return _demanded(reply, request.schemas, request.tool_choice.function.name)
    return _demanded(reply, request.schemas, None) if request.tool_choice == "required" else reply


def _decide(d: Dialogue) -> Reply:
    if d.instruction is not None:
        return _obey(d, d.instruction)
    if d.results:
        return after_results(d)
    if d.heard is None:
        return Reply(sentence(d, "greet"))
    return _answer_caller(d)


def _obey(d: Dialogue, instruction: str) -> Reply:
    """A line added by the framework or the agent, such as "The caller has been silent: ask whether they are there"."""
    folded = fold(instruction)
    if quoted := _SAY_QUOTED.search(instruction):
        return Reply(quoted[1])
    if _SILENCE.search(folded):
        return Reply(sentence(d, "still_there"))
    if _GOODBYE.search(folded):
        return Reply(sentence(d, "farewell"))
    if _GREETING.search(folded):
        return Reply(sentence(d, "greet"))
    if d.heard is None:
        return Reply(next_question(d))
    return _answer_caller(d)


def _answer_caller(d: Dialogue) -> Reply:
    for rule in _RULES:
        if (reply := rule(d)) is not None:
            return reply
    return _not_understood(d)


def _noise(d: Dialogue) -> Reply | None:
    return _not_understood(d) if d.heard is None or is_silence(d.heard.text) else None


def _objection(d: Dialogue) -> Reply | None:
    """The caller does not want to be recorded."""
    if d.heard is None or not d.offers_tool("stop_recording") or not _NOT_RECORDED.search(fold(d.heard.text)):
        return None
    return Reply(calls=(ToolCall.of("stop_recording"),))


def _no_more_calls(d: Dialogue) -> Reply | None:
    if d.heard is None or not d.offers_tool("stop_calling") or not wants_no_calls(d.heard.text):
        return None
    return Reply(calls=(ToolCall.of("stop_calling"),))


def _urgent(d: Dialogue) -> Reply | None:
    if d.heard is None or not d.heard.means("urgent"):
        return None
    words = d.facts.urgency or sentence(d, "urgent")
    if d.facts.urgency is None and d.facts.emergency_number:
        words = f"{words} {sentence(d, 'danger', number=d.facts.emergency_number)}"
    if any(words in said for said in d.said):
        return None
    if d.goal == "book" and d.day:
        return None if d.facts.urgency is None else Reply(f"{words} {sentence(d, 'offer_earliest')}")
    if d.offers_tool("find_slots"):
        return Reply(f"{words} {sentence(d, 'offer_earliest')}")
    if d.facts.urgency is None and d.offers_tool("transfer_to_person"):
        return Reply(calls=(ToolCall.of("transfer_to_person", reason=d.heard.text),))
    return Reply(" ".join(filter(None, (words, offer_message(d)))))


def _person(d: Dialogue) -> Reply | None:
    if d.heard is None or not d.heard.means("person"):
        return None
    if d.offers_tool("transfer_to_person"):
        return Reply(calls=(ToolCall.of("transfer_to_person", reason=d.heard.text),))
    return Reply(" ".join(filter(None, (sentence(d, "no_person"), offer_message(d) or sentence(d, "anything_else")))))


def _dropped(d: Dialogue) -> Reply | None:
    return Reply(f"{sentence(d, 'no_booking_made')} {sentence(d, 'anything_else')}") if d.dropped else None


def _hours(d: Dialogue) -> Reply | None:
    heard = d.heard
    if heard is None or heard.means("book", "cancel", "reschedule", "message"):
        return None
    asked_back = d.asked_back == "check_opening_hours" and d.goal is None and bool(heard.days)
    if not heard.means("hours") and not asked_back:
        return None
    if d.offers_tool("check_opening_hours"):
        day = heard.days[-1] if heard.days else d.lexicon.today_word
        return Reply(calls=(ToolCall.of("check_opening_hours", day=day),))
    return _look_up(d, heard.text)


def _question(d: Dialogue) -> Reply | None:
    heard = d.heard
    if (
        heard is None
        or not heard.means("faq")
        or d.search
        or d.just_chosen
        or d.goal in ("cancel", "reschedule", "message")
    ):
        return None
    return _look_up(d, heard.text)


def _look_up(d: Dialogue, question: str) -> Reply | None:
    if d.offers_tool("look_up_faq"):
        return Reply(calls=(ToolCall.of("look_up_faq", question=question),))
    return Reply(" ".join(filter(None, (sentence(d, "unknown"), offer_message(d) or sentence(d, "anything_else")))))


def _confirmation(d: Dialogue) -> Reply | None:
    """The caller's answer to what was read back before booking."""
    heard, held = d.heard, d.held
    if held is None or heard is None or d.goal != "book" or not d.offers_tool("book_slot"):
        return None
    if d.renamed and not d.search:
        return Reply(calls=(ToolCall.of("hold_slot", slot_id=held.ref, caller_name=d.name or ""),))
    if d.search or d.missed_time or heard.means("hours", "faq", "person"):
        return None
    if heard.no or heard.means("reschedule"):
        return Reply(sentence(d, "ask_change"))
    if heard.yes:
        arguments = {"callback_number": d.number or "", "email": d.email or ""}
        return Reply(calls=(ToolCall.of("book_slot", slot_id=held.ref, caller_name=d.name or "", **arguments),))
    return None


def _goodbye(d: Dialogue) -> Reply | None:
    heard, expecting = d.heard, d.expecting
    if heard is None:
        return None
    idle = d.goal is None
    no_more = idle and heard.no and expecting in ("anything_else", "message_offer", "booking_offer")
    thanked = (
        idle and heard.means("thanks") and not heard.means("question") and (d.finished or expecting == "anything_else")
    )
    refuses_message = heard.no and expecting == "message_offer" and not heard.means("all_done", "goodbye", "thanks")
    if heard.means("goodbye", "all_done") or ((no_more or thanked) and not refuses_message):
        if d.offers_tool("end_call"):
            return Reply(calls=(ToolCall.of("end_call", reason=heard.text),))
        return Reply(sentence(d, "farewell"))
    if refuses_message:
        return Reply(sentence(d, "anything_else"))
    return None


def _message(d: Dialogue) -> Reply | None:
    if d.goal != "message":
        return None
    if not d.offers_tool("take_message"):
        return Reply(f"{sentence(d, 'unknown')} {sentence(d, 'anything_else')}")
    if d.reason is None:
        return Reply(sentence(d, "ask_reason"))
    if d.name is None and not (d.expecting == "name" and d.asked_name > 1):
        return Reply(sentence(d, "ask_caller" if d.expecting != "name" else "ask_name_again"))
    if d.number is None and d.facts.number_hidden and d.expecting != "number":
        return Reply(sentence(d, "ask_number"))
    call = ToolCall.of(
        "take_message",
        caller_name=d.name or "",
        callback_number=d.number or "",
        reason=d.reason,
        urgent=d.urgent,
    )
    return Reply(calls=(call,))


def _existing_booking(d: Dialogue) -> Reply | None:
    """Cancel or move: who, which booking, then the caller's yes before anything is written."""
    if d.goal not in ("cancel", "reschedule") or d.heard is None:
        return None
    if not d.offers_tool("find_my_booking"):
        return Reply(" ".join(filter(None, (sentence(d, "no_booking"), offer_message(d)))))
    if not d.bookings:
        return _identify(d)
    if d.booking is None:
        return Reply(sentence(d, "which_booking"))
    return _cancel(d) if d.goal == "cancel" else _move(d)


def _identify(d: Dialogue) -> Reply:
    if d.name is None:
        return Reply(sentence(d, "ask_name_again" if d.expecting == "name" else "ask_identity"))
    if d.not_found and not d.new_proof:
        return Reply(sentence(d, "ask_proof"))
    return Reply(calls=(ToolCall.of("find_my_booking", caller_name=d.name, phone_or_email=d.email or d.number or ""),))


def _cancel(d: Dialogue) -> Reply:
    assert d.booking is not None
    if d.heard is not None and d.heard.no:
        return Reply(f"{sentence(d, 'kept')} {sentence(d, 'anything_else')}")
    if d.heard is not None and d.heard.yes and d.expecting == "confirm":
        return Reply(calls=(ToolCall.of("cancel_booking", booking_ref=d.booking.ref),))
    return Reply(sentence(d, "confirm_cancel"))


def _move(d: Dialogue) -> Reply:
    assert d.booking is not None
    assert d.heard is not None
    if not d.offers_tool("find_slots"):
        return Reply(offer_message(d) or sentence(d, "anything_else"))
    if d.search:
        return Reply(calls=(slots_call(d),))
    if d.chosen is not None:
        if d.heard.yes and d.expecting == "confirm" and not d.just_chosen:
            call = ToolCall.of("reschedule_booking", booking_ref=d.booking.ref, slot_id=d.chosen.ref)
            return Reply(calls=(call,))
        if d.heard.no:
            return Reply(sentence(d, "ask_new_day"))
        return Reply(sentence(d, "confirm_move", slot=d.chosen.say))
    if d.offers:
        return _not_chosen(d)
    return Reply(calls=(slots_call(d),)) if d.day else Reply(sentence(d, "ask_new_day"))


def _booking(d: Dialogue) -> Reply | None:
    if d.goal != "book" or d.heard is None:
        return None
    if not d.offers_tool("find_slots"):
        offer = offer_message(d) or sentence(d, "anything_else")
        return Reply(f"{sentence(d, 'no_booking')} {offer}")
    if d.search:
        return Reply(calls=(slots_call(d),))
    if d.chosen is not None and d.held is None:
        return _hold(d)
    if d.held is not None:
        return None if d.heard.means("hello", "wait", "question") else Reply(sentence(d, "confirm_again"))
    if d.offers:
        return _not_chosen(d)
    if d.heard.no:
        return Reply(offer_message(d) or sentence(d, "anything_else"))
    return Reply(calls=(slots_call(d),)) if d.day and d.expecting != "day" else Reply(sentence(d, "ask_day"))


def _hold(d: Dialogue) -> Reply:
    assert d.chosen is not None
    if d.name is None:
        return Reply(sentence(d, "ask_name_again" if d.expecting == "name" else "ask_name"))
    if d.number is None and d.facts.number_hidden and d.expecting != "number":
        return Reply(sentence(d, "ask_number"))
    return Reply(calls=(ToolCall.of("hold_slot", slot_id=d.chosen.ref, caller_name=d.name),))


def _not_chosen(d: Dialogue) -> Reply:
    """Times are on offer and the caller took none of them."""
    assert d.heard is not None
    if d.missed_time:
        says = [offer.say for offer in d.offers]
        joined = f" {d.lexicon.or_word} ".join([", ".join(says[:-1]), says[-1]]) if len(says) > 1 else says[0]
        return Reply(sentence(d, "not_offered", offers=joined))
    if d.heard.no:
        return Reply(sentence(d, "ask_new_day"))
    if d.heard.yes or d.heard.means("book", "reschedule"):
        return Reply(sentence(d, "ask_slot"))
    return _small_talk(d) or _not_understood(d)


def _open_question(d: Dialogue) -> Reply | None:
    if d.heard is None or not d.heard.means("question") or d.heard.means("hello"):
        return None
    return _look_up(d, d.heard.text)


def _small_talk(d: Dialogue) -> Reply | None:
    heard = d.heard
    if heard is None:
        return None
    if heard.means("wait"):
        return Reply(sentence(d, "wait"))
    if heard.means("thanks"):
        return Reply(f"{sentence(d, 'welcome')} {next_question(d)}")
    if heard.means("hello"):
        return Reply(sentence(d, "here") if d.goal is None else next_question(d))
    if heard.no and d.goal is None:
        return Reply(sentence(d, "anything_else"))
    if heard.yes:
        return Reply(sentence(d, "listen") if d.goal is None else next_question(d))
    return None


def _not_understood(d: Dialogue) -> Reply:
    return Reply(sentence(d, "repeat"))


_RULES: tuple[Callable[[Dialogue], Reply | None], ...] = (
    _noise,
    _objection,
    _no_more_calls,
    _urgent,
    _person,
    _dropped,
    _confirmation,
    _hours,
    _question,
    _goodbye,
    _message,
    _existing_booking,
    _booking,
    _open_question,
    _small_talk,
)


def _summary(request: ChatRequest) -> Reply:
    """Asked for a summary and offered no tool: the caller's own first words, which is as far as a script can go."""
    spoken = " ".join(m.text for m in request.messages if m.role == "user")
    return Reply(" ".join(spoken.split())[:240])


def _fitted(reply: Reply, tools: Mapping[str, Schema]) -> Reply:
    """Only arguments that the schema has: a strict schema lets a real model name no other."""
    calls = [(call, tools[call.name]) for call in reply.calls]
    return Reply(
        reply.text, tuple(call.only(schema.properties) if schema.is_closed else call for call, schema in calls)
    )


def _demanded(reply: Reply, tools: Mapping[str, Schema], wanted: str | None) -> Reply:
    """``reply`` if it calls what ``tool_choice`` demands, else such a call with nothing to say."""
    fitting = tuple(call for call in reply.calls if wanted in (None, call.name))
    if fitting:
        return Reply(calls=fitting)
    name = wanted or next(iter(tools))
    arguments = {key: schema.neutral for key, schema in tools[name].properties.items()}
    return Reply(calls=(ToolCall.of(name, **arguments),))
