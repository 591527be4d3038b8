"""Whole telephone conversations with the scripted receptionist, at the level of messages in, words or tool calls out.

How a booking is made is in test_openai_script_booking.py.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.receptionist import ChatRequest, reply_to
from tests.fakes.receptionist_calls import ALL, PROMPTS, Call, held


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
    call = held()
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
