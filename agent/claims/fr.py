"""The French words of the speech guard, over text without accents."""

# ruff: noqa: E501 - each pattern stays on one line

import re

from agent.claims.fr_moments import tag
from agent.claims.model import ClaimKind
from agent.claims.vocabulary import Proof, Vocabulary, assertion

_ADV = (
    r"(?:(?:bien|donc|tout|deja|maintenant|desormais|effectivement|officiellement|ainsi|aussi|juste|enfin|immediatement|"
    r"parfaitement|toujours|a present|dorenavant|definitivement|directement|tout de suite|a l'instant|vous|te|le|la|les|en|y|"
    r"egalement|automatiquement|meme|donc bien|d'ores et deja) |l')*"
)
_BOOK = r"(?:reserve|inscrit|cale|booke|bloque|fixe|programme|planifie|positionne|case)e?s?\b"
_HOLD = r"(?:note|pris|mis|enregistre|confirme|valide|ajoute|place|cree|garde|retenu|finalise|rentre|pose|organise|trouve une place)e?s?\b"
_STATE = (
    r"(?:reserve|inscrit|cale|booke|bloque|fixe|programme|planifie|confirme|valide|pris|enregistre|note|prevu|maintenu|pose|"
    r"garde|cree|finalise|ajoute|assure|acquis|bon|ok|effectif|effective|officiel|officielle|passe|passee|faite?|sur le planning|en place|a vous|a votre nom|dans l'agenda|a l'agenda)e?s?\b"
)
_HAVE = r"(?:\bj'ai |\bje (?:vous |te |l')*ai |\bje l'ai |\b(?:nous|on) (?:vous |l')*(?:avons |a )|\bl'ai |\bl'avons )"
_BE = r"(?<!n')(?<!si c')(?:\bc'est |\bc'etait |\best |\bsont |\betes |\ba ete |\ba bien ete |\bont ete |\bont bien ete |\bva etre bien )"
_DID = rf"(?:{_HAVE}|{_BE})"
_SUBJECT = (
    r"(?:rendez-vous|rendez vous|rdv|reservation|creneau|place|seance|consultation|visite|detartrage|controle|soin|coupe|"
    r"table|horaire|heure|tout|il|elle|[DTP])"
)
_TO_BOOK = r"(?:reserver|noter|inscrire|caler|bloquer|fixer|programmer|positionner|confirmer|valider|enregistrer|planifier|prendre)"
_JUST = r"\bv(?:iens|enons|ient) (?:juste |tout juste )?(?:de |d')(?:vous |le |la |l')*"
_I = r"(?<!que )(?<!si )\b(?:je (?:vous |te |le |la |l')*|j'|nous (?:vous |le |la )*|on (?:vous |le |la )*)"
_THING = r"^(?=.*(?:[TD]|rendez-vous|rdv|creneau|reservation|place\b|agenda)).*?"
_NOT_A_NOTE = r"^(?!.*\b(?:message|demande|coordonnees|nom\b|numero|preferences?|souhaits?|question|informations?|souhaitez|aimeriez|preferez|voulez))"
_FREE = r"(?:libres?|disponibles?|dispos?|vacante?s?)\b"
_SLOTS = r"(?:places?|creneaux?|disponibilites?|dispos?|rendez-vous|rdv|horaires?|plages?|possibilites?|trous?)\b"
_NOTHING = r"(?:\b(?:rien|aucune?|plus|pas|plus rien|jamais|guere)\b)"

