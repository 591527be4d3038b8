"""English word tables; also the fallback for what a model writes, whatever the language of the call."""

from __future__ import annotations

from calendar_tools.speech.languages import DayRule as D
from calendar_tools.speech.languages import LanguageWords
from calendar_tools.speech.languages import TimeRule as T

_ON = r"(?:(?:on|for|by) )?(?:the )?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_SLICE = r"(?:(?:(?:at |in )?(?:the )?)?(?:(?P<early>early|beginning|start)|(?P<mid>mid|middle)|(?P<late>late|end))(?: of| in)? ?(?:the )?)?"

WORDS = LanguageWords(
    weekdays={
        **{w: i for i, w in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())},
        **{"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6},
    },
    months={
        **{
            w: i + 1
            for i, w in enumerate(
                "january february march april may june july august september october november december".split()
            )
        },
        **{"jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12},
    },
    day_rules=(
        D("date", _ON + r"(?:(?P<wd>{WD}) )?(?:the )?(?P<month>{MONTH}) (?:the )?" + _DAY + r"(?: (?P<year>\d{4}))?"),
        D("date", _ON + r"(?:(?P<wd>{WD}) )?(?:the )?" + _DAY + r" (?:of )?(?P<month>{MONTH})(?: (?P<year>\d{4}))?"),
        D("weekday_of_week", _ON + r"(?P<wd>{WD}) (?:of |in )?(?:the )?(?:next|following) week", 1),
        D("weekday_of_week", _ON + r"(?P<wd>{WD}) (?:of |in )?this week", 0),
        D("weekday_of_week", r"next week (?:on )?(?P<wd>{WD})", 1),
        D("weekday_plus_weeks", r"(?:a|1) week (?:from|after|on) (?P<wd>{WD})|(?P<wd2>{WD}) week", 1),
        D("weekday_plus_weeks", r"2 weeks (?:from|after|on) (?P<wd>{WD})", 2),
        D("in_weeks", r"(?:a|1) week (?:from (?:today|now)|today)", 1),
        D("offset", r"(?:the )?day after tomorrow", 2),
        D("offset", r"tomorrow", 1),
        D("offset", r"today|right now|now", 0),
        D("offset", r"yesterday", -1),
        D("next_weekday", _ON + r"next (?P<wd>{WD})"),
        D("this_weekday", _ON + r"(?:this|this coming|coming) (?P<wd>{WD})"),
        D("day_of_month", _ON + r"(?P<wd>{WD}) (?:the )?" + _DAY),
        D("day_of_month", r"(?:on |for )?the " + _DAY + "|(?P<day2>\\d{1,2})(?:st|nd|rd|th)"),
        D("in_weeks", r"in (?:a|1) fortnight|(?:a|1) fortnight from (?:now|today)", 2),
        D("in_weeks", r"in (?:a|1) week", 1),
        D("in_days", r"in (?P<n>\d{1,3}) days?|(?P<n2>\d{1,3}) days from (?:now|today)"),
        D("in_weeks", r"in (?P<n>\d{1,2}) weeks?|(?P<n2>\d{1,2}) weeks from (?:now|today)"),
        D("in_months", r"in (?P<n>\d{1,2}|a) months?"),
        D("within_days", r"(?:within|in) (?:the )?(?:next )?(?P<n>\d{1,3}) days?|(?:over )?(?:the )?next (?P<n2>\d{1,3}) days"),
        D("within_weeks", r"within (?:the )?(?:next )?(?P<n>\d{1,2}|a) weeks?|(?:over )?(?:the )?next (?P<n2>\d{1,2}) weeks"),
        D("weekend", r"next weekend", 1),
        D("weekend", r"(?:on |at )?(?:this|the|this coming) weekend", 0),
        D("week", _SLICE + r"(?:next|the following|the coming) week", 1),
        D("week", _SLICE + r"(?:this|the) week", 0),
        D("earliest", r"earliest|any|(?:the )?earliest (?:possible|available)|as (?:soon|early) as (?:possible|you can)|asap|any ?time|any day"),
        D("earliest", r"(?:the )?(?:first|soonest|next) available(?: (?:slot|appointment|one))?|(?:the )?soonest|whenever"),
        D("month", _SLICE + r"(?:in |during )?(?P<month>{MONTH})(?: (?P<year>\d{4}))?"),
        D("weekday", _ON + r"(?P<wd>{WD})"),
    ),
    clock=(
        r"(?:(?P<wp{i}>half past|quarter past|(?:a )?quarter to|(?P<past{i}>\d{{1,2}}) (?:minutes )?past|(?P<to{i}>\d{{1,2}}) (?:minutes )?to) "
        r"(?P<hp{i}>\d{{1,2}})|(?P<h{i}>\d{{1,2}})(?: ?[:.h] ?(?P<m{i}>[0-5]\d)| (?P<ms{i}>[0-5]\d)| (?:oh|o|0) (?P<mo{i}>\d))?|"
        r"(?P<noon{i}>noon|midday)|(?P<midnight{i}>midnight))"
        r"(?: ?(?:o clock))?(?: ?(?:(?P<am{i}>a ?m|in the morning)|(?P<pm{i}>p ?m|in the (?:afternoon|evening)|at night)))?(?![\d:/])"
    ),
    minutes={"half past": 30, "quarter past": 15, "quarter to": -15, "a quarter to": -15},
    time_rules=(
        T("part", r"(?:in the )?early(?: in the)? morning|first thing(?: in the morning)?|(?:in the )?morning early", "early_morning"),
        T("part", r"(?:in the )?late(?: in the)? morning", "late_morning"),
        T("part", r"(?:in the )?early(?: in the)? afternoon|(?:right )?after lunch", "early_afternoon"),
        T("part", r"(?:in the )?late(?:r)?(?: in the)? afternoon", "late_afternoon"),
        T("part", r"(?:at the )?end of (?:the )?day|after (?:work|school)", "end_of_day"),
        T("part", r"this morning", "morning", today=True),
        T("part", r"this afternoon", "afternoon", today=True),
        T("part", r"this evening|tonight", "evening", today=True),
        T("between", r"(?:between|from) {T} (?:and|to|until|till) {T2}"),
        T("from", r"(?:from|after|not before|starting(?: at)?|any ?time after) {T}(?: on(?:wards?)?)?"),
        T("until", r"(?:before|until|till|by|no later than|not after) {T}"),
        T("around", r"(?:around|about|at about|at around|roughly) {T}"),
        T("exact", r"at {T}(?: (?:sharp|exactly))?"),
        T("part", r"(?:(?:in|during) the )?morning", "morning"),
        T("part", r"(?:(?:in|during) the )?afternoon", "afternoon"),
        T("part", r"(?:(?:in|during) the )?evening|at night", "evening"),
        T("part", r"(?:at |around )?(?:lunch ?time|lunch|midday|noon)", "midday"),
        T("exact", r"(?=\d{{1,2}}(?: ?[:.h] ?\d\d|(?: [0-5]\d)? ?[ap] ?m| o clock)){T}|(?=half|(?:a )?quarter){T2}"),
        T("part", r"all day|any ?time of day", "any"),
    ),
    filler=frozenset("the on for at a an please maybe perhaps if possible would like i d some time uh um well let s say in of to preferably".split()),
    number_aliases={"a hundred": 100},
    at_signs=("at sign", "at"),
    dots=("dot", "point", "period"),
    email_signs={"underscore": "_", "under score": "_", "hyphen": "-", "dash": "-", "minus": "-", "plus": "+"},
    email_words={"g mail": "gmail", "gee mail": "gmail", "hot mail": "hotmail", "out look": "outlook", "i cloud": "icloud", "double u": "w"},
    email_noise=frozenset(
        "my email e mail address is it s its that would be so um uh yes all one word lower case lowercase small letters the and then sure".split()
    ),
    plus_words=frozenset({"plus", "+"}),
    repeats={"double": 2, "triple": 3, "two": 2, "three": 3},
    letters={
        "bee": "b", "cee": "c", "see": "c", "dee": "d", "ef": "f", "eff": "f", "gee": "g", "aitch": "h", "haitch": "h", "jay": "j",
        "kay": "k", "el": "l", "ell": "l", "em": "m", "en": "n", "pee": "p", "cue": "q", "queue": "q", "ar": "r", "are": "r", "ess": "s",
        "tee": "t", "tea": "t", "vee": "v", "double u": "w", "double you": "w", "ex": "x", "why": "y", "wye": "y", "zed": "z", "zee": "z",
        "oh": "o", "you": "u",
    },
    as_in=frozenset({"as", "for", "like"}),
    accents={
        "acute": "\u0301", "acute accent": "\u0301", "grave": "\u0300", "grave accent": "\u0300", "circumflex": "\u0302",
        "umlaut": "\u0308", "diaeresis": "\u0308", "cedilla": "\u0327", "tilde": "\u0303",
    },
    name_signs={"hyphen": "-", "dash": "-", "apostrophe": "'", "space": " "},
    name_openings=(
        "hi", "hello", "yes", "so", "well", "um", "uh", "my name is", "my name s", "my last name is", "my first name is", "my surname is",
        "the name is", "the name s", "it is", "it s", "this is", "i am", "i m", "that s", "that is", "under the name", "mister", "mr", "mrs", "miss",
        "sure", "last name", "first name",
    ),
    spelling_words=("that s spelled", "it s spelled", "spelled", "spelt", "i ll spell it", "spelling", "with", "and", "then", "capital", "that s", "um"),
    name_stops=frozenset(
        "thanks thank you want would like book appointment no not phone number is monday tuesday wednesday thursday friday saturday sunday "
        "tomorrow today what how when where can could have open".split()
    ),
    dictation_openings=(
        r"my (?:phone |cell |mobile )?(?:number|phone|cell|mobile) (?:is|s)", r"my (?:e ?mail)(?: address)? (?:is|s)", r"(?:that s |it s )?(?:spelled|spelt)",
        r"(?:i ll |let me )spell (?:it|that)",
    ),
    yes=(
        "yes", "yeah", "yep", "yup", "sure", "ok", "okay", "correct", "that s right", "right", "exactly", "absolutely", "perfect", "of course",
        "sounds good", "that works", "works for me", "that s fine", "that s good", "that s correct", "fine", "great", "please do", "go ahead",
        "no problem", "why not", "definitely", "indeed", "that s it", "i do", "uh huh",
    ),
    no=(
        "no", "nope", "nah", "not really", "not at all", "that s not right", "that s wrong", "wrong", "incorrect", "not correct", "not quite",
        "that doesn t work", "doesn t work", "i don t want", "never", "don t", "not right", "not good", "negative", "that isn t right", "isn t right",
        "no thanks", "no thank you", "not exactly", "not ok", "not okay", "not fine", "of course not", "absolutely not", "definitely not",
    ),
    unsure=("i don t know", "not sure", "maybe", "perhaps", "yes and no", "i m not sure", "i am not sure"),
    abbreviations={
        "Dr.": "Doctor", "Dr": "Doctor", "Mr.": "Mister", "Mr": "Mister", "Mrs.": "Missus", "Mrs": "Missus", "Ms.": "Miz", "Ms": "Miz",
        "Prof.": "Professor", "approx.": "approximately", "appt.": "appointment", "etc.": "et cetera", "Ave.": "Avenue", "Blvd.": "Boulevard",
    },
    units={
        "min": ("minute", "minutes"), "mins": ("minute", "minutes"), "km": ("kilometer", "kilometers"), "m": ("meter", "meters"),
        "cm": ("centimeter", "centimeters"), "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"), "s": ("second", "seconds"),
        "sec": ("second", "seconds"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "h": ("hour", "hours"), "lb": ("pound", "pounds"),
        "lbs": ("pound", "pounds"), "ft": ("foot", "feet"), "°C": ("degree", "degrees"), "°F": ("degree", "degrees"), "mi": ("mile", "miles"),
    },
    particles=frozenset({"de", "van", "von", "der", "la", "of"}),
)
