"""What code says to somebody of the team who is rung for a caller, per language."""

from dataclasses import dataclass

from contracts.assistant import Language


@dataclass(frozen=True)
class PersonPhrases:
    briefing: str
    known: str  # who calls, when they have said their name
    numbered: str
    withheld: str
    about: str
    asked: str
    again: str
    taken: str
    declined: str
    unanswered: str
    caller_left: str


PERSON_PHRASES: dict[Language, PersonPhrases] = {
    "fr": PersonPhrases(
        briefing="Bonjour, ici {persona}, du standard de {business}. {who}{about}",
        known="{name} est en ligne.",
        numbered="J'ai en ligne un appel du {number}.",
        withheld="J'ai en ligne un appel en numéro masqué.",
        about=" C'est au sujet de : {reason}.",
        asked="Prenez-vous l'appel ? Dites oui ou tapez 1, dites non ou tapez 2.",
        again="Pour prendre l'appel, dites oui ou tapez 1. Sinon, dites non ou tapez 2.",
        taken="Très bien, je vous le passe.",
        declined="Entendu, je propose de laisser un message. Au revoir.",
        unanswered="Je n'ai pas de réponse, je reprends l'appel. Au revoir.",
        caller_left="L'appelant a raccroché entre-temps. Au revoir.",
    ),
    "en": PersonPhrases(
        briefing="Hello, this is {persona} at the front desk of {business}. {who}{about}",
        known="{name} is on the line.",
        numbered="I have a call from {number}.",
        withheld="I have a caller who withholds the number.",
        about=" It's about: {reason}.",
        asked="Will you take the call? Say yes or press 1, say no or press 2.",
        again="To take the call, say yes or press 1. Otherwise say no or press 2.",
        taken="Very well, here they are.",
        declined="All right, I'll offer to take a message. Goodbye.",
        unanswered="I have no answer, so I'm going back to the call. Goodbye.",
        caller_left="The caller has hung up in the meantime. Goodbye.",
    ),
    "he": PersonPhrases(
        briefing="שלום, כאן {persona} מהקבלה של {business}. {who}{about}",
        known="{name} על הקו.",
        numbered="יש לי שיחה ממספר {number}.",
        withheld="יש לי שיחה ממספר חסוי.",
        about=" בנושא: {reason}.",
        asked="לקבל את השיחה? אמרו כן או הקישו 1, אמרו לא או הקישו 2.",
        again="כדי לקבל את השיחה אמרו כן או הקישו 1. אחרת אמרו לא או הקישו 2.",
        taken="מצוין, אני מעבירה.",
        declined="בסדר, אציע להשאיר הודעה. להתראות.",
        unanswered="לא קיבלתי תשובה, אני חוזרת לשיחה. להתראות.",
        caller_left="המתקשר ניתק בינתיים. להתראות.",
    ),
}
