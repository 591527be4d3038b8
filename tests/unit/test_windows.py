"""Day expressions become the right days and hours, or an honest refusal."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from calendar_tools.windows import (
    DAY_EXPRESSION_HELP,
    DAY_FORMS,
    PARTS_OF_DAY,
    Ambiguous,
    InThePast,
    Language,
    NotUnderstood,
    Resolution,
    Window,
    resolve_window,
)

PARIS = ZoneInfo("Europe/Paris")
JERUSALEM = ZoneInfo("Asia/Jerusalem")
NEW_YORK = ZoneInfo("America/New_York")


def wall_time(text: str) -> datetime:
    """A time on the wall; `ask` gives it its zone."""
    return datetime.fromisoformat(text)


TUESDAY = wall_time("2026-11-24T09:00")


def ask(
    expression: str,
    language: Language = "fr",
    *,
    part: str = "any",
    wall: datetime = TUESDAY,
    zone: ZoneInfo = PARIS,
) -> Resolution:
    return resolve_window(expression, part_of_day=part, now=wall.replace(tzinfo=zone), zone=zone, language=language)


def window(*args: object, **kwargs: object) -> Window:
    found = ask(*args, **kwargs)  # type: ignore[arg-type]  # passed through as they came
    assert isinstance(found, Window), found
    return found


def d(month: int, day: int, year: int = 2026) -> date:
    return date(year, month, day)


SINGLE_DAYS = [
    # the closed forms, which every language takes
    ("fr", "today", d(11, 24)),
    ("he", "tomorrow", d(11, 25)),
    ("fr", "day_after_tomorrow", d(11, 26)),
    ("en", "wednesday", d(11, 25)),
    ("he", "monday", d(11, 30)),
    ("fr", "this_tuesday", d(11, 24)),
    ("fr", "next_monday", d(11, 30)),
    ("fr", "next_tuesday", d(12, 1)),
    ("fr", "in_3_days", d(11, 27)),
    ("fr", "in_8_days", d(12, 2)),
    ("fr", "in_2_weeks", d(12, 8)),
    ("en", "2026-12-01", d(12, 1)),
    ("fr", "12-01", d(12, 1)),
    ("fr", "11-24", d(11, 24)),
    ("fr", "11-23", d(11, 23, 2027)),
    ("fr", "02-29", d(2, 29, 2028)),
    ("en", "2028-02-29", d(2, 29, 2028)),
    # French
    ("fr", "aujourd'hui", d(11, 24)),
    ("fr", "Aujourd’hui", d(11, 24)),
    ("fr", "demain", d(11, 25)),
    ("fr", "après-demain", d(11, 26)),
    ("fr", "jeudi", d(11, 26)),
    ("fr", "ce jeudi", d(11, 26)),
    ("fr", "jeudi qui vient", d(11, 26)),
    ("fr", "lundi prochain", d(11, 30)),
    ("fr", "mardi prochain", d(12, 1)),
    ("fr", "jeudi en huit", d(12, 3)),
    ("fr", "lundi en quinze", d(12, 14)),
    ("fr", "jeudi de la semaine prochaine", d(12, 3)),
    ("fr", "dans trois jours", d(11, 27)),
    ("fr", "dans huit jours", d(12, 1)),
    ("fr", "dans quinze jours", d(12, 8)),
    ("fr", "dans une semaine", d(12, 1)),
    ("fr", "dans un mois", d(12, 24)),
    ("fr", "le 26 novembre", d(11, 26)),
    ("fr", "le vingt-six novembre", d(11, 26)),
    ("fr", "le 1er décembre", d(12, 1)),
    ("fr", "le premier décembre", d(12, 1)),
    ("fr", "jeudi 26 novembre 2026", d(11, 26)),
    ("fr", "26/11", d(11, 26)),
    ("fr", "26/11/26", d(11, 26)),
    ("fr", "26.11.2026", d(11, 26)),
    ("fr", "le 3", d(12, 3)),
    ("fr", "le 24", d(11, 24)),
    ("fr", "le 31", d(12, 31)),
    ("fr", "jeudi 3", d(12, 3)),
    ("fr", "jeudi s'il vous plaît", d(11, 26)),
    # English
    ("en", "Thursday", d(11, 26)),
    ("en", "this Tuesday", d(11, 24)),
    ("en", "next Monday", d(11, 30)),
    ("en", "in three days", d(11, 27)),
    ("en", "in a week", d(12, 1)),
    ("en", "a week from Monday", d(12, 7)),
    ("en", "Monday week", d(12, 7)),
    ("en", "Thursday next week", d(12, 3)),
    ("en", "November 26th", d(11, 26)),
    ("en", "the twenty-sixth of November", d(11, 26)),
    ("en", "26 Nov", d(11, 26)),
    ("en", "the 26th", d(11, 26)),
    ("en", "Thursday the 26th", d(11, 26)),
    ("en", "11/26", d(11, 26)),
    ("en", "26/11", d(11, 26)),
    ("en", "the day after tomorrow, please", d(11, 26)),
    # Hebrew
    ("he", "היום", d(11, 24)),
    ("he", "מחר", d(11, 25)),
    ("he", "מחרתיים", d(11, 26)),
    ("he", "יום חמישי", d(11, 26)),
    ("he", "ביום חמישי", d(11, 26)),
    ("he", "יום ראשון", d(11, 29)),
    ("he", "ביום שני", d(11, 30)),
    ("he", "שבת", d(11, 28)),
    ("he", "ראשון הבא", d(11, 29)),
    ("he", "בעוד שלושה ימים", d(11, 27)),
    ("he", "בעוד יומיים", d(11, 26)),
    ("he", "בעוד שבועיים", d(12, 8)),
    ("he", "26 בנובמבר", d(11, 26)),
    ("he", "ב-26 בנובמבר", d(11, 26)),
    ("he", "ב-26.11", d(11, 26)),
    ("he", "עשרים ושישה בנובמבר", d(11, 26)),
    ("he", "ביום ה'", d(11, 26)),
    ("he", "יום א׳", d(11, 29)),
    # a language other than the call's
    ("fr", "next Monday", d(11, 30)),
    ("en", "jeudi", d(11, 26)),
    ("en", "מחר", d(11, 25)),
]


@pytest.mark.parametrize(("language", "expression", "day"), SINGLE_DAYS)
def test_an_expression_names_one_day(language: Language, expression: str, day: date) -> None:
    zone = JERUSALEM if language == "he" else PARIS
    found = window(expression, language, zone=zone)
    assert found.days == (day,)
    assert found.end == datetime.combine(day + timedelta(days=1), time(), zone)
    assert found.start == max(datetime.combine(day, time(), zone), TUESDAY.replace(tzinfo=zone))


SEVERAL_DAYS = [
    ("fr", "this_week", PARIS, d(11, 24), d(11, 29)),
    ("fr", "next_week", PARIS, d(11, 30), d(12, 6)),
    ("fr", "la semaine prochaine", PARIS, d(11, 30), d(12, 6)),
    ("fr", "début de semaine prochaine", PARIS, d(11, 30), d(12, 2)),
    ("en", "next week", PARIS, d(11, 30), d(12, 6)),
    ("en", "this week", NEW_YORK, d(11, 24), d(11, 29)),
    ("he", "שבוע הבא", JERUSALEM, d(11, 29), d(12, 5)),
    ("he", "השבוע", JERUSALEM, d(11, 24), d(11, 28)),
    ("fr", "next_week", JERUSALEM, d(11, 29), d(12, 5)),
    ("fr", "ce week-end", PARIS, d(11, 28), d(11, 29)),
    ("he", "סוף השבוע", JERUSALEM, d(11, 27), d(11, 28)),
    ("fr", "d'ici quinze jours", PARIS, d(11, 24), d(12, 8)),
    ("en", "within three days", PARIS, d(11, 24), d(11, 27)),
    ("fr", "earliest", PARIS, d(11, 24), d(12, 7)),
    ("fr", "le plus tôt possible", PARIS, d(11, 24), d(12, 7)),
    ("en", "as soon as possible", PARIS, d(11, 24), d(12, 7)),
    ("he", "הכי מוקדם שאפשר", JERUSALEM, d(11, 24), d(12, 7)),
    ("fr", "en décembre", PARIS, d(12, 1), d(12, 31)),
    ("en", "any day next week", PARIS, d(11, 30), d(12, 6)),
    ("fr", "n'importe quel jour la semaine prochaine", PARIS, d(11, 30), d(12, 6)),
    ("fr", "fin de semaine", PARIS, d(11, 27), d(11, 29)),
    ("fr", "fin janvier", PARIS, d(1, 21, 2027), d(1, 31, 2027)),
]


@pytest.mark.parametrize(("language", "expression", "zone", "first", "last"), SEVERAL_DAYS)
def test_an_expression_names_a_stretch(
    language: Language, expression: str, zone: ZoneInfo, first: date, last: date
) -> None:
    found = window(expression, language, zone=zone)
    assert (found.days[0], found.days[-1]) == (first, last)
    assert len(found.days) == (last - first).days + 1


AMBIGUOUS = [
    ("fr", "jeudi prochain", TUESDAY, (d(11, 26), d(12, 3))),
    ("en", "next Thursday", TUESDAY, (d(11, 26), d(12, 3))),
    ("he", "חמישי הבא", TUESDAY, (d(11, 26), d(12, 3))),
    ("fr", "next_wednesday", TUESDAY, (d(11, 25), d(12, 2))),
    ("fr", "lundi prochain", wall_time("2026-11-29T10:00"), (d(11, 30), d(12, 7))),
    ("fr", "mardi", TUESDAY, (d(11, 24), d(12, 1))),
    ("fr", "mardi en huit", TUESDAY, (d(12, 1), d(12, 8))),
    ("fr", "jeudi 27 novembre", TUESDAY, (d(11, 26), d(11, 27))),
    ("fr", "mercredi 24 novembre", TUESDAY, (d(11, 24), d(11, 25))),
    ("en", "03/04", TUESDAY, (d(3, 4, 2027), d(4, 3, 2027))),
]


@pytest.mark.parametrize(("language", "expression", "wall", "readings"), AMBIGUOUS)
def test_two_readings_are_asked_back(
    language: Language, expression: str, wall: datetime, readings: tuple[date, ...]
) -> None:
    assert ask(expression, language, wall=wall) == Ambiguous(readings)


def test_a_chosen_reading_passed_again_is_a_window() -> None:
    found = ask("jeudi prochain")
    assert isinstance(found, Ambiguous)
    assert [window(r.isoformat()).days for r in found.readings] == [(r,) for r in found.readings]


@pytest.mark.parametrize(
    ("hour", "minute", "part", "expected"),
    [
        (9, 0, "any", Ambiguous((d(11, 24), d(12, 1)))),
        (19, 0, "any", Ambiguous((d(11, 24), d(12, 1)))),
        (19, 1, "any", (d(12, 1),)),
        (23, 59, "any", (d(12, 1),)),
        (10, 59, "morning", Ambiguous((d(11, 24), d(12, 1)))),
        (11, 30, "morning", (d(12, 1),)),
        (22, 0, "evening", Ambiguous((d(11, 24), d(12, 1)))),
        (23, 30, "evening", (d(12, 1),)),
    ],
)
def test_a_weekday_said_on_itself_counts_today_while_an_hour_is_left(
    hour: int, minute: int, part: str, expected: Ambiguous | tuple[date, ...]
) -> None:
    found = ask("mardi", part=part, wall=TUESDAY.replace(hour=hour, minute=minute))
    assert (found.days if isinstance(found, Window) else found) == expected


@pytest.mark.parametrize("weekday", range(7))
def test_next_thursday_depends_on_the_day_it_is_said(weekday: int) -> None:
    monday = wall_time("2026-11-23T09:00")
    found = ask("jeudi prochain", wall=monday + timedelta(days=weekday))
    if weekday < 3:
        assert found == Ambiguous((d(11, 26), d(12, 3)))
    else:
        assert isinstance(found, Window)
        assert found.days == (d(12, 3),)


HOURS = [
    ("fr", "demain", "morning", "05:00", "12:00"),
    ("fr", "demain", "matin", "05:00", "12:00"),
    ("fr", "demain", "midday", "11:30", "14:00"),
    ("fr", "demain", "afternoon", "13:00", "18:00"),
    ("fr", "demain", "en fin de journée", "16:00", "20:00"),
    ("fr", "demain", "début d'après-midi", "13:00", "15:00"),
    ("fr", "demain", "après-midi", "13:00", "18:00"),
    ("fr", "demain", "à partir de 17h", "17:00", "00:00"),
    ("fr", "demain", "après 17 heures", "17:00", "00:00"),
    ("fr", "demain", "avant 10 heures", "00:00", "10:00"),
    ("fr", "demain", "avant midi", "00:00", "12:00"),
    ("fr", "demain", "entre 10 et 12h", "10:00", "12:00"),
    ("fr", "demain", "entre midi et deux", "11:30", "14:00"),
    ("he", "מחר", "אחר הצהריים", "13:00", "18:00"),
    ("he", "מחר", "אחרי חמש", "17:00", "00:00"),
    ("he", "מחר בבוקר", "any", "05:00", "12:00"),
    ("fr", "demain matin", "any", "05:00", "12:00"),
    ("fr", "demain soir", "any", "17:00", "00:00"),
    ("fr", "demain matin après 10h", "any", "10:00", "12:00"),
    ("en", "first thing tomorrow", "any", "05:00", "09:00"),
    ("fr", "demain à la première heure", "any", "05:00", "09:00"),
    ("he", "מחר בצהריים", "any", "11:30", "14:00"),
    ("en", "tomorrow before noon", "any", "00:00", "12:00"),
    ("en", "tomorrow after 5", "any", "17:00", "00:00"),
    ("en", "tomorrow between 9 and 11", "any", "09:00", "11:00"),
    ("en", "tomorrow between 11 and 1", "any", "11:00", "13:00"),
    ("en", "tomorrow", "before ten", "00:00", "10:00"),
]


@pytest.mark.parametrize(("language", "expression", "part", "start", "end"), HOURS)
def test_the_part_of_the_day_bounds_the_hours(
    language: Language, expression: str, part: str, start: str, end: str
) -> None:
    found = window(expression, language, part=part)
    assert found.days == (d(11, 25),)
    assert (f"{found.start:%H:%M}", f"{found.end:%H:%M}") == (start, end)


EXACT = [
    ("fr", "demain à 10h30", "any", time(10, 30)),
    ("fr", "demain à dix heures trente", "any", time(10, 30)),
    ("fr", "demain à dix heures et demie", "any", time(10, 30)),
    ("fr", "demain à midi", "any", time(12)),
    ("fr", "demain à midi et quart", "any", time(12, 15)),
    ("fr", "demain à onze heures moins le quart", "any", time(10, 45)),
    ("fr", "demain à trois heures de l'après-midi", "any", time(15)),
    ("fr", "demain après-midi à 3 heures", "any", time(15)),
    ("fr", "demain à 8 heures", "evening", time(20)),
    ("fr", "demain à 8 heures", "any", time(8)),
    ("fr", "demain 14:00", "any", time(14)),
    ("en", "tomorrow at ten thirty", "any", time(10, 30)),
    ("en", "2026-11-25T10:30", "any", time(10, 30)),
    ("en", "half past ten tomorrow", "any", time(10, 30)),
    ("en", "tomorrow at quarter to five", "any", time(16, 45)),
    ("en", "tomorrow at 3pm", "any", time(15)),
    ("en", "tomorrow at 10:30 a.m.", "any", time(10, 30)),
    ("en", "tomorrow at noon", "any", time(12)),
    ("he", "מחר בעשר וחצי", "any", time(10, 30)),
    ("he", "מחר ב10:30", "any", time(10, 30)),
    ("he", "מחר בשעה שלוש", "any", time(15)),
    ("he", "מחר ברבע לארבע", "any", time(15, 45)),
]


@pytest.mark.parametrize(("language", "expression", "part", "exact"), EXACT)
def test_a_named_minute_starts_the_window(language: Language, expression: str, part: str, exact: time) -> None:
    found = window(expression, language, part=part)
    assert found.exact == exact
    assert found.start == datetime.combine(d(11, 25), exact, PARIS)
    assert found.end - found.start <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("expression", "part", "reason"),
    [
        ("", "any", "empty"),
        ("   ", "any", "empty"),
        ("pas jeudi", "any", "unknown_words"),
        ("sauf demain", "any", "unknown_words"),
        ("jeudi ou vendredi", "any", "unknown_words"),
        ("blabla", "any", "unknown_words"),
        ("le matin", "any", "no_day"),
        ("à 10h30", "any", "no_day"),
        ("le 31 avril", "any", "no_such_date"),
        ("2027-02-29", "any", "no_such_date"),
        ("2026-13-01", "any", "no_such_date"),
        ("le 45", "any", "no_such_date"),
        ("demain", "vers la lune", "bad_part_of_day"),
        ("demain", "jeudi matin", "bad_part_of_day"),
        ("demain matin", "evening", "contradiction"),
        ("in_999_weeks", "any", "unknown_words"),
        ("2099-01-01", "any", "too_far"),
    ],
)
def test_what_names_no_day_is_refused_with_its_reason(expression: str, part: str, reason: str) -> None:
    assert ask(expression, part=part) == NotUnderstood(expression, reason)  # type: ignore[arg-type]  # a literal from the table


@pytest.mark.parametrize(
    ("expression", "part", "wall", "day"),
    [
        ("hier", "any", TUESDAY, d(11, 23)),
        ("2026-11-23", "any", TUESDAY, d(11, 23)),
        ("2020-01-01", "any", TUESDAY, d(1, 1, 2020)),
        ("today", "morning", TUESDAY.replace(hour=12), d(11, 24)),
        ("ce matin", "any", TUESDAY.replace(hour=14), d(11, 24)),
        ("aujourd'hui à 8h", "any", TUESDAY.replace(hour=9, minute=30), d(11, 24)),
    ],
)
def test_what_is_over_is_in_the_past(expression: str, part: str, wall: datetime, day: date) -> None:
    assert ask(expression, part=part, wall=wall) == InThePast(day)


@pytest.mark.parametrize(
    ("expression", "wall", "days"),
    [
        ("demain", wall_time("2026-12-31T23:59"), (d(1, 1, 2027),)),
        ("01-01", wall_time("2026-12-31T10:00"), (d(1, 1, 2027),)),
        ("le 2 janvier", wall_time("2026-12-30T10:00"), (d(1, 2, 2027),)),
        ("in_1_days", wall_time("2028-02-28T10:00"), (d(2, 29, 2028),)),
        ("dans un mois", wall_time("2027-01-31T10:00"), (d(2, 28, 2027),)),
        ("le 30", wall_time("2027-01-31T10:00"), (d(3, 30, 2027),)),
        ("today", wall_time("2026-11-24T00:00"), (d(11, 24),)),
    ],
)
def test_years_and_months_end(expression: str, wall: datetime, days: tuple[date, ...]) -> None:
    assert window(expression, wall=wall).days == days


def test_a_part_of_the_day_over_several_days_has_a_span_for_each() -> None:
    found = window("next_week", part="morning")
    assert [s.day for s in found.spans] == list(found.days)
    assert {(f"{s.start:%H:%M}", f"{s.end:%H:%M}") for s in found.spans} == {("05:00", "12:00")}
    assert found.contains(datetime(2026, 12, 1, 10, tzinfo=PARIS))
    assert not found.contains(datetime(2026, 12, 1, 15, tzinfo=PARIS))
    assert found.contains(datetime(2026, 12, 1, 9, tzinfo=UTC))


def test_the_business_zone_decides_what_today_is() -> None:
    now = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    paris = resolve_window("today", now=now, zone=PARIS, language="fr")
    new_york = resolve_window("today", now=now, zone=NEW_YORK, language="en")
    assert isinstance(paris, Window)
    assert isinstance(new_york, Window)
    assert (paris.days, new_york.days) == ((d(11, 25),), (d(11, 24),))


def test_a_naive_now_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="aware"):
        resolve_window("today", now=TUESDAY, zone=PARIS, language="fr")


@pytest.mark.parametrize("form", DAY_FORMS)
@pytest.mark.parametrize("language", ["fr", "en", "he"])
def test_every_closed_form_is_understood_in_every_language(form: str, language: Language) -> None:
    written = form.replace("N", "3").replace("YYYY-MM-DD", "2026-12-01").replace("MM-DD", "12-01")
    assert not isinstance(ask(written, language), NotUnderstood | InThePast)


@pytest.mark.parametrize("part", PARTS_OF_DAY)
def test_every_part_of_the_day_is_understood(part: str) -> None:
    assert isinstance(ask("tomorrow", part=part), Window)


def test_the_help_names_the_closed_forms_and_forbids_arithmetic() -> None:
    assert "YYYY-MM-DD" in DAY_EXPRESSION_HELP
    assert "Never work out a date" in DAY_EXPRESSION_HELP
