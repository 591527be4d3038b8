"""Proves that days and times are read as people say them, per language, and compared with moments."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from agent.claims import Evidence, judge, times_in
from contracts.assistant import Language

ZONE = ZoneInfo("Europe/Paris")
TODAY = date(2026, 11, 23)  # a Monday


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("fr", "à dix heures trente", {"10:30", "22:30"}),
        ("fr", "10h30", {"10:30", "22:30"}),
        ("fr", "10 h 30", {"10:30", "22:30"}),
        ("fr", "14:05", {"14:05"}),
        ("fr", "quatorze heures", {"14:00"}),
        ("fr", "deux heures de l'après-midi", {"14:00"}),
        ("fr", "huit heures du matin", {"08:00"}),
        ("fr", "midi et quart", {"12:15"}),
        ("fr", "neuf heures moins le quart", {"08:45", "20:45"}),
        ("fr", "dix-sept heures quarante-cinq", {"17:45"}),
        ("fr", "vingt et une heures", {"21:00"}),
        ("fr", "cinq heures moins vingt", {"04:40", "16:40"}),
        ("fr", "neuf, dix ou onze heures", {"09:00", "21:00", "10:00", "22:00", "11:00", "23:00"}),
        ("fr", "vingt-quatre heures à l'avance", set()),
        ("fr", "la séance dure une heure trente", set()),
        ("fr", "dans deux heures", set()),
        ("fr", "le 06 12 34 56 78", set()),
        ("en", "half past ten", {"10:30", "22:30"}),
        ("en", "at ten thirty", {"10:30", "22:30"}),
        ("en", "2 p.m.", {"14:00"}),
        ("en", "2pm", {"14:00"}),
        ("en", "at two in the afternoon", {"14:00"}),
        ("en", "quarter to nine", {"08:45", "20:45"}),
        ("en", "twenty past four", {"04:20", "16:20"}),
        ("en", "ten to three minutes", set()),
        ("en", "noon", {"12:00"}),
        ("en", "at three", {"03:00", "15:00"}),
        ("en", "nine oh five", {"09:05", "21:05"}),
        ("en", "12 a.m.", {"00:00"}),
        ("en", "it costs 85.50 euros", set()),
        ("en", "for two people", set()),
        ("en", "in thirty minutes", set()),
        ("he", "בשעה 14:30", {"14:30"}),
        ("he", "בעשר וחצי", {"10:30", "22:30"}),
        ("he", "רבע לעשר", {"09:45", "21:45"}),
        ("he", "בשעה עשר", {"10:00", "22:00"}),
        ("he", "בשלוש אחר הצהריים", {"15:00"}),
        ("he", "באחת עשרה", {"11:00", "23:00"}),
        ("he", "עשר ועשרים", {"10:20", "22:20"}),
        ("he", "שלושים דקות", set()),
    ],
)
def test_times_of_day(language: Language, text: str, expected: set[str]) -> None:
    """A time that leaves the half of the day open may mean both; quantities are no times."""
    assert {f"{t:%H:%M}" for t in times_in(text, language)} == expected


@pytest.mark.parametrize(
    ("language", "day", "on"),
    [
        ("fr", "jeudi", 26), ("fr", "demain", 24), ("fr", "après-demain", 25),
        ("fr", "aujourd'hui", 23), ("fr", "le vingt-six", 26), ("fr", "le 26 novembre", 26),
        ("fr", "jeudi vingt-six novembre", 26), ("fr", "le 26/11", 26), ("fr", "la semaine prochaine", 30),
        ("fr", "dans trois jours", 26), ("en", "Thursday", 26), ("en", "tomorrow", 24),
        ("en", "November the 26th", 26), ("en", "the 26th of November", 26), ("en", "Thursday, November 26", 26),
        ("en", "the day after tomorrow", 25), ("en", "next week", 30), ("he", "ביום חמישי", 26),
        ("he", "מחר", 24), ("he", "מחרתיים", 25), ("he", "ב-26 בנובמבר", 26),
        ("he", "ביום חמישי, עשרים ושישה בנובמבר", 26), ("he", "ביום ראשון", 29),
    ],
)  # fmt: skip
def test_days(language: Language, day: str, on: int) -> None:
    """A booking on the day named proves the sentence, and one a day later does not."""
    booked = {"fr": f"C'est réservé pour {day}.", "en": f"You're booked for {day}.", "he": f"התור נקבע {day}."}[
        language
    ]

    def ok(number: int) -> bool:
        evidence = Evidence(booked=(datetime(2026, 11, number, 10, tzinfo=ZONE),))
        return judge(booked, language, evidence, today=TODAY, zone=ZONE).ok

    assert ok(on)
    assert not ok(on - 1)


def test_evidence_is_compared_in_the_business_zone() -> None:
    """A receipt in UTC is the same moment: two o'clock in Paris, thirteen in UTC."""
    evidence = Evidence(booked=(datetime(2026, 11, 26, 13, tzinfo=ZoneInfo("UTC")),))
    assert judge("C'est réservé pour jeudi à quatorze heures.", "fr", evidence, today=TODAY, zone=ZONE).ok
    assert not judge("C'est réservé pour jeudi à treize heures.", "fr", evidence, today=TODAY, zone=ZONE).ok


def test_opening_hours_are_no_availability() -> None:
    """What opening hours made sayable proves when the business opens, never that a slot is free."""
    evidence = Evidence(opening_moments=frozenset({time(9)}))
    assert judge("We open at nine.", "en", evidence, today=TODAY, zone=ZONE).ok
    assert not judge("Nine on Thursday is free.", "en", evidence, today=TODAY, zone=ZONE).ok


def test_a_week_without_room_needs_every_working_day_searched() -> None:
    """One day found full does not prove the week full; all of its remaining working days do."""
    thursday = Evidence(none_found=True, empty_days=(date(2026, 11, 26),))
    week = Evidence(none_found=True, empty_days=tuple(date(2026, 11, day) for day in range(23, 28)))
    sentence = "Il n'y a plus de place cette semaine."
    assert not judge(sentence, "fr", thursday, today=TODAY, zone=ZONE).ok
    assert judge(sentence, "fr", week, today=TODAY, zone=ZONE).ok
