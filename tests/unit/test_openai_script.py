"""Whole telephone conversations with the scripted receptionist, at the level of messages in, words or tool calls out."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

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
    "en": {"morning": [("s1", "nine o'clock"), ("s2", "ten thirty")], "afternoon": [("s3", "two o'clock"), ("s4", "half past three")]},
    "he": {"morning": [("s1", "תשע"), ("s2", "עשר וחצי")], "afternoon": [("s3", "שתיים"), ("s4", "שלוש וחצי")]},
}


class Call:
    """One conversation: the test plays the caller and the tools."""

    def __init__(self, language: str = "fr", tools: Sequence[str] = ALL, prompt: str | None = None) -> None:
        self.language = language
        self.messages: list[dict[str, Any]] = [{"role": "system", "content": prompt or PROMPTS[language]}]
        self.tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in tools]
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


BOOKINGS = [
    pytest.param(
        "fr",
        "Bonjour, est-ce que vous êtes ouverts le 25 décembre ?",
        "le 25 décembre",
        "Je voudrais un rendez-vous jeudi matin pour un détartrage.",
        {"service": "detartrage", "day": "jeudi", "part_of_day": "matin"},
        "Non attendez, plutôt l'après-midi en fait.",
        {"service": "detartrage", "day": "jeudi", "part_of_day": "après-midi"},
        "Le premier, à quatorze heures, c'est très bien.",
        "Dupont. D, U, P, O, N, T. Jean Dupont.",
        "Jean Dupont",
        "Oui, c'est ça, je confirme.",
        "Non merci, c'est tout, au revoir.",
        id="fr",
    ),
    pytest.param(
        "en",
        "Hello, are you open on Christmas Day?",
        "Christmas Day",
        "I would like an appointment on Thursday morning for a cleaning.",
        {"service": "cleaning", "day": "Thursday", "part_of_day": "morning"},
        "No wait, the afternoon would be better.",
        {"service": "cleaning", "day": "Thursday", "part_of_day": "afternoon"},
        "The first one, at two o'clock, is perfect.",
        "Baker. B, A, K, E, R. Susan Baker.",
        "Susan Baker",
        "Yes, that is right, I confirm.",
        "No thank you, that is all, goodbye.",
        id="en",
    ),
    pytest.param(
        "he",
        "שלום, האם אתם פתוחים בחג החנוכה?",
        "חנוכה",
        "אני רוצה תור ליום חמישי בבוקר לניקוי שיניים.",
        {"service": "cleaning", "day": "ליום חמישי", "part_of_day": "בבוקר"},
        "לא רגע, עדיף אחר הצהריים בעצם.",
        {"service": "cleaning", "day": "ליום חמישי", "part_of_day": "אחר הצהריים"},
        "הראשון, בשעה ארבע עשרה, מצוין.",
        "כהן. כ, ה, נ. דוד כהן.",
        "דוד כהן",
        "כן, נכון, אני מאשר.",
        "לא תודה, זה הכול, להתראות.",
        id="he",
    ),
]


@pytest.mark.parametrize(
    ("language", "asks_open", "open_day", "wants", "first", "changes", "second", "chooses", "spells", "name", "yes", "bye"),
    BOOKINGS,
)
def test_a_whole_booking_with_a_change_of_mind(
    language: str,
    asks_open: str,
    open_day: str,
    wants: str,
    first: dict[str, str],
    changes: str,
    second: dict[str, str],
    chooses: str,
    spells: str,
    name: str,
    yes: str,
    bye: str,
) -> None:
    """The day and service survive a change of mind, nothing is booked before the read-back and the caller's yes."""
    call = Call(language)
    call.says(asks_open)
    tool, arguments = call.called()
    assert tool == "check_opening_hours"
    assert open_day in arguments["day"]
    assert call.result("closed", "X.").text.startswith("X.")
    call.says(wants)
    assert call.called() == ("find_slots", first)
    call.slots("morning")
    call.says(changes)
    assert call.called() == ("find_slots", second)
    call.slots("afternoon")
    asked = call.says(chooses)
    assert asked.text
    assert not asked.calls
    call.says(spells)
    assert call.called() == ("hold_slot", {"slot_id": "s3", "caller_name": name})
    assert call.result("held", "Récap. C'est bien ça ?").text == "Récap. C'est bien ça ?"
    call.says(yes)
    assert call.called() == ("book_slot", {"slot_id": "s3", "caller_name": name, "callback_number": "", "email": ""})
    assert call.result("booked", "OK.").text.startswith("OK. ")
    call.says(bye)
    assert call.called()[0] == "end_call"
    assert call.result("ended", "").text == ""
