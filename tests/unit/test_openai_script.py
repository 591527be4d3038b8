"""Whole telephone conversations with the scripted receptionist, at the level of messages in, words or tool calls out."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    (
        "language",
        "asks_open",
        "open_day",
        "wants",
        "first",
        "changes",
        "second",
        "chooses",
        "spells",
        "name",
        "yes",
        "bye",
    ),
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


def _offered(language: str = "fr", part: str = "afternoon", *, name: str = "") -> Call:
    """A call where times are on offer for Thursday."""
    call = Call(language)
    opening = {"fr": "rendez-vous jeudi", "en": "an appointment on Thursday", "he": "תור ליום חמישי"}[language]
    introduction = {"fr": "Je m'appelle", "en": "My name is", "he": "שמי"}[language]
    call.says(f"{introduction} {name}. {opening}" if name else opening)
    assert call.called()[0] == "find_slots"
    call.slots(part)
    return call


@pytest.mark.parametrize(
    ("language", "part", "words", "slot"),
    [
        ("fr", "morning", "le premier", "s1"),
        ("fr", "morning", "Le deuxième, s'il vous plaît.", "s2"),
        ("fr", "morning", "à 9h", "s1"),
        ("fr", "morning", "10h30 ça me va", "s2"),
        ("fr", "morning", "dix heures et demie", "s2"),
        ("fr", "afternoon", "quatorze heures", "s3"),
        ("fr", "afternoon", "deux heures de l'après-midi", "s3"),
        ("fr", "afternoon", "plutôt quinze heures trente", "s4"),
        ("fr", "afternoon", "jeudi à 15 h 30", "s4"),
        ("fr", "afternoon", "le dernier", "s4"),
        ("en", "morning", "the second one", "s2"),
        ("en", "morning", "ten thirty please", "s2"),
        ("en", "morning", "9 am", "s1"),
        ("en", "morning", "at nine", "s1"),
        ("en", "afternoon", "two o'clock", "s3"),
        ("en", "afternoon", "half past three", "s4"),
        ("en", "afternoon", "3:30", "s4"),
        ("en", "afternoon", "at 2 p.m.", "s3"),
        ("he", "morning", "הראשון", "s1"),
        ("he", "morning", "השני בבקשה", "s2"),
        ("he", "morning", "בעשר וחצי", "s2"),
        ("he", "morning", "בשעה תשע", "s1"),
        ("he", "afternoon", "בשתיים", "s3"),
        ("he", "afternoon", "15:30", "s4"),
    ],
)
def test_a_time_on_offer_is_chosen_by_order_or_by_hour(language: str, part: str, words: str, slot: str) -> None:
    call = _offered(language, part, name={"fr": "Jean Dupont", "en": "Susan Baker", "he": "דוד כהן"}[language])
    call.says(words)
    tool, arguments = call.called()
    assert (tool, arguments["slot_id"]) == ("hold_slot", slot)


@pytest.mark.parametrize(
    ("language", "words", "changed"),
    [
        ("fr", "non, plutôt vendredi", {"day": "vendredi", "part_of_day": ""}),
        ("fr", "vous n'avez rien le matin ?", {"day": "jeudi", "part_of_day": "matin"}),
        (
            "fr",
            "la semaine prochaine, en fin de journée",
            {"day": "la semaine prochaine", "part_of_day": "en fin de journée"},
        ),
        ("fr", "vendredi à neuf heures", {"day": "vendredi", "part_of_day": "matin"}),
        ("fr", "non, à neuf heures plutôt", {"day": "jeudi", "part_of_day": "matin"}),
        ("en", "actually the morning", {"day": "Thursday", "part_of_day": "morning"}),
        ("en", "tomorrow would be better", {"day": "tomorrow", "part_of_day": ""}),
        ("en", "the 3rd of December", {"day": "the 3rd of December", "part_of_day": ""}),
        ("he", "אולי בבוקר", {"day": "ליום חמישי", "part_of_day": "בבוקר"}),
        ("he", "לא, מחר", {"day": "מחר", "part_of_day": ""}),
    ],
)
def test_another_day_or_half_day_searches_again(language: str, words: str, changed: dict[str, str]) -> None:
    call = _offered(language)
    call.says(words)
    tool, arguments = call.called()
    assert tool == "find_slots"
    assert {key: arguments[key] for key in changed} == changed


def test_a_time_not_on_offer_is_not_accepted() -> None:
    call = _offered("fr", "afternoon", name="Jean Dupont")
    reply = call.says("seize heures")
    assert not reply.calls
    assert "quatorze heures ou quinze heures trente" in reply.text


@pytest.mark.parametrize(
    ("language", "heard", "name"),
    [
        ("fr", "Dupont D U P O N T Jean Dupont", "Jean Dupont"),
        ("fr", "C'est Jean Dupond, D-U-P-O-N-T", "Jean Dupont"),
        ("fr", "Alors euh Marie-Claire Lefèvre", "Marie-Claire Lefèvre"),
        ("fr", "Au nom de madame Bernard", "Bernard"),
        ("fr", "D. U. R. A. N. D.", "Durand"),
        ("en", "It's Susan Baker", "Susan Baker"),
        ("en", "O'Neil, O N E I L, Shaun", "Oneil Shaun"),
        ("he", "קוראים לי דוד כהן", "דוד כהן"),
    ],
)
def test_names_said_and_spelled(language: str, heard: str, name: str) -> None:
    call = _offered(language, "morning")
    call.says({"fr": "le premier", "en": "the first one", "he": "הראשון"}[language])
    call.says(heard)
    assert call.called() == ("hold_slot", {"slot_id": "s1", "caller_name": name})


def test_a_name_that_was_not_heard_is_asked_again_in_other_words() -> None:
    call = _offered("fr", "morning")
    first = call.says("le premier").text
    second = call.says("euh oui").text
    assert "nom" in first
    assert "nom" in second
    assert first != second


def _held(language: str = "fr") -> Call:
    call = _offered(language, "morning", name={"fr": "Jean Dupont", "en": "Susan Baker", "he": "דוד כהן"}[language])
    call.says({"fr": "le premier", "en": "the first one", "he": "הראשון"}[language])
    assert call.called()[0] == "hold_slot"
    call.result("held", {"fr": "C'est bien ça ?", "en": "Is that right?", "he": "זה נכון?"}[language])
    return call


@pytest.mark.parametrize(("language", "no"), [("fr", "Non."), ("en", "No."), ("he", "לא.")])
def test_a_no_to_the_read_back_asks_what_to_change(language: str, no: str) -> None:
    reply = _held(language).says(no)
    assert not reply.calls
    assert reply.text.rstrip(".").endswith(("?", "corrige"))


def test_corrections_after_the_read_back() -> None:
    """A new time is held anew, a new name is held anew, a new day is searched; none is booked at once."""
    call = _held()
    call.says("Non, dix heures trente plutôt.")
    assert call.called() == ("hold_slot", {"slot_id": "s2", "caller_name": "Jean Dupont"})
    call.result("held", "C'est bien ça ?")
    call.says("Non, c'est Durand, D U R A N D.")
    assert call.called() == ("hold_slot", {"slot_id": "s2", "caller_name": "Durand"})
    call.result("held", "C'est bien ça ?")
    call.says("Finalement vendredi.")
    assert call.called()[0] == "find_slots"


def test_a_question_in_between_comes_back_to_the_read_back() -> None:
    call = _held()
    call.says("Et c'est combien ?")
    assert call.called() == ("look_up_faq", {"question": "Et c'est combien ?"})
    reply = call.result("known", "Soixante euros.")
    assert reply.text == "Soixante euros. Alors, je vous confirme ce rendez-vous ?"
    call.says("Oui.")
    assert call.called()[0] == "book_slot"


def test_a_cut_off_read_back_is_still_answered_by_yes() -> None:
    """The framework keeps only what was heard before the caller spoke over it."""
    call = _held()
    call.messages[-1]["content"] = "Je récapi"
    call.says("Oui oui, c'est ça.")
    assert call.called()[0] == "book_slot"


def test_a_number_and_an_e_mail_given_on_the_way_are_used() -> None:
    call = _offered("fr", "morning", name="Jean Dupont")
    call.says("le premier, mon numéro c'est le 06 12 34 56 78 et jean@example.fr")
    call.result("held", "C'est bien ça ?")
    call.says("Oui.")
    _, arguments = call.called()
    assert arguments["callback_number"] == "06 12 34 56 78"
    assert arguments["email"] == "jean@example.fr"


@pytest.mark.parametrize("tool", ["hold_slot", "book_slot"])
def test_a_slot_that_is_gone_offers_the_others(tool: str) -> None:
    call = _offered("fr", "morning", name="Jean Dupont")
    call.says("le premier")
    if tool == "book_slot":
        call.result("held", "C'est bien ça ?")
        call.says("oui")
    assert call.called()[0] == tool
    reply = call.slots("afternoon", status="gone", say="Ce créneau vient d'être pris.")
    assert reply.text == "Ce créneau vient d'être pris. Qu'est-ce qui vous convient ?"
    call.says("quatorze heures")
    assert call.called() == ("hold_slot", {"slot_id": "s3", "caller_name": "Jean Dupont"})


def test_a_doubtful_booking_is_never_sent_again_and_a_message_is_offered() -> None:
    call = _held()
    call.says("Oui, je confirme.")
    reply = call.result("doubtful", "Je n'ai pas la confirmation.")
    assert reply.text == "Je n'ai pas la confirmation. Voulez-vous laisser un message ?"
    call.says("Oui.")
    call.says("Rappelez-moi pour me dire si c'est bon.")
    tool, arguments = call.called()
    assert tool == "take_message"
    assert arguments["caller_name"] == "Jean Dupont"
    assert "si c'est bon" in arguments["reason"]


@pytest.mark.parametrize(
    ("language", "yes", "reason", "name", "expected_name"),
    [
        ("fr", "Oui, s'il vous plaît.", "Je voudrais qu'on me rappelle pour un devis.", "Jean Dupont", "Jean Dupont"),
        ("en", "Yes please.", "I would like someone to ring me about a quote.", "Susan Baker", "Susan Baker"),
        ("he", "כן, בבקשה.", "אני מבקש שיחזרו אליי לגבי הצעת מחיר.", "דוד כהן", "דוד כהן"),
    ],
)
def test_an_unreachable_calendar_ends_in_a_message(
    language: str, yes: str, reason: str, name: str, expected_name: str
) -> None:
    call = Call(language)
    call.says({"fr": "Un rendez-vous demain", "en": "An appointment tomorrow", "he": "תור למחר"}[language])
    offer = call.result("unavailable", "X.").text
    assert offer.startswith("X. ")
    assert not call.says(yes).calls
    call.says(reason)
    call.says(name)
    tool, arguments = call.called()
    assert tool == "take_message"
    assert arguments["caller_name"] == expected_name
    assert arguments["urgent"] is False
    assert len(arguments["reason"]) > 10
    assert call.result("taken", "C'est noté.").text.startswith("C'est noté. ")


def test_a_hidden_number_is_asked_for_before_the_message_is_taken() -> None:
    call = Call(prompt=PROMPTS["fr"] + "\nAppelant : numéro masqué\n")
    call.says("Je voudrais laisser un message pour dire que je serai en retard demain.")
    call.says("Jean Dupont")
    call.says("06 12 34 56 78")
    tool, arguments = call.called()
    assert (tool, arguments["callback_number"]) == ("take_message", "06 12 34 56 78")
    assert arguments["reason"] == "je serai en retard demain"


@pytest.mark.parametrize(
    ("language", "asks", "name", "yes"),
    [
        ("fr", "Je voudrais annuler mon rendez-vous.", "Jean Dupont", "Oui."),
        ("en", "I need to cancel my appointment.", "Susan Baker", "Yes please."),
        ("he", "אני רוצה לבטל את התור שלי.", "דוד כהן", "כן."),
    ],
)
def test_cancelling_asks_who_then_finds_then_asks_before_it_cancels(
    language: str, asks: str, name: str, yes: str
) -> None:
    call = Call(language)
    assert not call.says(asks).calls
    call.says(name)
    assert call.called() == ("find_my_booking", {"caller_name": name, "phone_or_email": ""})
    assert not call.result("found", "X.", bookings=[{"ref": "b1", "say": "jeudi"}]).calls
    call.says(yes)
    assert call.called() == ("cancel_booking", {"booking_ref": "b1"})
    assert call.result("cancelled", "C'est annulé.").text.startswith("C'est annulé. ")


def test_an_unknown_caller_is_asked_for_proof_and_tried_again_with_it() -> None:
    call = Call()
    call.says("Je m'appelle Jean Dupont, je voudrais annuler mon rendez-vous.")
    call.result("not_found", "Je ne trouve pas.", tries_left=2)
    assert "mail" in call.last.text
    call.says("C'est jean@example.fr")
    assert call.called() == ("find_my_booking", {"caller_name": "Jean Dupont", "phone_or_email": "jean@example.fr"})
    assert call.result("exhausted", "Désolée.").text == "Désolée. Voulez-vous laisser un message ?"


def test_keeping_the_booking_after_all() -> None:
    call = Call()
    call.says("Annulez mon rendez-vous, je suis monsieur Dupont.")
    call.result("found", "Jeudi à neuf heures.", bookings=[{"ref": "b1", "say": "jeudi"}])
    reply = call.says("Non, finalement non.")
    assert not reply.calls


@pytest.mark.parametrize(
    ("language", "asks", "day", "chooses", "yes"),
    [
        (
            "fr",
            "Je m'appelle Jean Dupont, je voudrais déplacer mon rendez-vous de jeudi à vendredi.",
            "vendredi",
            "quatorze heures",
            "oui",
        ),
        (
            "en",
            "My name is Susan Baker, can I move my appointment from Thursday to Friday?",
            "Friday",
            "two o'clock",
            "yes",
        ),
        ("he", "שמי דוד כהן, אפשר להזיז את התור של יום חמישי ליום שישי?", "ליום שישי", "בשתיים", "כן"),
    ],
)
def test_moving_a_booking(language: str, asks: str, day: str, chooses: str, yes: str) -> None:
    """Found, then slots for the new day, then the choice is read back, and only then it is moved."""
    call = Call(language)
    call.says(asks)
    assert call.called()[0] == "find_my_booking"
    call.result("found", "X.", bookings=[{"ref": "b7", "say": "jeudi"}])
    tool, arguments = call.called()
    assert (tool, arguments["day"]) == ("find_slots", day)
    call.slots("afternoon")
    assert not call.says(chooses).calls
    call.says(yes)
    assert call.called() == ("reschedule_booking", {"booking_ref": "b7", "slot_id": "s3"})
    assert call.result("rescheduled", "C'est fait.").text.startswith("C'est fait. ")


def test_which_of_two_bookings() -> None:
    call = Call()
    call.says("Je m'appelle Jean Dupont et je dois annuler mon rendez-vous.")
    two = [{"ref": "b1", "say": "jeudi à neuf heures"}, {"ref": "b2", "say": "mardi à dix heures"}]
    call.result("found", "J'en vois deux.", bookings=two)
    call.says("Celui de mardi.")
    call.says("Oui.")
    assert call.called() == ("cancel_booking", {"booking_ref": "b2"})


@pytest.mark.parametrize(
    ("language", "words", "tool"),
    [
        ("fr", "C'est combien un détartrage ?", "look_up_faq"),
        ("fr", "Où êtes-vous situés ?", "look_up_faq"),
        ("fr", "Est-ce que je peux payer par carte bancaire ?", "look_up_faq"),
        ("fr", "Est-ce que vous prenez la carte vitale ?", "look_up_faq"),
        ("fr", "Vous êtes ouverts demain ?", "check_opening_hours"),
        ("fr", "Quels sont vos horaires ?", "check_opening_hours"),
        ("fr", "Je voudrais parler à quelqu'un.", "transfer_to_person"),
        ("fr", "Au revoir.", "end_call"),
        ("en", "How much is a cleaning?", "look_up_faq"),
        ("en", "Is there parking nearby?", "look_up_faq"),
        ("en", "Are you open on Saturday?", "check_opening_hours"),
        ("en", "Can I talk to a person?", "transfer_to_person"),
        ("en", "Bye!", "end_call"),
        ("he", "כמה עולה ניקוי שיניים?", "look_up_faq"),
        ("he", "איפה אתם נמצאים?", "look_up_faq"),
        ("he", "אתם פתוחים מחר?", "check_opening_hours"),
        ("he", "אני רוצה לדבר עם מישהו", "transfer_to_person"),
        ("he", "להתראות", "end_call"),
    ],
)
def test_single_requests(language: str, words: str, tool: str) -> None:
    call = Call(language)
    call.says(words)
    assert call.called()[0] == tool


def test_without_the_tool_nothing_is_called() -> None:
    """Only tools on offer are called: no transfer means a message, no message means words."""
    call = Call(tools=("take_message",))
    assert call.says("Passez-moi quelqu'un.").text.endswith("Voulez-vous laisser un message ?")
    call = Call(tools=())
    for words in ("Je voudrais un rendez-vous jeudi", "Vous êtes ouverts demain ?", "C'est combien ?", "Au revoir"):
        reply = call.says(words)
        assert reply.text
        assert not reply.calls


def test_failed_transfer_offers_a_message() -> None:
    call = Call()
    call.says("Je veux parler à quelqu'un")
    assert call.result("failed", "Personne ne répond.").text == "Personne ne répond. Voulez-vous laisser un message ?"


def test_noise_is_asked_again_each_time_in_other_words() -> None:
    call = Call()
    replies = [call.says(noise).text for noise in ("...", "brgl", "mmh grmpf", "…")]
    assert len(set(replies)) == 4


def test_missing_day_is_asked_and_any_day_means_the_earliest() -> None:
    call = Call()
    assert "jour" in call.says("Bonjour, je voudrais un rendez-vous.").text
    call.says("Le plus tôt possible.")
    assert call.called() == ("find_slots", {"service": "consultation", "day": "earliest", "part_of_day": ""})


def test_no_slots_that_day_asks_for_another() -> None:
    call = Call()
    call.says("Un rendez-vous demain matin")
    reply = call.result("none", "Je n'ai rien demain.", slots=[])
    assert "jour" in reply.text
    call.says("Alors vendredi")
    tool, arguments = call.called()
    assert (tool, arguments["day"]) == ("find_slots", "vendredi")


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("The caller has been silent: ask whether they are still there.", "Vous êtes toujours là ?"),
        ("say goodbye to the user", "Merci de votre appel, au revoir et bonne journée !"),
        ('Say exactly: "Un instant, je vérifie."', "Un instant, je vérifie."),
    ],
)
def test_instructions_added_by_the_agent_are_obeyed(instruction: str, expected: str) -> None:
    call = Call()
    call.says("Bonjour")
    assert call.told(instruction).text == expected


def test_the_prompts_urgency_words_are_said_once() -> None:
    call = Call(
        prompt=PROMPTS["fr"]
        + "\n# Urgences\nSi saignement ou douleur : « En cas d'urgence vitale, appelez le quinze. »\n"
    )
    first = call.says("C'est une urgence, je saigne beaucoup")
    assert first.text.startswith("En cas d'urgence vitale, appelez le quinze.")
    call.says("Oui")
    assert call.called()[0] == "find_slots"


def test_tool_choice_is_honoured() -> None:
    call = Call()
    assert not call.says("Un rendez-vous jeudi", tool_choice="none").calls
    call = Call()
    call.says("Bonjour", tool_choice={"type": "function", "function": {"name": "end_call"}})
    assert call.called()[0] == "end_call"


def test_a_framework_error_as_tool_result_is_not_read_out() -> None:
    call = Call()
    call.says("Un rendez-vous jeudi")
    reply = call.raw_result("An internal error occurred")
    assert "internal" not in reply.text
    assert reply.text.endswith("Voulez-vous laisser un message ?")


def test_the_same_request_always_gets_the_same_reply() -> None:
    call = _held()
    body = {"messages": [*call.messages, {"role": "user", "content": "Oui."}], "tools": call.tools}
    assert reply_to(ChatRequest.read(body)) == reply_to(ChatRequest.read(body))


def test_the_callers_language_wins_over_the_prompts() -> None:
    call = Call("fr")
    assert call.says("Hello, what would you like to do for me please?").text.isascii()


def test_tools_that_speak_for_themselves() -> None:
    """Our tools say their sentence themselves: no reply is asked for, their words stand in the history as the assistant's."""
    call = Call("fr")

    def spoken(status: str, say: str, **more: Any) -> None:
        for made in call.messages[-1]["tool_calls"]:
            text = json.dumps({"status": status, "say": say, **more}, ensure_ascii=False)
            call.messages.append({"role": "tool", "tool_call_id": made["id"], "content": text})
        call.messages.append({"role": "assistant", "content": say})

    call.says("Je voudrais un rendez-vous jeudi matin")
    spoken(
        "slots",
        "Neuf heures ou dix heures trente. Qu'est-ce qui vous convient ?",
        slots=[
            {"id": "s1", "say": "neuf heures", "at": "2026-11-26 09:00"},
            {"id": "s2", "say": "dix heures trente", "at": "2026-11-26 10:30"},
        ],
    )
    call.says("dix heures trente")
    call.says("Jean Dupont")
    assert call.called() == ("hold_slot", {"slot_id": "s2", "caller_name": "Jean Dupont"})
    spoken("held", "Je récapitule : jeudi à dix heures trente, au nom de Jean Dupont. C'est bien ça ?")
    call.messages[-1]["content"] = "Je récapitule : jeudi"
    call.says("Oui c'est ça")
    assert call.called()[0] == "book_slot"
    spoken("unavailable", "Je n'arrive pas à joindre l'agenda. Voulez-vous laisser un message ?")
    call.says("Oui")
    call.says("Pouvez-vous me rappeler demain pour confirmer.")
    assert call.called()[0] == "take_message"
    spoken("taken", "C'est noté. Puis-je faire autre chose pour vous ?")
    call.says("Non merci.")
    assert call.called()[0] == "end_call"


