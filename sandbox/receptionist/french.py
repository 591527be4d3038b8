"""What the scripted receptionist understands and says in French. Data only."""

import re

from sandbox.receptionist.lexicon import Lexicon, compiled

_MONTH = r"(?:janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre)"
_WEEKDAY = r"(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)"
_TEENS = r"dix sept|dix huit|dix neuf|dix|onze|douze|treize|quatorze|quinze|seize"
_UNITS = r"premier|un|deux|trois|quatre|cinq|six|sept|huit|neuf"
_NUMBER = rf"(?:\d{{1,2}}(?:er)?|(?:vingt|trente)(?: et un| {_UNITS})?|{_TEENS}|{_UNITS})"

LEXICON = Lexicon(
    language="fr",
    intents=compiled(
        {
            "urgent": r"\burgen(?:ce|t)|\bsaigne|\bhemorragie|tres tres mal|(?:douleur|mal) (?:insupportable"
            r"|atroce|horrible)"
            r"|\baccident\b|\bmalaise\b|\bgonfle\b",
            "person": r"parler (?:a|avec) (?:quelqu'un|une personne|un humain|un conseiller|le docteur|la secretaire)"
            r"|\bpassez moi\b|\bme passer (?:quelqu'un|le|la|un)|vraie personne|\bun humain\b|\btransfere",
            "cancel": r"\bannul",
            "reschedule": r"\b(?:deplacer?|reporter|decaler|repousser|avancer)\b.*rendez vous|changer (?:de "
            r"|mon |le |la |l')?"
            r"(?:rendez vous|date|jour de)|(?:deplacer?|reporter|decaler|repousser) (?:mon|le|ca|celui)",
            "message": r"(?:laisser|prendre|transmettre|noter) un (?:petit )?message|qu'on me rappelle"
            r"|\brappelez moi\b"
            r"|me rappeler",
            "hours": r"\bouvert|\bferme[es]*\b|\bhoraires?\b(?! (?:vous|te)? ?conv)|\bouvrez\b|\bouverture\b"
            r"|\bfermez\b",
            "faq": r"\bcombien (?:ca coute|coute|c'est|est ce)|c'est combien|\bprix\b|\btarif|\bcoute"
            r"|\badresse\b(?! e? ?mail)"
            r"|ou (?:etes vous|est ce que vous|se trouve|vous trouvez)|\bparking\b|\bgarer\b"
            r"|\bcarte (?:bancaire|bleue|vitale)"
            r"|\bpayer\b|\bpaiement|\bmutuelle|\bacces\b|\bmetro\b|\bascenseur|\bhandicap|\bremboursement|\brembourse"
            r"|\bapporter\b|\blivr(?:aison|ez)|\bdevis\b.*\?|\bespeces\b|\bcheque",
            "book": r"\brendez vous\b|\breserver\b|\bconsultation\b|\bdisponib|\bcreneau|\b(?:de la|une) place\b",
            "goodbye": r"\bau revoir\b|\bbonne (?:journee|soiree|fin)|\ba bientot\b|\badieu\b|\bciao\b|\braccroche",
            "all_done": r"c'est tout\b|ce sera tout|rien d'autre|plus rien|ca ira\b",
            "thanks": r"\bmerci\b|\bremercie",
            "hello": r"\bbonjour\b|\bbonsoir\b|\ballo\b|\bsalut\b|vous etes la\b|m'entendez",
            "wait": r"\battendez\b|une seconde|un instant|deux secondes|je regarde|patientez|\bhum\b|je reflechis",
            "question": r"\?|^(?:euh |alors |et |bonjour )*(?:est ce|qu'est|quel|quand|comment|pourquoi|combien"
            r"|ou\b|avez vous"
            r"|faites vous|vous (?:avez|faites|prenez|acceptez)|peut on|puis je)",
            "yes": r"\boui\b|\bouais\b|d'accord|\bok\b|c'est (?:bien )?(?:ca|parfait|bon|exact|note|correct)"
            r"|\bparfait"
            r"|exactement|tout a fait|volontiers|avec plaisir|je confirme|tres bien|allez y|ca (?:marche|me va)"
            r"|entendu"
            r"|bien sur|s'il vous plait|je veux bien",
            "no": r"\bnon\b|pas du tout|\bpas ca\b|c'est faux|\berreur\b|\baucun|ca ne (?:va|me va|convient)"
            r"|je ne (?:veux|peux) pas",
            "any_day": r"(?:le )?plus (?:tot|vite|rapidement)(?: possible)?|des que possible|au plus vite"
            r"|n'importe quel jour"
            r"|peu importe le jour|premier (?:creneau|rendez vous) (?:disponible|possible|libre)"
            r"|quand vous (?:voulez|pouvez)",
            "any_part": r"n'importe quand|peu importe|a n'importe quelle heure",
        }
    ),
    asked=compiled(
        {
            "name": r"quel nom|votre nom|vos nom|epel",
            "day": r"quel (?:autre )?jour|quelle date|pour quand",
            "slot": r"quel horaire|quelle heure|vous convien|vous irait|lequel",
            "confirm": r"bien ca\b|c'est exact|correct \?|vous confirme|je confirme|confirmez vous|d'accord \?"
            r"|l'annuler \?|je le deplace a",
            "change": r"(?:souhaitez|voulez) vous (?:changer|modifier)|que (?:dois je|faut il) (?:changer"
            r"|corriger)|je corrige",
            "message_offer": r"(?:laisser|prendre|prenne|noter|transmett\w+) un message|l'equipe vous rappelle \?",
            "reason": r"quel est (?:votre|le) (?:message|motif)|a quel sujet|que (?:dois je|puis je) (?:noter"
            r"|transmettre)",
            "number": r"(?:quel|votre) numero|quel est le numero",
            "proof": r"(?:e mail|courriel|adresse mail|telephone)[^.]*(?:rendez vous|reserv|retrouver|donne)",
            "booking_offer": r"(?:souhaitez|voulez) vous (?:prendre )?un rendez vous",
            "earliest_offer": r"premier rendez vous",
            "anything_else": r"autre chose",
            "which_booking": r"quel rendez vous",
        }
    ),
    day=re.compile(
        rf"\b(?:(?:le |ce )?{_WEEKDAY}(?: prochain| en huit| qui vient| de la semaine prochaine)?"
        rf"(?: {_NUMBER}(?!\d| ?(?:(?!a |vers |pour )\w+ ){{0,2}}(?:h\b|heures?\b)"
        rf"| ?\d*h\d*\b)(?: {_MONTH})?)?(?: \d{{4}}\b)?"
        rf"|(?:le )?{_NUMBER} {_MONTH}(?: \d{{4}})?|le \d{{1,2}}(?! ?h|\d| heures?)\b|apres demain|demain|aujourd'hui"
        rf"|dans (?:un|une|\w+) (?:jours?|semaines?|mois)|(?:la )?semaine prochaine|cette semaine"
        rf"|(?:le )?mois prochain"
        rf"|(?:le )?week end|(?:en )?(?:debut|fin) de semaine|ce (?:matin|soir)|cet apres midi"
        rf"|(?:le jour de |a |la veille de )?noel|(?:le )?jour de l'an|(?:le )?nouvel an"
        rf"|(?:le )?lundi de (?:paques|pentecote)"
        rf"|(?:a |la )?(?:paques|pentecote|toussaint|l'ascension|l'assomption|armistice)|(?:le )?prochain jour ferie"
        rf"|les jours feries)"
    ),
    day_of_existing=re.compile(
        rf"(?:rendez vous|celui) (?:de|du) (?:{_WEEKDAY}|demain|{_NUMBER})[\w ]*?(?=$|[,.?!]| (?:a|au|pour|vers) )"
    ),
    part=re.compile(
        r"(?:en )?(?:debut|fin|milieu) (?:de |d')(?:matinee|journee|apres midi)|\bapres midi\b|\bmatin(?:ee)?\b"
        r"|\bsoir(?:ee)?\b"
        r"|entre midi et deux"
    ),
    morning=re.compile(r"\bmatin"),
    afternoon=re.compile(r"apres midi|\bsoir"),
    afternoon_word="après-midi",
    morning_word="matin",
    today_word="aujourd'hui",
    or_word="ou",
    ordinals=(
        (re.compile(r"\b(?:premiere?|1er)\b"), 0),
        (re.compile(r"\b(?:deuxieme|seconde?|2e)\b(?! s)"), 1),
        (re.compile(r"\b(?:troisieme|3e)\b"), 2),
        (re.compile(r"\b(?:quatrieme)\b"), 3),
        (re.compile(r"\b(?:dernier|derniere)\b"), -1),
    ),
    name_intro=re.compile(
        r"je m'appelle|mon nom (?:c'est|est)|au nom de|je suis (?=monsieur|madame)|c'est (?=monsieur |madame )"
        r"|le nom (?:c'est|est)"
    ),
    name_noise=frozenset(
        "je m'appelle m appelle mon nom c est c'est au de le la les un une euh heu alors donc oui ouais et bien "
        "bon voila a "
        "l'appareil appareil monsieur madame mademoiselle merci bonjour non pas j'epelle epelle j ca s'ecrit ecrit s "
        "comme prenom pour moi pardon oh ah eh ben hein hum ok d'accord accord parfait tout suite tres sur vous "
        "plait il "
        "s'il bonsoir allo attendez".split()
    ),
    reason_lead=re.compile(
        r"^.*?(?:laisser|prendre|transmettre|noter) un (?:petit )?message(?: (?:pour (?:lui |leur )?dire"
        r"|disant))?(?: qu[e'])? ?"
        r"|^(?:oui|ouais|d'accord|euh|alors|volontiers|s'il vous plait|je veux bien|bien sur|dites(?: lui"
        r"| leur)? qu[e'])[ ,.]*"
    ),
    common=frozenset(
        "je vous le la les un une des est ce que pour et avec bonjour merci voudrais rendez oui non il en du jour "
        "c'est quel quelle ai sur pas mon dans".split()
    ),
    says={
        "greet": ("Bonjour, que puis-je faire pour vous ?",),
        "listen": ("Je vous écoute.", "Oui, dites-moi."),
        "here": ("Oui, je vous entends. Que puis-je faire pour vous ?",),
        "repeat": (
            "Excusez-moi, je n'ai pas bien compris. Vous pouvez répéter ?",
            "Pardon, la ligne n'est pas très bonne. Que souhaitez-vous ?",
            "Je suis désolée, je ne saisis pas. Est-ce pour un rendez-vous, ou pour un renseignement ?",
            "Je vous entends mal. Pouvez-vous le dire autrement, s'il vous plaît ?",
        ),
        "wait": ("Prenez votre temps.", "Je reste en ligne."),
        "ask_day": ("Bien sûr. Quel jour souhaitez-vous ?", "Pour quel jour ?"),
        "ask_new_day": ("D'accord. Quel autre jour souhaitez-vous ?", "Quel jour vous arrangerait ?"),
        "ask_slot": ("Qu'est-ce qui vous convient ?",),
        "not_offered": ("Je n'ai pas cet horaire. J'ai {offers}. Qu'est-ce qui vous convient ?",),
        "ask_name": ("Très bien. À quel nom, s'il vous plaît ? Vous pouvez l'épeler.",),
        "ask_name_again": ("Je n'ai pas bien entendu votre nom. Pouvez-vous l'épeler, lettre par lettre ?",),
        "confirm_again": ("Alors, je vous confirme ce rendez-vous ?",),
        "ask_change": (
            "D'accord. Que souhaitez-vous changer : le jour, l'heure ou le nom ? Dites-moi ce que je corrige.",
        ),
        "offer_message": ("Voulez-vous laisser un message ?",),
        "ask_reason": ("Bien sûr. Quel est votre message, et à quel sujet ?", "Quel est le motif de votre appel ?"),
        "ask_caller": ("C'est noté. Et quel est votre nom ?",),
        "ask_number": ("Sur quel numéro êtes-vous joignable ?",),
        "anything_else": ("Puis-je faire autre chose pour vous ?", "Avez-vous besoin d'autre chose ?"),
        "welcome": ("Je vous en prie.",),
        "farewell": ("Merci de votre appel, au revoir et bonne journée !",),
        "still_there": ("Vous êtes toujours là ?", "Allô, vous m'entendez ?"),
        "no_booking": ("Je ne peux pas prendre de rendez-vous moi-même.",),
        "no_person": ("Je ne peux pas vous passer quelqu'un maintenant.",),
        "confirm_cancel": ("Voulez-vous bien l'annuler ?",),
        "which_booking": ("De quel rendez-vous s'agit-il ?",),
        "confirm_move": ("Voulez-vous que je le déplace à {slot} ?",),
        "kept": ("Très bien, je ne change rien.",),
        "no_booking_made": ("D'accord, je ne réserve rien.",),
        "trouble": ("Excusez-moi, je n'arrive pas à le vérifier pour l'instant.",),
        "unknown": ("Je n'ai pas cette information.",),
        "offer_booking": ("Souhaitez-vous un rendez-vous ?",),
        "offer_earliest": ("Voulez-vous le premier rendez-vous possible ?",),
        "ask_identity": ("D'accord. À quel nom est le rendez-vous ? Quel nom dois-je chercher ?",),
        "ask_proof": ("Pouvez-vous me donner l'adresse mail ou le téléphone donné à la réservation ?",),
        "urgent": ("Je comprends que c'est urgent.",),
        "danger": ("En cas de danger, appelez le {number}.",),
    },
)
