"""French word tables. Patterns see folded text: no accents, no apostrophes, numbers as digits."""

from __future__ import annotations

from calendar_tools.speech.languages import DayRule as D
from calendar_tools.speech.languages import LanguageWords
from calendar_tools.speech.languages import TimeRule as T

_LE = r"(?:(?:pour |a |des )?(?:le|du|au) )?"
_SLICE = r"(?:(?:(?:en |au |la |le )?(?:(?P<early>debut)|(?P<mid>milieu|mi)|(?P<late>fin))(?: (?:de|du|d))? ?)(?:la )?)?"

WORDS = LanguageWords(
    weekdays={w: i for i, w in enumerate("lundi mardi mercredi jeudi vendredi samedi dimanche".split())},
    months={
        **{
            w: i + 1
            for i, w in enumerate(
                "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre".split()
            )
        },
        **{"janv": 1, "fevr": 2, "fev": 2, "avr": 4, "juil": 7, "sept": 9, "oct": 10, "nov": 11, "dec": 12},
    },
    day_rules=(
        D("date", _LE + r"(?:(?P<wd>{WD}) )?(?:le )?(?P<day>\d{1,2}|premier)(?:er)? (?P<month>{MONTH})(?: (?P<year>\d{4}))?"),
        D("weekday_of_week", r"(?:le )?(?P<wd>{WD}) (?:de )?(?:la )?semaine (?:prochaine|d apres|suivante)", 1),
        D("weekday_of_week", r"(?:le )?(?P<wd>{WD}) (?:de )?cette semaine", 0),
        D("weekday_of_week", r"(?:la )?semaine prochaine (?:le )?(?P<wd>{WD})", 1),
        D("weekday_plus_weeks", r"(?:le )?(?P<wd>{WD}) en 8", 1),
        D("weekday_plus_weeks", r"(?:le )?(?P<wd>{WD}) en 15", 2),
        D("weekday_plus_weeks", r"1 semaine (?:apres|a partir de) (?P<wd>{WD})", 1),
        D("in_weeks", r"(?:d )?aujourd hui en 8", 1),
        D("offset", r"apres demain", 2),
        D("offset", r"demain", 1),
        D("offset", r"aujourd hui|ce jour|tout de suite|maintenant", 0),
        D("offset", r"avant hier", -2),
        D("offset", r"hier", -1),
        D("next_weekday", r"(?:le )?(?P<wd>{WD}) prochain|(?:le )?prochain (?P<wd2>{WD})"),
        D("this_weekday", r"ce (?P<wd>{WD})(?: qui (?:vient|arrive))?|(?P<wd2>{WD}) qui (?:vient|arrive)"),
        D("day_of_month", _LE + r"(?P<wd>{WD}) (?:le )?(?P<day>\d{1,2}|premier)(?:er)?"),
        D("day_of_month", r"(?:pour )?(?:le|du|au) (?P<day>\d{1,2}|premier)(?:er)?"),
        # a week is said "eight days" and a fortnight "fifteen days": both ends are counted
        D("in_weeks", r"(?:dans|d ici) 8 jours|(?:dans|sous) 1 huitaine(?: de jours)?", 1),
        D("in_weeks", r"dans 15 jours|dans 1 quinzaine(?: de jours)?", 2),
        D("within_weeks", r"(?:d ici|sous) 15 jours|(?:d ici 1|sous) quinzaine", 2),
        D("in_days", r"dans (?P<n>\d{1,3}) jours?"),
        D("in_weeks", r"dans (?P<n>\d{1,2}) semaines?"),
        D("in_months", r"dans (?P<n>\d{1,2}) mois"),
        D("within_days", r"(?:d ici|sous|dans les) (?P<n>\d{1,3}) (?:prochains )?jours?"),
        D("within_weeks", r"(?:d ici|sous|dans les) (?P<n>\d{1,2}) (?:prochaines )?semaines?"),
        D("weekend", r"(?:le )?week ?end prochain", 1),
        D("weekend", r"(?:ce|le) week ?end", 0),
        D("week", _SLICE + r"(?:la )?semaine (?:prochaine|qui vient|suivante)", 1),
        D("week", _SLICE + r"(?:cette|la|dans la) semaine", 0),
        D("earliest", r"(?:le |au )?plus (?:tot|vite|rapidement)(?: possible)?|des que possible|(?:la )?premiere disponibilite"),
        D("earliest", r"(?:le )?premier (?:creneau|rendez vous)(?: disponible| libre)?|n importe quand|n importe quel jour"),
        D("earliest", r"peu importe(?: le jour)?|quand vous (?:voulez|pouvez)"),
        D("month", r"(?:au |en |le )?" + _SLICE + r"(?:courant |au mois de |en )?(?P<month>{MONTH})(?: (?P<year>\d{4}))?"),
        D("weekday", r"(?:le |pour )?(?P<wd>{WD})"),
    ),
    clock=(
        r"(?:(?P<h{i}>\d{{1,2}}) ?(?:h(?![a-z])|heures?|:) ?(?P<m{i}>[0-5]?\d)?(?: (?P<w{i}>et quart|et demie?|moins le quart|"
        r"moins (?P<less{i}>\d{{1,2}})))?|(?P<noon{i}>midi)(?: (?P<wn{i}>et quart|et demie?|[0-5]\d))?|(?P<midnight{i}>minuit))"
        r"(?: (?:(?P<am{i}>du matin|am)|(?P<pm{i}>du soir|de l apres midi|pm)))?"
    ),
    minutes={"et quart": 15, "et demie": 30, "et demi": 30, "moins le quart": -15},
    time_rules=(
        T("part", r"(?:entre )?midi (?:et|a) (?:2|14)(?: ?h| heures?)?|entre 12 et (?:2|14)", "midday"),
        T("part", r"(?:en |au )?debut d apres midi", "early_afternoon"),
        T("part", r"(?:en |a la )?fin d apres midi", "late_afternoon"),
        T("part", r"(?:en |a la )?fin de (?:la )?journee|apres le (?:travail|boulot)|apres l ecole", "end_of_day"),
        T("part", r"(?:en |au )?debut de (?:la )?(?:matinee|journee)|"
          r"(?<!plus )tot(?: (?:le|dans la) (?:matin|matinee))?|de bonne heure", "early_morning"),
        T("part", r"(?:en |a la )?fin de (?:la )?matinee", "late_morning"),
        T("part", r"ce matin", "morning", today=True),
        T("part", r"cet apres midi", "afternoon", today=True),
        T("part", r"ce soir", "evening", today=True),
        T("part", r"(?:(?:le|du|dans l|en|l|d) )?apres midi", "afternoon"),
        T("between", r"(?:entre|de) (?P<bare>\d{{1,2}}) (?:et|a) {T2}"),
        T("between", r"(?:entre|de) {T} (?:et|a) {T2}"),
        T("from", r"(?:a partir de|pas avant|apres|des) {T}"),
        T("until", r"(?:avant|jusqu a|pas apres|au plus tard a?) {T}"),
        T("around", r"(?:vers|aux alentours de|autour de|a peu pres a|environ) {T}"),
        T("exact", r"(?:a|pour) {T}(?: (?:pile|precises?))?"),
        T("part", r"(?:(?:le|du|dans la|en|la|au) )?(?:matin|matinee)", "morning"),
        T("part", r"(?:(?:le|du|dans la|en|la|au) )?(?:soir|soiree)", "evening"),
        T("part", r"(?:(?:le|a l|sur l) )?heure du dejeuner|(?:le |ce )?midi(?! (?:et|\d))", "midday"),
        T("exact", r"{T}"),
        T("part", r"toute la journee|n importe quelle heure|peu importe l heure", "any"),
    ),
    filler=frozenset(
        "le la l de du d a pour s il vous plait te si possible plutot svp oui euh ben alors donc voudrais je un une "
        "rendez vous rdv dans en ce mois ci par exemple prochain".split()
    ),
    number_aliases={"une": 1, "huitante": 80, "octante": 80, "quatre vingts": 80},
    at_signs=("arobase", "arobas", "arrobase", "arobaz", "at", "a commercial"),
    dots=("point", "dot"),
    email_signs={
        "tiret du bas": "_", "tiret bas": "_", "underscore": "_", "under score": "_", "souligne": "_",
        "trait d union": "-", "tiret du six": "-", "tiret": "-", "moins": "-", "plus": "+",
    },
    email_words={
        "g mail": "gmail", "jimail": "gmail", "gemail": "gmail", "ji mail": "gmail", "hot mail": "hotmail",
        "out look": "outlook", "la poste": "laposte", "wana doo": "wanadoo", "i cloud": "icloud",
        "yaou": "yahoo", "point fr": ".fr", "point com": ".com", "double v": "w", "double ve": "w", "i grec": "y",
    },
    email_noise=frozenset(
        "mon ma adresse mail email e courriel est c cest ce sera serait alors donc euh oui voila tout attache minuscule minuscules "
        "en lettres ensuite puis et la le l pour".split()
    ),
    plus_words=frozenset({"plus", "+"}),
    repeats={"double": 2, "deux fois": 2, "deux": 2, "triple": 3, "trois fois": 3, "trois": 3},
    letters={
        "be": "b", "ce": "c", "de": "d", "effe": "f", "ef": "f", "ge": "g", "hache": "h", "ache": "h", "ash": "h",
        "ji": "j", "gi": "j", "ka": "k", "elle": "l", "ele": "l", "aime": "m", "emme": "m", "em": "m", "enne": "n",
        "haine": "n", "en": "n", "pe": "p", "cu": "q", "ku": "q", "erre": "r", "er": "r", "air": "r", "esse": "s", "es": "s",
        "te": "t", "ve": "v", "double v": "w", "double ve": "w", "ixe": "x", "ix": "x", "i grec": "y", "igrec": "y",
        "zede": "z", "zed": "z",
    },
    as_in=frozenset({"comme", "pour"}),
    accents={
        "accent aigu": "\u0301", "accent grave": "\u0300", "accent circonflexe": "\u0302", "circonflexe": "\u0302",
        "trema": "\u0308", "cedille": "\u0327", "tilde": "\u0303",
    },
    name_signs={"trait d union": "-", "tiret": "-", "apostrophe": "'", "espace": " ", "plus loin": " "},
    name_openings=(
        "bonjour", "oui", "alors", "euh", "donc", "je m appelle", "je suis", "mon nom c est", "mon nom est", "mon nom de famille c est",
        "mon nom de famille est", "mon prenom c est", "mon prenom est", "c est au nom de", "au nom de", "c est", "le nom c est",
        "le nom est", "ce sera", "nom de famille", "monsieur", "madame", "mademoiselle",
    ),
    spelling_words=(
        "ca s ecrit", "cela s ecrit", "s ecrit", "qui s ecrit", "j epelle", "je vous l epelle", "je l epelle", "epele", "je vous epelle",
        "avec", "et", "puis", "ensuite", "majuscule", "donc", "alors", "euh",
    ),
    name_stops=frozenset(
        "merci rendez vous voudrais veux prendre pour non pas bonjour appelle numero jeudi lundi mardi mercredi vendredi samedi dimanche "
        "demain aujourd hui quoi comment est que qui quand avoir combien ouvert".split()
    ),
    dictation_openings=(
        r"mon (?:numero|portable|telephone|06|mobile)(?: de telephone| de portable)? (?:c est|est)(?: le)?",
        r"(?:mon (?:adresse )?(?:e ?)?mail|mon adresse(?: (?:e ?)?mail| electronique)?) (?:c est|est)",
        r"(?:ca |cela |qui )?s ecrit", r"(?:je (?:vous )?l?|j )epelle",
    ),
    yes=(
        "oui", "ouais", "ouaip", "d accord", "dac", "c est ca", "c est bien ca", "tout a fait", "exactement", "exact", "parfait", "ok",
        "okay", "c est bon", "ca marche", "ca me va", "ca me convient", "volontiers", "bien sur", "absolument", "c est correct", "entendu",
        "pas de probleme", "pas de souci", "aucun probleme", "pourquoi pas", "avec plaisir", "allez y", "si si", "c est juste", "je confirme",
        "tres bien", "impeccable", "nickel", "effectivement",
    ),
    no=(
        "non", "nan", "pas du tout", "pas vraiment", "pas ca", "c est pas ca", "n est pas ca", "n est pas bon", "c est pas bon", "pas correct",
        "c est faux", "ca ne va pas", "ca va pas", "ca ne me va pas", "ca ne me convient pas", "surtout pas", "jamais", "je ne veux pas",
        "je veux pas", "pas d accord", "ca me va pas", "ca ne marche pas", "ca marche pas", "ce n est pas exact", "pas exactement",
        "c est pas exact", "pas tout a fait", "negatif", "incorrect",
    ),
    unsure=("je ne sais pas", "je sais pas", "peut etre", "je ne suis pas sur", "je suis pas sur", "pas sur", "oui et non", "bien sur que non"),
    abbreviations={
        "Dr": "docteur", "Pr": "professeur", "Mme": "madame", "Mmes": "mesdames", "Mlle": "mademoiselle", "MM.": "messieurs", "M.": "monsieur",
        "Me": "maître", "St": "saint", "Ste": "sainte", "bd": "boulevard", "Bd": "boulevard", "av.": "avenue", "tél.": "téléphone",
        "Tél.": "téléphone", "env.": "environ", "RDV": "rendez-vous", "rdv": "rendez-vous", "etc.": "et cetera",
    },
    units={
        "min": ("minute", "minutes"), "mn": ("minute", "minutes"), "km": ("kilomètre", "kilomètres"), "m": ("mètre", "mètres"),
        "cm": ("centimètre", "centimètres"), "kg": ("kilo", "kilos"), "g": ("gramme", "grammes"), "s": ("seconde", "secondes"),
        "sec": ("seconde", "secondes"), "m²": ("mètre carré", "mètres carrés"), "m2": ("mètre carré", "mètres carrés"),
        "°C": ("degré", "degrés"), "l": ("litre", "litres"), "ml": ("millilitre", "millilitres"), "mm": ("millimètre", "millimètres"),
    },
    particles=frozenset({"de", "du", "des", "la", "le", "d", "von", "van", "den", "ben", "el"}),
)
