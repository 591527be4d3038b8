"""Calls of the scripted receptionist, as tests hold them: the test plays the caller and the tools.

Owns: a practice's prompt and free times in three languages, the messages of one call, and bringing a call to where times are on
offer or a slot is held. Refuses: judging.
"""

import json
from collections.abc import Sequence
from typing import Any

from sandbox.receptionist import ChatRequest, Reply, reply_to

PROMPTS = {
    "fr": "Tu es Ava, réceptionniste du Cabinet dentaire du Parc. Tu parles français.\n\n# Services\n"
    "- consultation: Consultation (20 min), examen, contrôle\n"
    "- detartrage: Détartrage (30 min), nettoyage des dents\n"
    "- devis_implant: Devis implant (40 min)\n\n# Règles\n- Ne jamais inventer un horaire.\n",
    "en": "You are Ava, the receptionist of Park Dental Practice. You speak English.\n\n# Services\n"
    "- checkup: Check-up (20 min)\n- cleaning: Cleaning (30 min), also called: hygienist, scale and polish\n",
    "he": "את אווה, פקידת הקבלה של מרפאת השיניים בפארק. השפה: עברית.\n\n# שירותים\n"
    "- checkup: בדיקה (20 דקות)\n- cleaning: ניקוי שיניים (30 דקות), שיננית\n",
}
BOOKING = ("find_slots", "hold_slot", "book_slot", "find_my_booking", "reschedule_booking", "cancel_booking")
ALL = ("check_opening_hours", "look_up_faq", *BOOKING, "take_message", "transfer_to_person", "end_call")
SLOTS = {
    "fr": {
        "morning": [("s1", "neuf heures"), ("s2", "dix heures trente")],
        "afternoon": [("s3", "quatorze heures"), ("s4", "quinze heures trente")],
    },
    "en": {
        "morning": [("s1", "nine o'clock"), ("s2", "ten thirty")],
        "afternoon": [("s3", "two o'clock"), ("s4", "half past three")],
    },
    "he": {"morning": [("s1", "תשע"), ("s2", "עשר וחצי")], "afternoon": [("s3", "שתיים"), ("s4", "שלוש וחצי")]},
}


class Call:
    """One conversation: the test plays the caller and the tools."""

    def __init__(self, language: str = "fr", tools: Sequence[str] = ALL, prompt: str | None = None) -> None:
        self.language = language
        self.messages: list[dict[str, Any]] = [{"role": "system", "content": prompt or PROMPTS[language]}]
        self.tools: list[dict[str, Any]] = [
            {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in tools
        ]
        self.last = Reply()

    def _next(self, **options: Any) -> Reply:
        body = {"messages": self.messages, "tools": self.tools or None, **options}
        self.last = reply_to(ChatRequest.read(body))
        if self.last.calls:
            calls = [
                {"id": f"c{len(self.messages)}_{i}", "function": {"name": c.name, "arguments": c.arguments}}
                for i, c in enumerate(self.last.calls)
            ]
            self.messages.append({"role": "assistant", "tool_calls": calls})
        else:
            self.messages.append({"role": "assistant", "content": self.last.text})
        return self.last

    def says(self, text: str, **options: Any) -> Reply:
        self.messages.append({"role": "user", "content": text})
        return self._next(**options)

    def told(self, instruction: str) -> Reply:
        self.messages.append({"role": "system", "content": instruction})
        return self._next()

    def result(self, status: str, say: str = "Voilà.", **more: Any) -> Reply:
        return self.raw_result(json.dumps({"status": status, "say": say, **more}, ensure_ascii=False))

    def raw_result(self, text: str) -> Reply:
        for call in self.messages[-1]["tool_calls"]:
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        return self._next()

    def slots(self, part: str, status: str = "slots", say: str = "J'ai ceci.") -> Reply:
        return self.result(status, say, slots=[{"id": i, "say": s} for i, s in SLOTS[self.language][part]])

    def called(self) -> tuple[str, dict[str, Any]]:
        assert len(self.last.calls) == 1, f"expected one call, got {self.last}"
        return self.last.calls[0].name, json.loads(self.last.calls[0].arguments)


def offered(language: str = "fr", part: str = "afternoon", *, name: str = "") -> Call:
    """A call where times are on offer for Thursday."""
    call = Call(language)
    opening = {"fr": "rendez-vous jeudi", "en": "an appointment on Thursday", "he": "תור ליום חמישי"}[language]
    introduction = {"fr": "Je m'appelle", "en": "My name is", "he": "שמי"}[language]
    call.says(f"{introduction} {name}. {opening}" if name else opening)
    assert call.called()[0] == "find_slots"
    call.slots(part)
    return call


def held(language: str = "fr") -> Call:
    """A call where the first of the morning is held and read back."""
    call = offered(language, "morning", name={"fr": "Jean Dupont", "en": "Susan Baker", "he": "דוד כהן"}[language])
    call.says({"fr": "le premier", "en": "the first one", "he": "הראשון"}[language])
    assert call.called()[0] == "hold_slot"
    call.result("held", {"fr": "C'est bien ça ?", "en": "Is that right?", "he": "זה נכון?"}[language])
    return call
