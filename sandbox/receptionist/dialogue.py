"""The conversation so far, read from one request's messages: what the caller wants, what is on offer, what was agreed.

Owns: folding messages into a `Dialogue`. Everything in it comes from the messages and the tools of the request, so
the same request always reads the same. Refuses: deciding what to answer.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.receptionist.caller_details import name_in
from sandbox.receptionist.clock_words import is_morning, times_in
from sandbox.receptionist.lexicon import Language, Lexicon
from sandbox.receptionist.prompt import LEXICONS, PromptFacts, language_of, read_prompt
from sandbox.receptionist.request import CalledFunction, ChatRequest, Schema, as_list, as_object
from sandbox.receptionist.understanding import Heard, reason_in, understand
from sandbox.receptionist.words import blank, fold, tokens

Goal = Literal["book", "cancel", "reschedule", "message"]

_LONG_REASON = 3
_CLOCK = re.compile(r"\b(\d{2}):(\d{2})")


@dataclass(frozen=True)
class Offer:
    """Something to choose from: a slot (``ref`` s1) or a booking (``ref`` b1)."""

    ref: str
    say: str
    times: tuple[frozenset[int], ...] = ()


@dataclass(frozen=True)
class Result:
    """A tool's answer. ``data`` is empty when it was not a JSON object (``text`` then is the framework's own)."""

    tool: str
    arguments: Mapping[str, Any]
    data: Mapping[str, Any]
    text: str

    @property
    def status(self) -> str:
        return str(self.data.get("status", ""))

    @property
    def say(self) -> str:
        return str(self.data.get("say") or "").strip()


@dataclass
class Dialogue:
    lexicon: Lexicon
    facts: PromptFacts
    tools: Mapping[str, Schema]
    goal: Goal | None = None
    service: str | None = None
    day: str | None = None
    part: str | None = None
    offers: tuple[Offer, ...] = ()
    chosen: Offer | None = None
    held: Offer | None = None
    name: str | None = None
    number: str | None = None
    email: str | None = None
    reason: str | None = None
    urgent: bool = False
    bookings: tuple[Offer, ...] = ()
    booking: Offer | None = None
    not_found: bool = False
    finished: bool = False
    asked_name: int = 0
    suggested_day: str | None = None
    asked_back: str | None = None  # the tool whose last answer was a question
    heard: Heard | None = None
    said: list[str] = field(default_factory=list[str])
    results: list[Result] = field(default_factory=list[Result])
    instruction: str | None = None
    # of the last utterance only
    search: bool = False
    missed_time: bool = False
    renamed: bool = False
    dropped: bool = False
    new_proof: bool = False
    just_chosen: bool = False

    def offers_tool(self, name: str) -> bool:
        return name in self.tools

    @property
    def expecting(self) -> str | None:
        """The kind of question that the assistant's last words end with; its position decides, the last one wins."""
        if not self.said:
            return None
        last = fold(self.said[-1])
        found = [
            (max(m.start() for m in matches), kind)
            for kind, pattern in self.lexicon.asked.items()
            if (matches := list(pattern.finditer(last)))
        ]
        return max(found)[1] if found else None

    def hear(self, text: str) -> None:
        """Takes in what the caller said. Only facts change here; the policy answers from them."""
        heard = understand(text, self.lexicon, self.facts.services)
        expecting = self.expecting
        self.heard, self.results, self.instruction = heard, [], None
        self.search = self.missed_time = self.renamed = self.dropped = self.new_proof = self.just_chosen = False
        self._hear_goal(heard, expecting)
        self._hear_details(heard, expecting)
        if self.goal in ("book", "reschedule"):
            self._hear_choice(heard, expecting)
        if self.goal in ("cancel", "reschedule"):
            self._hear_which_booking(heard)
        if self.goal == "message":
            self._hear_message(heard, expecting)

    def _hear_goal(self, heard: Heard, expecting: str | None) -> None:
        mid_booking = self.goal == "book" and bool(self.offers or self.held)
        self.urgent = self.urgent or heard.means("urgent")
        if heard.means("cancel"):
            self.dropped = mid_booking
            self.goal = None if mid_booking else "cancel"
        elif heard.means("reschedule") and not mid_booking:
            self.goal = "reschedule"
        elif heard.means("message") and not heard.means("book"):
            self.goal = "message"
        elif heard.yes and expecting == "message_offer":
            self.goal = "message"
        elif heard.yes and expecting in ("booking_offer", "earliest_offer"):
            self.goal = "book"
            self.day = "earliest" if expecting == "earliest_offer" else self.suggested_day
            self.search = self.day is not None
        elif self.goal in (None, "message") and self._asks_for_booking(heard, expecting):
            self.goal = "book"
            self.search = bool(self.suggested_day and not heard.about_when)
            self.day = self.day or self.suggested_day
        elif self.goal == "message" and heard.no and expecting == "message_offer":
            self.goal = None
        if self.dropped:
            self._forget_offers()

    def _asks_for_booking(self, heard: Heard, expecting: str | None) -> bool:
        if heard.means("faq") and not heard.about_when:
            return False
        if self.goal == "message":
            return heard.means("book") and expecting != "reason"
        wants_day = expecting in ("day", "booking_offer", "slot", "earliest_offer") and heard.about_when
        names_service = heard.service is not None and heard.about_when
        return heard.means("book") or ((wants_day or names_service) and not heard.means("hours"))

    def _hear_details(self, heard: Heard, expecting: str | None) -> None:
        name = heard.name
        confirming = self.held is not None and (heard.spelled or expecting == "change")
        if name is None and not heard.about_when and not heard.times and heard.ordinal is None:
            gives_name = expecting == "name" and not heard.means("question", "person", "cancel", "goodbye", "wait")
            if gives_name or (confirming and "when" not in heard.intents):
                name = name_in(heard.text, self.lexicon)
        if name:
            self.renamed = self.name not in (None, name)
            self.name, self.new_proof = name, True
        self.new_proof = self.new_proof or bool(heard.number or heard.email)
        self.number = heard.number or self.number
        self.email = heard.email or self.email
        if heard.service and self.goal != "message":
            self.search = self.search or bool(self.goal == "book" and self.offers and heard.service != self.service)
            self.service = heard.service

    def _hear_choice(self, heard: Heard, expecting: str | None) -> None:
        asks_hours = heard.means("hours") and not heard.means("book")
        if asks_hours or self.dropped:
            return
        picked = self._picked(heard)
        if picked is not None:
            self.just_chosen = picked != self.chosen
            self.chosen = picked
            if self.held is not None and self.held != picked:
                self.held = None
            return
        if heard.about_when:
            self._change_when(heard)
        elif heard.times and self.offers:
            self._other_time(heard)
        elif heard.yes and expecting == "slot" and len(self.offers) == 1:
            self.chosen, self.just_chosen = self.offers[0], True

    def _change_when(self, heard: Heard) -> None:
        self.day = heard.days[-1] if heard.days else "earliest" if heard.means("any_day") else self.day
        self.part = heard.part or (
            "" if heard.means("any_part") or heard.means("any_day") else self._part_of_time(heard)
        )
        self.search = self.day is not None
        self._forget_offers()

    def _part_of_time(self, heard: Heard) -> str | None:
        if not heard.times:
            return self.part
        return self.lexicon.morning_word if is_morning(heard.times[0]) else self.lexicon.afternoon_word

    def _other_time(self, heard: Heard) -> None:
        """A time that is not on offer: search the other half of the day if the offers are all in one, else say so."""
        offered = {is_morning(times) for offer in self.offers for times in offer.times}
        if is_morning(heard.times[0]) not in offered:
            self.part, self.search = self._part_of_time(heard), self.day is not None
            self._forget_offers()
        else:
            self.missed_time = True

    def _picked(self, heard: Heard) -> Offer | None:
        same_day = (
            not heard.days
            or fold(heard.days[-1]) == fold(self.day or "")
            or any(fold(heard.days[-1]) in fold(offer.say) for offer in self.offers)
        )
        if not self.offers or not same_day or (self.search and not heard.times):
            return None
        for times in heard.times:
            for offer in self.offers:
                if any(times & offered for offered in offer.times):
                    return offer
        if heard.ordinal is not None and not heard.part and not heard.times and -1 <= heard.ordinal < len(self.offers):
            return self.offers[heard.ordinal]
        return None

    def _hear_which_booking(self, heard: Heard) -> None:
        if self.booking is not None or len(self.bookings) < 2:
            return
        said = set(tokens(heard.folded))
        shared = sorted(
            ((len(said & (set(tokens(fold(b.say))) - self.lexicon.common)), -i) for i, b in enumerate(self.bookings)),
            reverse=True,
        )
        if heard.ordinal is not None and heard.ordinal < len(self.bookings):
            self.booking = self.bookings[heard.ordinal]
        elif shared[0][0] > shared[1][0]:
            self.booking = self.bookings[-shared[0][1]]

    def _hear_message(self, heard: Heard, expecting: str | None) -> None:
        if self.reason is not None or (heard.no and expecting == "message_offer"):
            return
        reason = reason_in(heard.text, self.lexicon)
        long_enough = reason is not None and len(tokens(reason)) >= _LONG_REASON
        if reason and (expecting == "reason" or (long_enough and expecting != "name")):
            self.reason = reason

    def hear_oneself(self, text: str) -> None:
        """Takes in what the assistant said, which may have been cut short or replaced on its way to the caller.

        A tool's sentence counts as said, whether the tool speaks it itself or leaves it to the model.
        """
        text = text.strip()
        if text and not (self.said and self.said[-1].startswith(text)):
            self.said.append(text)
            self.asked_name += bool(self.lexicon.asked["name"].search(fold(text)))

    def _forget_offers(self) -> None:
        self.offers, self.chosen, self.held = (), None, None

    def learn(self, result: Result) -> None:
        """Takes in a tool's answer."""
        self.results.append(result)
        self.asked_back = result.tool if result.status == "ask" else None
        self.hear_oneself(result.say)
        learn = {
            "check_opening_hours": self._learn_hours,
            "find_slots": self._learn_slots,
            "hold_slot": self._learn_hold,
            "book_slot": self._learn_written,
            "reschedule_booking": self._learn_written,
            "cancel_booking": self._learn_written,
            "find_my_booking": self._learn_bookings,
            "take_message": self._learn_message,
        }.get(result.tool)
        if learn is not None:
            learn(result)

    def _learn_hours(self, result: Result) -> None:
        self.suggested_day = str(result.arguments.get("day", "")) or None if result.status == "open" else None

    def _learn_slots(self, result: Result) -> None:
        self.day = str(result.arguments.get("day") or "") or self.day
        self.part = str(result.arguments.get("part_of_day") or "") or None
        self.service = str(result.arguments.get("service") or "") or self.service
        self.goal = self.goal if self.goal == "reschedule" else "book"
        self._forget_offers()
        self.offers = self._offers(result, "slots", "id")

    def _learn_hold(self, result: Result) -> None:
        self.goal = self.goal or "book"
        self.name = str(result.arguments.get("caller_name") or "") or self.name
        wanted = str(result.arguments.get("slot_id", ""))
        if result.status == "held":
            self.chosen = next((o for o in self.offers if o.ref == wanted), Offer(wanted, ""))
            self.held = self.chosen
        elif result.status == "gone":
            self._forget_offers()
            self.offers = self._offers(result, "slots", "id")
        else:
            self.held = self.chosen = None

    def _learn_written(self, result: Result) -> None:
        if result.status == "gone":
            self._forget_offers()
            self.offers = self._offers(result, "slots", "id")
            return
        if result.status == "refused":
            self.held = self.chosen = None
            return
        if result.status in ("booked", "rescheduled", "cancelled", "doubtful", "unavailable"):
            self._close()

    def _learn_bookings(self, result: Result) -> None:
        self.name = str(result.arguments.get("caller_name") or "") or self.name
        self.not_found = result.status == "not_found"
        self.bookings = self._offers(result, "bookings", "ref")
        self.booking = self.bookings[0] if len(self.bookings) == 1 else None
        if result.status in ("exhausted", "unavailable"):
            self.goal = None

    def _learn_message(self, result: Result) -> None:
        if result.status == "taken":
            self._close()

    def _close(self) -> None:
        """The business at hand is over; the next one starts afresh, but for who the caller is."""
        self._forget_offers()
        self.goal = self.day = self.part = self.reason = self.suggested_day = self.booking = None
        self.bookings, self.finished, self.urgent = (), True, False

    def _offers(self, result: Result, key: str, ref: str) -> tuple[Offer, ...]:
        found: list[Offer] = []
        for entry in map(as_object, as_list(result.data.get(key))):
            say = str(entry.get("say", ""))
            rest = blank(fold(say), list(self.lexicon.day.finditer(fold(say))))
            exact = _CLOCK.search(str(entry.get("at", "")))
            times = (frozenset({int(exact[1]) * 60 + int(exact[2])}),) if exact else times_in(rest, self.lexicon)
            found.append(Offer(str(entry.get(ref, "")), say, times))
        return tuple(found)


