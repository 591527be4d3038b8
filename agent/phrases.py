"""The sentences that code speaks by itself, per language. Facts are filled in by code; the model never sees these as
templates. Words that an owner may want to change live in the assistant's config."""

from dataclasses import dataclass

from contracts.assistant import Language


@dataclass(frozen=True)
class Phrases:
    one_moment: str
    still_there: str
    silent_goodbye: str
    time_is_up: str
    leading_nowhere: str
    farewell: str
    farewell_rung: str  # to somebody whom we rang
    say_again: str  # a provider failed on this turn
    cut_off: str  # the job that spoke before has died
    go_on: str
    call_back: str  # to the team, with a call that failed
    no_way_on: str  # to the team, with a call that led nowhere
    missed: str  # to the team, with a call that could not be answered
    give_up: str  # it failed for good: the call ends, a follow-up is kept
    number_unknown: str
    paused: str
    technical: str
    putting_through: str  # nobody answers but a person
    call_noted: str  # and will not be answered
    unanswered: str  # to the team, with a call that was noted
    no_booking_found: str
    identity_needed: str
    identity_exhausted: str
    calendar_away: str
    refused: str
    doubtful: str
    slot_gone: str
    read_back: str
    booked: str
    moved: str
    move_back: str
    cancel_back: str
    cancelled: str
    offer: str
    none_then: str
    none_then_but: str
    none_at_all: str
    not_understood: str
    in_the_past: str
    which_day: str
    unknown_answer: str
    message_taken: str
    transfer_failed: str
    transferring: str  # it has come about
    fetching: str
    found_one: str
    found_many: str
    open_on: str
    closed_on: str
    closed_because: str
    next_opening: str
    not_recorded: str  # the caller did not want it
    recording_not_erased: str
    stopped_calling: str
    stop_calling_noted: str  # the list could not be written: the team is told
    stop_calling_wish: str  # to the team
    by_keys: str  # before a question that is asked again, on a line that has keys
    type_number: str  # after a number that was not understood, on a line that has keys
    typed_yes: str  # what keys mean, in the caller's mouth
    typed_no: str
    typed_number: str
    typed_unclear: str


