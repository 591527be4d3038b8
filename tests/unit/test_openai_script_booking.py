"""Bookings with the scripted receptionist, from the first wish to the slot that is booked, gone or in doubt."""

import pytest

from tests.fakes.receptionist_calls import Call, held, offered

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
    call = offered(language, part, name={"fr": "Jean Dupont", "en": "Susan Baker", "he": "דוד כהן"}[language])
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
    call = offered(language)
    call.says(words)
    tool, arguments = call.called()
    assert tool == "find_slots"
    assert {key: arguments[key] for key in changed} == changed


def test_a_time_not_on_offer_is_not_accepted() -> None:
    call = offered("fr", "afternoon", name="Jean Dupont")
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
    call = offered(language, "morning")
    call.says({"fr": "le premier", "en": "the first one", "he": "הראשון"}[language])
    call.says(heard)
    assert call.called() == ("hold_slot", {"slot_id": "s1", "caller_name": name})


def test_a_name_that_was_not_heard_is_asked_again_in_other_words() -> None:
    call = offered("fr", "morning")
    first = call.says("le premier").text
    second = call.says("euh oui").text
    assert "nom" in first
    assert "nom" in second
    assert first != second


@pytest.mark.parametrize(("language", "no"), [("fr", "Non."), ("en", "No."), ("he", "לא.")])
def test_a_no_to_the_read_back_asks_what_to_change(language: str, no: str) -> None:
    reply = held(language).says(no)
    assert not reply.calls
    assert reply.text.rstrip(".").endswith(("?", "corrige"))


def test_corrections_after_the_read_back() -> None:
    """A new time is held anew, a new name is held anew, a new day is searched; none is booked at once."""
    call = held()
    call.says("Non, dix heures trente plutôt.")
    assert call.called() == ("hold_slot", {"slot_id": "s2", "caller_name": "Jean Dupont"})
    call.result("held", "C'est bien ça ?")
    call.says("Non, c'est Durand, D U R A N D.")
    assert call.called() == ("hold_slot", {"slot_id": "s2", "caller_name": "Durand"})
    call.result("held", "C'est bien ça ?")
    call.says("Finalement vendredi.")
    assert call.called()[0] == "find_slots"


def test_a_question_in_between_comes_back_to_the_read_back() -> None:
    call = held()
    call.says("Et c'est combien ?")
    assert call.called() == ("look_up_faq", {"question": "Et c'est combien ?"})
    reply = call.result("known", "Soixante euros.")
    assert reply.text == "Soixante euros. Alors, je vous confirme ce rendez-vous ?"
    call.says("Oui.")
    assert call.called()[0] == "book_slot"


def test_a_cut_off_read_back_is_still_answered_by_yes() -> None:
    """The framework keeps only what was heard before the caller spoke over it."""
    call = held()
    call.messages[-1]["content"] = "Je récapi"
    call.says("Oui oui, c'est ça.")
    assert call.called()[0] == "book_slot"


def test_a_number_and_an_e_mail_given_on_the_way_are_used() -> None:
    call = offered("fr", "morning", name="Jean Dupont")
    call.says("le premier, mon numéro c'est le 06 12 34 56 78 et jean@example.fr")
    call.result("held", "C'est bien ça ?")
    call.says("Oui.")
    _, arguments = call.called()
    assert arguments["callback_number"] == "06 12 34 56 78"
    assert arguments["email"] == "jean@example.fr"


@pytest.mark.parametrize("tool", ["hold_slot", "book_slot"])
def test_a_slot_that_is_gone_offers_the_others(tool: str) -> None:
    call = offered("fr", "morning", name="Jean Dupont")
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
    call = held()
    call.says("Oui, je confirme.")
    reply = call.result("doubtful", "Je n'ai pas la confirmation.")
    assert reply.text == "Je n'ai pas la confirmation. Voulez-vous laisser un message ?"
    call.says("Oui.")
    call.says("Rappelez-moi pour me dire si c'est bon.")
    tool, arguments = call.called()
    assert tool == "take_message"
    assert arguments["caller_name"] == "Jean Dupont"
    assert "si c'est bon" in arguments["reason"]