def _json_object(text: str) -> dict[str, Any]:
    try:
        return as_object(json.loads(text))
    except ValueError:
        return {}


def read_dialogue(request: ChatRequest, tools: Mapping[str, Schema]) -> Dialogue:
    """The whole conversation folded into what it has come to; ``tools`` are those that may be called now."""
    facts = read_prompt(request.system_prompt)
    dialogue = Dialogue(lexicon=LEXICONS[_spoken(request, facts.language)], facts=facts, tools=tools)
    calls: dict[str, CalledFunction] = {}
    for message in request.messages:
        if message.role == "user":
            dialogue.hear(message.text)
        elif message.role == "assistant":
            dialogue.results = []
            dialogue.hear_oneself(message.text)
            calls |= {call.id: call.function for call in message.tool_calls}
        elif message.role == "tool":
            call = calls.get(message.tool_call_id, CalledFunction(name=""))
            arguments = _json_object(call.arguments)
            dialogue.learn(Result(call.name, arguments, _json_object(message.text), message.text))
    last = request.messages[-1]
    if last.is_instruction and len(request.messages) > 1:
        dialogue.instruction = last.text
    return dialogue


def _spoken(request: ChatRequest, default: Language) -> Language:
    """The language of the caller's latest words that clearly are in one; else the prompt's."""
    for message in reversed(request.messages):
        if message.role == "user" and (spoken := language_of(fold(message.text))):
            return spoken
    return default


_WORD = re.compile(r"\w")


def is_silence(text: str) -> bool:
    return _WORD.search(text) is None