PHRASES: dict[Language, Phrases] = {
    "fr": Phrases(
        one_moment="Un instant, je regarde.",
        still_there="Vous êtes toujours là ?",
        silent_goodbye="Je ne vous entends plus. N'hésitez pas à rappeler. Au revoir !",
        time_is_up="Je dois malheureusement mettre fin à notre appel. Rappelez-nous si besoin. Au revoir !",
        leading_nowhere="Je n'arrive pas à vous aider ainsi, excusez-moi. Je dis à l'équipe que vous avez appelé. Au revoir !",
        farewell="Merci de votre appel, au revoir !",
        farewell_rung="Merci, bonne journée. Au revoir !",
        say_again="Excusez-moi, je n'ai pas pu vous répondre. Pouvez-vous répéter ?",
        cut_off="Excusez-moi, nous avons été coupés un instant.",
        go_on="Je vous écoute.",
        call_back="L'appel s'est terminé sur une panne technique. À rappeler.",
        no_way_on="L'appel n'a mené à rien : l'assistante n'a pas pu aider. À rappeler.",
        missed="Appel reçu pendant une panne : personne n'a pu répondre. À rappeler.",
        give_up="Je rencontre un problème technique. Nous vous rappelons dès que possible. Au revoir !",
        number_unknown="Bonjour. Ce numéro n'est pas encore en service. Au revoir.",
        paused="Bonjour. Notre accueil téléphonique est momentanément indisponible. Merci de rappeler plus tard.",
        technical="Bonjour. Un problème technique nous empêche de vous répondre. Merci de rappeler dans un moment.",
        putting_through="Bonjour. Je vous mets en relation avec l'équipe, restez en ligne.",
        call_noted="Merci de votre appel. Nous ne pouvons pas vous répondre pour le moment. "
        "Nous notons votre numéro et le transmettons à l'équipe. Au revoir.",
        unanswered="Appel reçu pendant que le crédit était épuisé : l'assistant n'a pas répondu. À rappeler.",
        identity_needed="À quel nom, et avec quel numéro ou e-mail, avez-vous réservé ?",
        no_booking_found="Je ne trouve pas de rendez-vous avec ces informations. "
        "Pouvez-vous me redonner votre nom et le numéro ou l'e-mail utilisé ?",
        identity_exhausted="Je n'ai pas pu retrouver votre rendez-vous. Je peux prendre un message pour l'équipe.",
        calendar_away="Je n'arrive pas à joindre l'agenda pour le moment. "
        "Voulez-vous laisser un message ? L'équipe vous rappellera.",
        refused="L'agenda n'accepte pas cette demande. Voulez-vous un autre créneau, ou laisser un message ?",
        doubtful="L'agenda ne m'a pas répondu à temps : je ne peux pas encore confirmer. "
        "L'équipe vérifie et vous rappelle.",
        slot_gone="Ce créneau vient d'être pris.",
        read_back="Je récapitule : {service}, {moment}, au nom de {name}. C'est bien ça ?",
        booked="C'est réservé : {service}, {moment}, au nom de {name}. Puis-je faire autre chose pour vous ?",
        move_back="Je déplace votre rendez-vous du {old} au {new}. C'est bien ça ?",
        cancel_back="J'annule votre rendez-vous du {moment}. C'est bien ça ?",
        moved="C'est fait : votre rendez-vous est déplacé au {moment}. Puis-je faire autre chose pour vous ?",
        cancelled="Votre rendez-vous du {moment} est annulé. Puis-je faire autre chose pour vous ?",
        offer="{moments}. Qu'est-ce qui vous convient ?",
        none_then_but="Je n'ai rien de libre à ce moment-là.",
        none_then="Je n'ai rien de libre à ce moment-là. Le premier créneau ensuite : {moment}. Cela vous irait ?",
        none_at_all="Je n'ai rien de libre à ce moment-là, ni les jours suivants. Voulez-vous laisser un message ?",
        not_understood="Pour quel jour souhaitez-vous venir ?",
        in_the_past="Cette date est passée. Quel autre jour vous conviendrait ?",
        which_day="Vous voulez dire {options} ?",
        unknown_answer="Je n'ai pas cette information. Voulez-vous que l'équipe vous rappelle ?",
        message_taken="C'est noté, je transmets votre message à l'équipe. Puis-je faire autre chose pour vous ?",
        transfer_failed="Je n'arrive pas à joindre quelqu'un pour l'instant. Voulez-vous laisser un message ?",
        transferring="Je vous mets en relation.",
        not_recorded="C'est noté : cet appel n'est pas enregistré. Que puis-je faire pour vous ?",
        recording_not_erased="Je n'enregistre plus. Ce qui l'a été jusqu'ici n'a pas encore pu être effacé.",
        fetching="Je cherche quelqu'un pour vous, restez en ligne.",
        found_one="J'ai trouvé votre rendez-vous : {moment}. C'est bien celui-ci ?",
        found_many="J'ai trouvé plusieurs rendez-vous : {moments}. Lequel ?",
        open_on="{day}, nous sommes ouverts {hours}.",
        closed_on="{day}, nous sommes fermés.",
        closed_because="{day}, nous sommes fermés : {reason}.",
        next_opening="Nous rouvrons {moment}.",
        stopped_calling="C'est noté, nous ne vous appellerons plus. Excusez-moi de vous avoir dérangé.",
        stop_calling_noted="Je transmets votre demande à l'équipe. Excusez-moi de vous avoir dérangé.",
        stop_calling_wish="Ne souhaite plus être appelé : à inscrire sur la liste des numéros à ne plus appeler.",
        by_keys="Vous pouvez taper 1 pour confirmer, 2 pour changer.",
        type_number="Vous pouvez aussi taper le numéro sur votre clavier, puis dièse.",
        typed_yes="Oui.",
        typed_no="Non.",
        typed_number="Mon numéro de téléphone est le {number}.",
        typed_unclear="Ce numéro n'est pas complet. Tapez-le encore une fois, puis dièse.",
    ),
    "en": Phrases(
        one_moment="One moment, let me look.",
        still_there="Are you still there?",
        silent_goodbye="I can't hear you any more. Please call again any time. Goodbye!",
        time_is_up="I'm afraid I have to end our call here. Please call again if you need to. Goodbye!",
        leading_nowhere="I'm sorry, I can't help you well this way. I will tell the team that you called. Goodbye!",
        farewell="Thank you for calling. Goodbye!",
        farewell_rung="Thank you, have a good day. Goodbye!",
        say_again="I'm sorry, I couldn't answer just then. Could you say that again?",
        cut_off="I'm sorry, we were cut off for a moment.",
        go_on="Please go on.",
        call_back="The call ended on a technical failure. Please call back.",
        no_way_on="The call led nowhere: the assistant could not help. Please call back.",
        missed="A call came in during an outage and could not be answered. Please call back.",
        give_up="I'm having a technical problem. We will call you back as soon as we can. Goodbye!",
        number_unknown="Hello. This number is not in service yet. Goodbye.",
        paused="Hello. Our reception is not available at the moment. Please call again later.",
        technical="Hello. A technical problem keeps us from answering. Please call again in a moment.",
        putting_through="Hello. I'm putting you through to the team, please hold the line.",
        call_noted="Thank you for calling. We can't answer you at the moment. "
        "We have noted your number and are passing it on to the team. Goodbye.",
        unanswered="A call came in while there was no credit left, and was not answered. Please call back.",
        identity_needed="What name, and which number or e-mail, did you book with?",
        no_booking_found="I can't find an appointment with these details. "
        "Could you give me your name and the number or e-mail you booked with?",
        identity_exhausted="I couldn't find your appointment. I can take a message for the team.",
        calendar_away="I can't reach the calendar right now. "
        "Would you like to leave a message? The team will call you back.",
        refused="The calendar won't accept that. Would you like another time, or to leave a message?",
        doubtful="The calendar didn't answer in time, so I can't confirm yet. The team will check and call you back.",
        slot_gone="That time has just been taken.",
        read_back="Let me read that back: {service}, {moment}, for {name}. Is that right?",
        booked="You're booked: {service}, {moment}, for {name}. Is there anything else I can do?",
        move_back="I move your appointment from {old} to {new}. Is that right?",
        cancel_back="I cancel your appointment on {moment}. Is that right?",
        moved="Done: your appointment is moved to {moment}. Is there anything else I can do?",
        cancelled="Your appointment on {moment} is cancelled. Is there anything else I can do?",
        offer="{moments}. Which would suit you?",
        none_then_but="I have nothing free then.",
        none_then="I have nothing free then. The next free time is {moment}. Would that suit you?",
        none_at_all="I have nothing free then, nor in the days after. Would you like to leave a message?",
        not_understood="Which day would you like to come?",
        in_the_past="That date has passed. Which other day would suit you?",
        which_day="Do you mean {options}?",
        unknown_answer="I don't have that information. Shall the team call you back?",
        message_taken="I've noted it and will pass your message on to the team. Is there anything else I can do?",
        transfer_failed="I can't reach anyone right now. Would you like to leave a message?",
        not_recorded="Of course: this call is not being recorded. What can I do for you?",
        recording_not_erased="I have stopped recording. What was recorded until now could not be erased yet.",
        transferring="I'm putting you through.",
        fetching="Let me try to reach someone for you, please hold the line.",
        found_one="I found your appointment: {moment}. Is that the one?",
        found_many="I found several appointments: {moments}. Which one?",
        open_on="{day} we are open {hours}.",
        closed_on="{day} we are closed.",
        closed_because="{day} we are closed: {reason}.",
        next_opening="We open again {moment}.",
        stopped_calling="I've noted it: we will not call you again. I'm sorry to have disturbed you.",
        stop_calling_noted="I will pass your wish on to the team. I'm sorry to have disturbed you.",
        stop_calling_wish="Wants no more calls: put the number on the do-not-call list.",
        by_keys="You can press 1 to confirm, or 2 to change it.",
        type_number="You can also type the number on your keypad, then press hash.",
        typed_yes="Yes.",
        typed_no="No.",
        typed_number="My phone number is {number}.",
        typed_unclear="That number is not complete. Please type it once more, then press hash.",
    ),
    "he": Phrases(
        one_moment="רגע אחד, אני בודקת.",
        still_there="אתם עדיין איתי?",
        silent_goodbye="אני לא שומעת אתכם. אפשר להתקשר שוב בכל עת. להתראות!",
        time_is_up="אני נאלצת לסיים כאן את השיחה. אפשר להתקשר שוב. להתראות!",
        leading_nowhere="סליחה, אני לא מצליחה לעזור כך. אמסור לצוות שהתקשרתם. להתראות!",
        farewell="תודה שהתקשרתם, להתראות!",
        farewell_rung="תודה רבה ויום טוב. להתראות!",
        say_again="סליחה, לא הצלחתי לענות. אפשר לחזור על זה?",
        cut_off="סליחה, השיחה נקטעה לרגע.",
        go_on="אני מקשיבה.",
        call_back="השיחה הסתיימה בתקלה טכנית. נא לחזור למתקשר.",
        no_way_on="השיחה לא הובילה לשום מקום: העוזרת לא הצליחה לעזור. נא לחזור למתקשר.",
        missed="התקבלה שיחה בזמן תקלה ואי אפשר היה לענות. נא לחזור למתקשר.",
        give_up="יש לי תקלה טכנית. נחזור אליכם בהקדם. להתראות!",
        number_unknown="שלום. המספר הזה עדיין לא פעיל. להתראות.",
        paused="שלום. המענה שלנו אינו זמין כרגע. אנא התקשרו מאוחר יותר.",
        technical="שלום. תקלה טכנית מונעת מאיתנו לענות. אנא התקשרו שוב בעוד רגע.",
        putting_through="שלום. אני מעבירה אתכם לצוות, נא להישאר על הקו.",
        call_noted="תודה שהתקשרתם. איננו יכולים לענות לכם כרגע. רשמנו את המספר שלכם ואנחנו מעבירים אותו לצוות. להתראות.",
        unanswered="התקבלה שיחה כשלא נותר קרדיט, והיא לא נענתה. נא לחזור למתקשר.",
        identity_needed="על איזה שם, ועם איזה טלפון או אימייל, נקבע התור?",
        no_booking_found="אני לא מוצאת תור עם הפרטים האלה. מה השם, ומה הטלפון או האימייל שנרשמו?",
        identity_exhausted="לא הצלחתי למצוא את התור. אני יכולה לקחת הודעה לצוות.",
        calendar_away="אני לא מצליחה להגיע ליומן כרגע. להשאיר הודעה? הצוות יחזור אליכם.",
        refused="היומן לא מקבל את הבקשה. תרצו זמן אחר, או להשאיר הודעה?",
        doubtful="היומן לא ענה בזמן, ולכן אני עוד לא יכולה לאשר. הצוות יבדוק ויחזור אליכם.",
        slot_gone="הזמן הזה בדיוק נתפס.",
        read_back="אני חוזרת על הפרטים: {service}, {moment}, על שם {name}. נכון?",
        booked="התור נקבע: {service}, {moment}, על שם {name}. אפשר לעזור בעוד משהו?",
        move_back="להעביר את התור מ{old} ל{new}?",
        cancel_back="לבטל את התור של {moment}?",
        moved="בוצע: התור הועבר ל{moment}. אפשר לעזור בעוד משהו?",
        cancelled="התור של {moment} בוטל. אפשר לעזור בעוד משהו?",
        offer="{moments}. מה מתאים לכם?",
        none_then_but="אין לי מקום פנוי אז.",
        none_then="אין לי מקום פנוי אז. הזמן הפנוי הבא: {moment}. זה מתאים?",
        none_at_all="אין לי מקום פנוי אז, וגם לא בימים שאחרי. להשאיר הודעה?",
        not_understood="לאיזה יום תרצו להגיע?",
        in_the_past="התאריך הזה כבר עבר. איזה יום אחר מתאים?",
        which_day="הכוונה ל{options}?",
        unknown_answer="אין לי את המידע הזה. שהצוות יחזור אליכם?",
        message_taken="רשמתי, ואעביר את ההודעה לצוות. אפשר לעזור בעוד משהו?",
        transfer_failed="אני לא מצליחה להשיג אף אחד כרגע. להשאיר הודעה?",
        transferring="אני מעבירה אתכם.",
        not_recorded="בסדר גמור, השיחה הזאת לא מוקלטת. במה אפשר לעזור?",
        recording_not_erased="הפסקתי להקליט. את מה שהוקלט עד עכשיו עוד לא הצלחתי למחוק.",
        fetching="אני מחפשת מישהו בשבילכם, נא להישאר על הקו.",
        found_one="מצאתי את התור שלך: {moment}. זה התור?",
        found_many="מצאתי כמה תורים: {moments}. איזה מהם?",
        open_on="{day} אנחנו פתוחים {hours}.",
        closed_on="{day} אנחנו סגורים.",
        closed_because="{day} אנחנו סגורים: {reason}.",
        next_opening="נפתח שוב {moment}.",
        stopped_calling="רשמתי, לא נתקשר אליכם יותר. סליחה על ההפרעה.",
        stop_calling_noted="אעביר את הבקשה לצוות. סליחה על ההפרעה.",
        stop_calling_wish="מבקשים שלא להתקשר יותר: נא להוסיף את המספר לרשימה שאין להתקשר אליה.",
        by_keys="אפשר להקיש 1 לאישור, או 2 לשינוי.",
        type_number="אפשר גם להקיש את המספר במקלדת, ואז סולמית.",
        typed_yes="כן.",
        typed_no="לא.",
        typed_number="מספר הטלפון שלי הוא {number}.",
        typed_unclear="המספר לא שלם. הקישו אותו שוב, ואז סולמית.",
    ),
}