def test_an_ambiguous_day_is_cleared_up_with_the_tool_that_asked() -> None:
    call = Call("fr")
    call.says("Vous êtes ouverts vendredi prochain ?")
    call.result("ask", "Vous voulez dire vendredi vingt-sept ou vendredi quatre décembre ?")
    call.says("Le quatre décembre")
    assert call.called() == ("check_opening_hours", {"day": "Le quatre décembre"})


def test_only_arguments_of_the_schema_are_sent() -> None:
    call = Call("fr")
    call.tools = [
        {"type": "function", "function": {"name": "end_call", "parameters": {"type": "object", "properties": {}}}}
    ]
    call.says("Au revoir")
    assert call.called() == ("end_call", {})


def test_a_hidden_number_is_asked_for_before_a_slot_is_held() -> None:
    call = Call("fr", prompt=PROMPTS["fr"] + "\nThe caller withholds their number: ask for one to book.\n")
    call.says("Un rendez-vous jeudi, je m'appelle Jean Dupont.")
    call.slots("morning")
    assert "numéro" in call.says("le premier").text
    call.says("zéro six douze trente-quatre cinquante-six soixante-dix-huit")
    assert call.called()[0] == "hold_slot"


WORDS = st.sampled_from(
    "oui non rendez-vous jeudi vendredi matin après-midi quatorze heures le premier annuler déplacer message combien merci "
    "Dupont D U P urgent attendez 06 12 34 56 78 demain yes cancel Friday two o'clock ? … 25 décembre".split()
    + ["תור", "מחר", "בשתיים", "כן", "לא"]
)
STATUSES = st.sampled_from(
    "slots none ask unavailable held gone booked doubtful refused found not_found taken open".split()
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.lists(WORDS, max_size=7).map(" ".join), STATUSES), min_size=1, max_size=8), st.data())
def test_whatever_is_said_it_answers_and_calls_only_what_is_offered(
    turns: list[tuple[str, str]], data: st.DataObject
) -> None:
    offered = data.draw(st.lists(st.sampled_from(ALL), unique=True))
    call = Call(data.draw(st.sampled_from(("fr", "en", "he"))), tools=offered)
    slots = [{"id": "s1", "say": "neuf heures"}, {"id": "s2", "say": "two p.m."}]
    for words, status in turns:
        reply = call.says(words)
        for _ in range(5):
            assert {made.name for made in reply.calls} <= set(offered)
            if not reply.calls:
                break
            reply = call.result(status, "Voilà.", slots=slots, bookings=[{"ref": "b1", "say": "jeudi"}])
        assert not reply.calls, "a loop of tool calls"