ASSERTIONS = (
    assertion(
        Proof.NONE,
        r"(?:sommes|c'est|est|sont|affichons|affiche|semble) (?:\w+ )?(?:deja |malheureusement |tout |quasiment )*complete?s?\b(?<!dossier est complet)",
        rf"\b(?:n'|ne )(?:.{{0,25}})(?:plus|pas|aucune?|guere) (?:du tout |encore |malheureusement )*(?:aucune? |une? |de |d'|autres? |seule? )*{_SLOTS}"
        rf"(?! (?:a votre|a ce|sous|au nom|pour vous joindre|enregistre|correspond|avec|necessaire|requis|obligatoire|prefere|en particulier|habituel|en tete|precis))",
        rf"(?:^|\b(?:plus|pas) )(?:plus|pas|aucune?) (?:de |d'|une? )*{_SLOTS}(?! de (?:souci|probleme))(?! a votre)",
        r"\b(?:n'|ne )(?:nous |me |lui |m'|vous )?(?:ai|avons|a|y a|reste|vois|trouve|dispose)[^,]{0,20} rien(?= *(?:$|[,.!?]|de (?:libre|dispo\w*|possible)|avant|apres|ce|cette|la semaine|"
        r"[DTP]|le [DTP]|pour (?:D|le|la|ce|cet)|dans|a (?:T|ce moment|cette)|non plus|du tout|d'autre (?:D|ce|cette|avant)|en [DP]))",
        r"\b(?:plus|pas) rien (?:de libre|de dispo|avant|[DTP])",
        r"\b(?:tout|tous|toutes|[DTP]|creneaux?|agenda|planning|journee|semaine|heure|c')\b.{0,30}(?<!n')\b(?:est|sont) (?:deja |malheureusement |tout |tous |bien |entierement )*"
        r"(?:pris|prise|prises|occupee?s?|remplie?s?|pleine?s?|indisponibles?|sature[es]*|surchargee?)\b",
        r"(?=.*[DTP])\b(?:docteur|praticien\w*|dentiste|medecin|il|elle|on|nous)\b(?: \w+)? (?:est|sommes) (?:\w+ )?(?:prise?s?|occupee?s?|absente?|full|en conge\w*)\b",
        r"[DT].{0,20}\b(?:on est|nous sommes) (?:\w+ )?(?:prise?s?|full|debordes)\b|[DT].{0,12}\b(?:c'est|est) (?:\w+ )?impossible|\bimpossible (?:le |pour |a )?[DT]",
        rf"^n'est (?:malheureusement )?(?:plus|pas) {_FREE}|^(?:est|sont) (?:\w+ )?(?:complete?s?|indisponibles?)$",
        r"\bdeja (?:pris|prise|prises|occupee?s?|reservee? par)\b",
        r"(?<!rendez-vous )vient d'etre (?:pris|prise|reservee?|attribuee?)\b",
        rf"(?:[DTP]|creneau|date|horaire|heure|\bce|\bcela|\bca|\bc'|\brien|jour).{{0,40}}\b(?:pas|plus|rien)(?: \w+)? (?:{_FREE}|possible (?=[DT]))",
        rf"(?=.*[DTP])(?:n'est|ne sera|ne suis|ne sont|n'etes).{{0,20}}(?:pas|plus) (?:\w+ )?(?:{_FREE}|possible)",
        r"\bindisponibles? (?:[DTP]|le [DTP]|toute)",
        r"(?:premier|prochain)e?s? (?:creneau|rendez-vous|disponibilite)s? (?:n'est )?pas avant",
        r"(?:ne|n')[^,]{0,30} pas (?:de la place|vous (?:recevoir|prendre|proposer|caser)) (?=.*[DTP])",
    ),
    assertion(
        Proof.CANCELLED,
        rf"{_DID}{_ADV}(?:annule|supprime|decommande)e?s?\b",
        rf"{_JUST}(?:annuler|supprimer|decommander)",
        r"\bn'existe plus\b|\bn'(?:est|avez) plus (?:de rendez-vous|a l'agenda|dans l'agenda|prevu|maintenu|rendez-vous|\bD)",
        r"\bannulation\b.{0,20}(?<!n')\b(?:est|a ete|a bien ete) (?:bien |donc |deja |maintenant )*(?:enregistree|prise? en compte|confirmee|faite|effective|validee|effectuee)",
        rf"{_HAVE}{_ADV}(?:libere|retire|enleve|efface)e? (?:\w+ )?(?:rendez-vous|creneau|rdv|reservation|place|D|T)\b",
        r"^(?:et )?(?:bien )?annulee?\b(?! (?:ou|moins))",
    ),
    assertion(
        Proof.MOVED,
        rf"^(?=.*(?:rendez-vous|rdv|reservation|creneau|[DT]|c'est|\bl'ai|vous ai|seance|consultation))(?!.*horaires).*?"
        rf"{_DID}{_ADV}(?:deplace|reporte|decale|avance|repousse|replanifie|reprogramme|bascule|deplanifie|modifie|change|remis)e?s?\b"
        r"(?! en (?:relation|ligne|contact))",
        rf"{_JUST}(?:deplacer|reporter|decaler|avancer|repousser|replanifier|reprogrammer|modifier|changer)",
        r"^(?:et )?(?:bien )?(?:deplace|reporte|decale)e? (?:a|au|de) ",
    ),
    assertion(
        Proof.TRANSFERRED,
        r"(?<!que )(?<!si )\bje vous (?:passe|transfere|bascule|connecte|branche|redirige|mets en (?:relation|ligne|contact|communication))\b"
        r"(?! (?:en attente|vers (?:notre|le) site|un message|un sms))",
        rf"{_HAVE}{_ADV}(?:transferee?|mise? en (?:relation|ligne|contact)|redirigee?|passe (?:le |la |un |une |quelqu))(?!.*message)",
        r"\bvous (?:etes|voila) (?:maintenant |desormais |a present |bien )*(?:en ligne|en relation|transferee?|connectee?|en communication)",
        r"(?<!que )\bje transfere (?:votre|l')",
        r"\bappel\b.{0,20}(?<!n')(?:est|a ete|a bien ete) (?:\w+ )?(?:transfere|redirige|bascule)",
        r"(?:prend|va prendre|prendra) votre appel|\bje vous laisse avec\b|(?:docteur|secretaire|collegue|praticien\w*) (?:est en ligne|vous ecoute)",
    ),
    assertion(
        Proof.MESSAGE,
        r"\b(?:message|demande|appel)\b.{0,40}(?<!n')\b(?:est|a ete|a bien ete|sera) (?:bien |deja |donc |maintenant )*(?:transmi|transmise|enregistre|pris|envoye|laisse|remi|note)e?s?\b",
        rf"{_HAVE}{_ADV}(?:transmis|envoye|remis|laisse|passe|pris|note|enregistre)e? (?:\w+ ){{0,3}}(?:message|mot)\b",
        rf"{_HAVE}{_ADV}(?:transmise? |prevenue?s? |avertie?s? |informee?s? |alertee?s? )",
        r"\b(?:docteur|equipe|cabinet|secretariat|praticien\w*|medecin|collegues?|elle|il)\b.{0,20}(?<!n')\b(?:est|a ete|a bien ete|sont|a|ont)(?: \w+)? (?:prevenue?s?|avertie?s?|informee?s?|au courant|recu (?:votre|le) (?:message|demande))",
        r"\bc'est (?:bien )?(?:transmis|envoye)\b",
        r"(?<!que )\bje (?:le |la |lui |leur |l')*transmets\b",
        rf"{_HAVE}{_ADV}transmis\b",
    ),
    assertion(
        Proof.CALL_BACK,
        r"\b(?:vous|te) (?:rappell?er?(?:a|ont|ons|ez)?|recontacte(?:ra|rons|ront)?|contactera|contacterons|recontactons|rappelons|rappellent)\b",
    ),
    assertion(
        Proof.ACT,
        rf"{_HAVE}{_ADV}{_BOOK}",
        rf"{_NOT_A_NOTE}{_THING}{_HAVE}{_ADV}{_HOLD}",
        rf"{_JUST}{_TO_BOOK}(?!.*(?:message|nom\b|numero|demande))",
        rf"\bc'est {_ADV}{_BOOK}|\bc'est {_ADV}(?:confirme|valide|finalise|dans l'agenda|a l'agenda)e?\b",
        r"^(?:et |voila |tres |bien )*(?:reserve|inscrit|booke)e? (?:[DT]|pour|le|a)\b",
        r"^(?:et )?(?:confirme|note) (?:pour|le|a)? ?[DT]",
        rf"\bvoila (?:qui est )?{_BOOK}",
        r"\b(?:tu es|vous etes|vous voila|te voila) (?:bien |donc |maintenant |desormais |deja |tout |parfaitement |officiellement |bel et bien )*"
        r"(?:note|inscrit|booke|cale|programme|place|case|confirme|enregistre|reserve|mis|sur la liste|dans l'agenda|a l'agenda|(?:dans|sur) (?:le|notre) planning)e?s?\b",
        r"\b(?:reservation|prise de rendez-vous) (?:est )?(?:faite|effectuee|terminee|reussie|complete|finalisee)",
        r"\bje vous (?:ai|avais) (?:\w+ )?(?:mis|mise|cale|calee|pris|prise|trouve|note|notee|garde|inscrit|inscrite|bloque|reserve|positionne|place|placee)\b(?=.*[TD])",
    ),
    assertion(
        Proof.STATE,
        rf"\b{_SUBJECT}\b.{{0,50}}(?<!n')\b(?:est|sont|sera|reste) {_ADV}{_STATE}(?! (?:de|a|pour|qu)(?:'| )?(?:verifi|confirm|regard))(?!' ?a)",
        rf"^(?:est|sont|a ete|a bien ete|ont ete) {_ADV}(?:reserve|confirme|enregistre|pris|fixe|valide|programme|note|prevu|inscrit|bloque|cale|maintenu)e?s?\b",
        rf"\b{_SUBJECT}\b.{{0,50}}(?<!n')\b(?:a|ont) (?:bien )?ete {_ADV}{_STATE}",
        r"\b(?:vous avez|tu as) (?:bien |donc |maintenant |desormais |toujours |deja )*(?:un |votre |une |rendez)[^,]{0,12}(?:rendez-vous|rdv|reservation|vous\b)",
        r"\b(?:nous|on|docteur \w+|le cabinet|il|elle) vous (?:attend|attendons|attendra|attendrons|recoit|recevra|recevrons|accueille|accueillera|accueillerons|verra|voit)\b"
        r"(?=.*[DT])(?!.*sur rendez-vous)(?!.*D (?:au|a) D)",
        r"\bvous etes (?:bien )?(?:attendue?s?|prevue?s?)\b",
        r"(?:^|\bet |\bdis |\bdit |\balors |\bdonc |\bmerci |\bvoir |\bparfait |\bbien )(?:a|rendez-vous|rdv)(?: le)? D(?: P)?(?: (?:a )?T)?"
        r"(?: (?:alors|donc|au cabinet|chez nous|madame|monsieur|pour|sans faute|matin|prochain|dans|avec)\b.*)?$",
        r"\b(?:au plaisir|hate|heureux|heureuse|ravie?s?) de vous (?:voir|recevoir|accueillir|revoir|retrouver)\b.*[DT]",
        r"\b(?:on se|nous nous|je vous|on te) (?:voit|voyons|retrouve|retrouvons|verra|reverra|dis a|dit a|attends)\b(?=.*[DT])",
        r"\btrouve (?:bien )?(?:\w+ )?(?:votre|un) (?:\w+ )?(?:rendez-vous|rdv|reservation)",
    ),
    assertion(
        Proof.PROMISE,
        r"\bvous (?:recevrez|allez recevoir|aurez|avez recu|recevez)\b.{0,30}(?:confirmation|rappel|sms|e-?mail|texto|invitation)",
        r"(?:confirmation|sms|e-?mail|texto|invitation)\b.{0,30}vous (?:sera|a ete|est|parviendra)|\bje vous (?:ai )?(?:\w+ )?(?:envoye?|envoie|enverrai|adresse|adresserai) (?:un|une|la|le|votre) (?:\w+ )?(?:confirmation|sms|mail|e-?mail|invitation)",
    ),
    assertion(
        Proof.DONE,
        r"\b(?:c'est|tout est|voila qui est|la chose est|ca y est) (?:bien |donc |maintenant |tout |desormais |deja |chose )*"
        r"(?:fait|faite|regle|reglee|boucle|arrange|confirme|en ordre|calle|cale)\b(?! (?:pour|expres|maison|par|en))",
        r"\bc'est tout bon\b|\btout est (?:bon|ok|pret)\b|\bet voila$|\ble tour est joue\b|^ca y est\b|\bc'est en ordre\b|\bc'est dans la boite\b",
        r"^(?:voila |et )*(?:fait|termine)$",
    ),
    assertion(
        Proof.DOING,
        rf"{_NOT_A_NOTE}{_THING}{_I}(?:reserve|reservons|note|notons|inscris|cale|mets|bloque|place|booke|programme|fixe|positionne|confirme|confirmons|prends|garde|retiens|valide|case)\b"
        r"(?! en (?:relation|attente))",
    ),
    assertion(
        Proof.MOVING,
        rf"{_I}(?:deplace|reporte|decale|avance|repousse|replanifie|reprogramme|modifie|change)\b(?!.* horaires)",
    ),
    assertion(Proof.CANCELLING, rf"{_I}(?:annule|supprime)\b"),
    assertion(
        Proof.NOTED,
        r"\bc'est (?:bien |donc |tres )*(?:note|enregistre|bon|ok|parfait|entendu)e?\b",
        r"\bbien note$",
    ),
    assertion(
        Proof.OFFER,
        rf"(?:\bil y a|\bil reste|\breste|\b(?:docteur|le dr|praticien\w*) (?:\w+ )?a|\b(?:nous|on) (?:avons|a|aurait|aurions)|\bj'ai|\bj'aurais|\bje vois|\bj'ai trouve|\bnous avons trouve) (?!bien recu)"
        rf"(?:encore |aussi |justement |bien |effectivement |egalement |pas mal |beaucoup |trouve |de |d'|la |une? |des |les |quelques |plusieurs |\d+ |belles? |petite? |autres? )*{_SLOTS}"
        r"(?! (?:a votre|de parking|pour (?:les )?(?:velos?|handicap|voitures?))|s? de (?:parking|stationnement))",
        rf"(?:\bc'est|\bce sera|\bcreneaux?|\bplaces?|[DTP]|\bil est|\belle est|\bdocteur \w+|\bpraticien\w*|\bjour)(?: .{{0,25}})?(?<!n')(?:\best |\bsont |\bsera |c'est )(?:\w+ )?(?:{_FREE}|jouable)",
        rf"\bc'est (?:\w+ ){{0,2}}{_FREE}|^(?:est|sont) (?:\w+ )?{_FREE}",
        r"[DT].{0,25}\b(?:c'est (?:bon|ok|possible|parfait|faisable)|est (?:tout a fait |bien )?possible|ca marche|ca passe|ca roule|aucun probleme|sans probleme|pas de probleme)",
        r"\b(?:c'est|ca marche|ca passe|ce sera) (?:bon|ok|possible|parfait|faisable)? ?(?:pour|le|a)? ?[DT]",
        r"\b(?:je|on|nous) (?:peux|peut|pouvons|pourrais|pourrait|pourrions) (?:aussi |encore |egalement )*vous (?:proposer|offrir|donner|prendre|recevoir|mettre|caler|caser|voir|avoir)(?! de | un message).*[DTP]",
        r"\b(?:premier|prochain|premiere|prochaine) (?:creneau|horaire|place|disponibilite|date (?:libre|disponible)|rendez-vous (?:libre|disponible|possible))",
        r"\bje vous propose\b(?! de )(?=.*[DTP])",
        r"\bj'ai (?:aussi |encore |donc |justement |bien |uniquement |seulement )*(?:le |un |a |vers )?[TD]",
        r"\b(?:il y a|il reste) (?:aussi |encore |bien )*(?:le )?[TD]",
    ),
)

VOCABULARY = Vocabulary(
    tag=tag,
    assertions=ASSERTIONS,
    courtesies=re.compile(
        r"\b(?:(?:il n'y a )?(?:pas de (?:souci|probleme|quoi)|aucun (?:souci|probleme))|sans (?:souci|probleme)|n'hesitez (?:pas|surtout pas)(?: a [^,.]*)?|ne vous inquietez pas|"
        r"s'il vous plait|si vous (?:le )?(?:voulez bien|permettez)|des que possible|si besoin|si necessaire)\b"
    ),
    conditions=re.compile(
        r"\b(?:si|s'il|s'ils|une fois|des que|des qu'|quand|lorsque|lorsqu'|avant que|avant de|tant que|jusqu'a ce que|pour que|afin que|"
        r"a condition que|au cas ou|apres avoir|savoir si|seulement si|ce qu'il|ce qui|ce que|ce qu'on|pas dire que|pas que|pas encore que|verifie que|verifier que|m'assure que|m'assurer que|"
        r"est-ce que|est-ce qu'|souhaitez que|voulez que|voulez-vous que|souhaitez-vous que|sur que|certain que)(?=\W|(?<='))"
    ),
    negations=re.compile(r"(?!)"),  # French says them inside the verb: the assertions don't match
    conditions_after=re.compile(
        r"^ ?(?:que |qu'|seulement |uniquement |definitivement )*(?:une fois|des que|quand|lorsque|apres (?:votre|que))\b"
    ),
    offers_help=re.compile(
        r"\b(?:laissez|laisser|souhaitez|voulez|voudriez|je peux|nous pouvons|pourra|pourrait|puis-je|afin|pour qu|peut-etre|desirez|on peut|dois-je|preferez|que l'on|qu'on|pour que)"
    ),
    under_way=re.compile(
        r"\b(?:(?:un|1) (?:petit |court )?(?:instant|moment)|(?:une|1|deux|2) (?:petite )?secondes?|patientez|patienter|ne quittez pas|tout de suite|de ce pas|je m'en occupe|je lance|le temps de)\b"
    ),
    echoes=re.compile(
        r"\bvous (?:me |m')?(?:souhaitez|voulez|voudriez|souhaiteriez|vouliez|souhaitiez|cherchez|cherchiez|demandez|demandiez|aimeriez|disiez|dites|parlez|parliez|evoquez|proposez|pensiez)\b"
        r"|\bvous (?:m')?(?:avez|aviez) (?:bien |donc )?(?:dit|demande|indique|mentionne|propose|parle)\b"
        r"|\bvoulez-vous dire\b|\bsi je comprends\b|\bj'ai (?:bien )?(?:compris|entendu)\b"
        r"|\b(?:je|on|nous) (?:le |la |vous )?(?:regarde|verifie|cherche|consulte|controle|recherche|vois si)\b|\b(?:vais|laissez-moi|permettez-moi|peux|puis|puis-je|peut|que je|pour|proposer de|propose de|d'abord|dois) ?"
        r"(?:vous |le |la |l'|bien )*(?:voir|regarder?|verifier?|consulter?|chercher?|rechercher?|controler?|essayer|tenter|demander)\b"
        r"|\b(?:(?:un|1) (?:petit )?(?:instant|moment)|(?:une|1) (?:petite )?seconde|patientez|ne quittez pas)\b|\bavant ou apres\b|\bplutot (?:avant|apres|vers)\b"
    ),
    hours=re.compile(
        r"\b(?:ouvr\w*|ouvert\w*|ferm\w*|rouvr\w*|horaires|pause|permanence|standard|fonctionne)\b|(?<!j'ai )\b(?:de|entre) T ?(?:a|et) T|\bjusqu'a T|\ba partir de T"
    ),
    clock_now=re.compile(r"(?<!\w )\bil est (?:\w+ )?T|\bil est (?:actuellement|maintenant|bientot|presque|deja) T"),
    verbs=re.compile(
        r"\b(?:je|j'|nous|vous|on|il|elle|ils|elles|c'|ce|cela|ca|est|sont|ont|sera|puis|peut|pouvez|voulez|souhaitez|preferez|avez|merci|reste|faut|qui|que|laissez|voici)(?=\W|$|(?<='))"
    ),
    splits=re.compile(
        r"\s*[,;:!?…()]+\s*|\.+(?:\s+|$)|\s+(?:mais|donc|alors|puis|car|or)\s+(?=je|j'|nous|vous|on|il|c'|votre|le )|\s+et\s+(?=je |j'|nous |vous |on |il |c'est|votre )|\s+-\s+"
    ),
    tags=re.compile(r"\b(?:d'accord|ok|okay|hein|n'est-ce pas|parfait|entendu|tres bien|super)$"),
    leaning=re.compile(
        r"autre chose|\bconv(?:ient|iendrait)|\bvous (?:va|irait|arrange|plait)\b|d'accord|\bl[ea]quelle?\b|bien ca|c'est (?:ca|bon)|\bcorrect\b|besoin d'autre|autre question|ca vous"
    ),
    booking_words=re.compile(r"\b(?:rendez-vous|rdv|reservation|creneau|reserve|agenda)\b"),
    marks=re.compile(
        r"\b(?:je|j'|vous|nous|votre|le|la|les|est|c'est|pour|et|un|une|du|des|rendez-vous|pas|que|avec|merci|bonjour)(?=\W|$)"
    ),
    replacements={
        ClaimKind.BOOKED: (
            "Je vérifie l'agenda, un instant.",
            "Un instant, je regarde l'agenda avant de vous répondre.",
            "Laissez-moi vérifier dans l'agenda.",
            "Je consulte l'agenda, une petite seconde.",
        ),
        ClaimKind.TRANSFERRED: (
            "Je vais voir si quelqu'un peut vous répondre.",
            "Un instant, je regarde qui peut vous répondre.",
        ),
        ClaimKind.MESSAGE_TAKEN: (
            "Si vous le souhaitez, je peux prendre un message.",
            "Je peux prendre un message pour l'équipe, si vous voulez.",
        ),
        ClaimKind.OPENING_HOURS: ("Je vérifie nos horaires, un instant.", "Un instant, je regarde nos horaires."),
    },
)
