"""The English words of the speech guard."""

# ruff: noqa: E501 - each pattern stays on one line

import re

from agent.claims.en_moments import tag
from agent.claims.model import ClaimKind
from agent.claims.vocabulary import Proof, Vocabulary, assertion

_ADV = r"(?:(?:just|now|all|already|successfully|officially|also|indeed|definitely|then|so|both|gone ahead and|went ahead and|fully|well|safely|provisionally|been|be|got|had|have|actually|automatically|still|currently) )*"
_I = r"\b(?:i|we)"
_HAVE = rf"(?:{_I}(?:'ve| have|'d| had)?|{_I} did|has been|have been|\bwas|\bwere) "
_BE = r"(?:\b(?:is|are|was|were)|\b(?:it|that|you|this|they|he|she|everything|all|[a-z]+)'(?:s|re)|\bhas been|\bhave been|\bhas|\bgets?|\bgot) "
_BOOK = r"(?:booked|reserved|scheduled|pencill?ed|slotted|secured|squeezed|registered|signed (?:you )?up|fitted|penned|locked)\b"
_SET = r"(?:confirmed|set|arranged|fixed|finali[sz]ed|in (?:the|our) (?:calendar|diary|book|system)|on (?:the|our) (?:calendar|schedule|books)|in place|made|good to go|sorted|locked in|saved|held for you|all yours|yours|down for|on for)\b"
_SUBJECT = r"(?:appointment|booking|reservation|slot|visit|session|consultation|cleaning|check-?up|checkup|meeting|spot|place|table|haircut|time|everything|it|that|you|[DTP])"
_SLOTS = r"(?:slots?|openings?|availabilit(?:y|ies)|appointments?(?: times?)?|times?|spots?|spaces?|space|gaps?|room|vacanc(?:y|ies))\b"
_FREE = r"(?:free|available|vacant|possible)\b"

ASSERTIONS = (
    assertion(
        Proof.NONE,
        r"(?<!that's )(?<!it's )(?<!you're )(?<!you are )\ball (?:booked|full)(?: up| out)?\b(?! (?:in\b|for you|set|your|you\b|for [DT]))",
        r"\b(?:fully|completely|totally|solidly|already) (?:booked|full|reserved)(?: up| out)?\b(?! (?:in\b(?! [DP])|for you|set|your|you\b|it\b))(?<!you're fully booked)(?<!you're already booked)",
        r"\bbooked (?:up|solid|out)\b|^(?:is|are) (?:\w+ )?(?:taken|gone|full|unavailable)\b|^(?:is|are)(?:n't| not| no longer) (?:available|free)\b",
        rf"(?:\bno|\bzero|(?:n't|\bnot|\bnever) (?:\w+ ){{0,2}}?(?:any|a|a single|1|more|an (?=open|avail))) (?:\w+ ){{0,2}}?{_SLOTS}(?! (?:(?:is )?(?:needed|necessary|required)|for you to|under|in your name|with that name|preference|limit|to (?:worry|rush)|at all to))"
        r"(?<!any time)(?<!no time)(?<!n't find an appointment)(?<!n't find the appointment)(?<!n't find your appointment)",
        r"\b(?:nothing|none|n't (?:\w+ )?anything|not (?:\w+ )?anything) (?:is |else |at all |more |that's )*(?:free|available|open|left|on D|D|then|this|next|before|after|in the|at T|for (?:D|then|that|this|P)|around|P)",
        r"n't (?:have|got|see) anything (?:else )?(?:free|available|open|left|on D|before|after|then|this|next|until|in the|at|for|D|P)|n't have (?:any |the )?(?:room|space|capacity)\b|\bbooked (?:all|the whole|for the (?:day|week|month))|\bout of (?:slots|appointments|times|space)\b|\bnothing$|\bnone left\b|\bn't (?:have|got) anything$",
        r"(?:[DTP]|\bslots?|\btimes?|\bthat|\bit|\bday|\bspots?|\bone|\beverything|^1\d|^\d)\b.{0,20}(?:'s|\bis|\bare|\bwas|has|have|'ve|s) (?:\w+ )?(?:been |already |just |now |unfortunately |all )*(?:taken|gone|full|filled|unavailable|snapped up|occupied)\b",
        rf"(?:[DTP]|\bslots?|\btimes?|\bthat|\bit|\bday|\bdate|^1\d|^\d)\b.{{0,25}}(?:n't|not|no longer) (?:\w+ )?(?:{_FREE}|an option)",
        rf"(?:n't|\bnot|\bcannot) (?:\w+ )?(?:{_FREE}).{{0,25}}[DTP]",
        r"\b(?:we're|we are|calendar is|diary is|schedule is|it's|D is|P is) (?:\w+ )?(?:full|packed|slammed)\b",
        r"\b(?:can't|cannot|can not|unable to|couldn't) (?:fit|see|get|squeeze|offer|do|book|take) (?:you )?(?:in )?.{0,20}[DTP]",
        r"\bnothing (?:until|till|before)\b|\b(?:earliest|first|next) .{0,25}(?:is)? ?(?:n't|not) (?:until|before)",
    ),
    assertion(
        Proof.CANCELLED,
        rf"{_I}(?:'ve| have|'d| had)? {_ADV}(?:cancell?ed|deleted|called off|removed (?:\w+ )?(?:appointment|booking|it|that|D|T)|freed up)\b",
        rf"{_BE}{_ADV}(?:cancell?ed|called off)\b|(?:appointment|booking|reservation|slot)\b.{{0,25}}{_BE}{_ADV}(?:deleted|removed|released|freed)\b",
        r"\bcancell?ation\b.{0,15}(?:'s|is|has been|was|went) (?:\w+ )?(?:confirmed|done|complete|recorded|processed|noted|through|made)",
        r"\b(?:got|have) (?:that|it|your \w+) cancell?ed\b|^(?:and |all |now )*cancell?ed\b(?! (?:within|less|appointments?))",
        r"\b(?:off|removed from|taken off) (?:the|our) (?:calendar|books|schedule|diary)\b|\bno longer (?:have|booked|on the)\b",
    ),
    assertion(
        Proof.MOVED,
        rf"{_I}(?:'ve| have|'d| had)? {_ADV}(?:moved|rescheduled|re-?booked|changed|switched|pushed|shifted|swapped|bumped)\b(?! (?:you|your call) (?:through|over to))",
        rf"{_SUBJECT}.{{0,25}}(?:{_BE}|\bhas been |\b've been ){_ADV}(?:moved|rescheduled|re-?booked|changed|switched|pushed|shifted|swapped|bumped)\b",
        r"^(?:and |now |all )*(?:rescheduled|moved) (?:to|for|from)\b",
    ),
    assertion(
        Proof.TRANSFERRED,
        r"(?:\bi'm|\bi am|\bwe're|\bnow) (?:now |just )*(?:transferring|connecting|putting) (?:you|your call|the call)\b(?! (?:on hold|down|in\b|on the|for))",
        r"\bi(?:'ve| have)? (?:just |now )*(?:transferred|connected|put) (?:you|your call)(?: through| over| to)?\b(?! (?:down|in\b|on the|for|on hold))",
        r"(?<!can )(?<!could )(?<!to )(?<!i'll )(?<!shall i )(?<!should i )(?<!and )\blet me (?:put you through|transfer you|connect you|pass you)(?! if)",
        r"\b(?:you're|you are|you've been|you have been) (?:now |being |all |already )*(?:transferred|connected|through to|on the line)",
        r"\b(?:call|line) (?:is|has been|is being) (?:now |being )*(?:transferred|connected|forwarded)",
        r"^(?:now )?(?:transferring|connecting) you\b|^putting you (?:through|on)|\bhere(?:'s| is) (?:the doctor|dr\b|doctor)|(?:doctor|dr\.? \w+|colleague|someone) is (?:on the line|taking your call|picking up)",
        r"\bi pass you (?:to|over)\b|\bi'll hand you over now\b",
    ),
    assertion(
        Proof.MESSAGE,
        r"\bmessage\b.{0,30}(?:'s|\bis|has been|was|'s been) (?:\w+ )?(?:passed|sent|taken|recorded|delivered|noted|saved|on its way|with the)",
        rf"{_HAVE}{_ADV}(?:passed|sent|taken|left|noted|recorded|forwarded|delivered|written)(?: down)? (?:\w+ ){{0,3}}(?:message|note)\b",
        r"\bi(?:'ve| have) (?:\w+ )?(?:passed (?:it|that|this|everything) (?:on|along)|told|informed|notified|alerted|let (?:the|dr|doctor|them|him|her))",
        r"\bi(?:'ve| have) (?:\w+ )?(?:passed|forwarded|sent) (?:on |along )?(?:your|the|that|this)\b",
        r"\bi'(?:ve|m) (?:noted it and will pass|passing (?:your|the|that|it|this))",
        r"\b(?:got|have) your message\b",
    ),
    assertion(
        Proof.CALL_BACK,
        r"\b(?:will|'ll|is going to|are going to) (?:\w+ )?(?:call|ring|phone|get back to|contact|reach out to|be in touch)(?: with)?(?: you)?(?: back)?\b(?<!i'll call)(?! (?:the|an ambulance|up))",
        r"\bexpect (?:a|their|our|his|her) (?:call|callback)\b",
    ),
    assertion(
        Proof.ACT,
        rf"{_I}(?:'ve| have|'d| had| just|'ve just)? {_ADV}{_BOOK}",
        rf"{_I}(?:'ve| have|'d| had)? {_ADV}(?:made|created|added|placed|put|arranged|set up|confirmed|set|saved|finali[sz]ed|entered|fixed|completed) (?:\w+ ){{0,3}}(?:appointment|booking|reservation|slot|you (?:down|in|on)|it (?:in|down|on)|T|D)",
        rf"{_I}(?:'ve| have|'d| had)? {_ADV}(?:got|have|had|put|marked|written|wrote|noted|jotted|signed|slotted|pencill?ed|popped|fitted|squeezed) (?:you|that|it|him|her|them|your \w+)(?: all)? (?:down|in|booked|set|scheduled|confirmed|reserved|up|on (?:the|our)|sorted|(?:for|at|on) [DT])\b",
        r"\bgot you (?:down|in|booked|set|scheduled|all)\b|^(?:have|had) you down\b",
        rf"\b(?:you're|you are|you've been|you have been|you were) {_ADV}(?:{_BOOK}|confirmed|in for|in at|down (?:for|at|on)|set(?! on)|good to go|expected|on the (?:schedule|books|list|calendar)|in the (?:book|diary|calendar|system|schedule)|sorted|locked)",
        rf"\b(?:it's|it is|that's|that is|everything's|everything is|that's everything|this is|all) {_ADV}(?:{_BOOK}|confirmed\b|in the (?:calendar|diary|book)|on the (?:calendar|books|schedule)|locked in)",
        r"^(?:and |ok |okay |great |perfect |all )*(?:booked|reserved|scheduled)(?: (?:in|you))?(?: (?:for|on|at|in|you)|$)(?! (?:services|customers))",
        r"^(?:so |ok |then )?(?:D(?: P)?|T)(?: (?:at T|on D|P))? it is\b",
        r"^confirmed(?:$| (?:for|on|at))",
        r"\b(?:booking|reservation|appointment) (?:is |has been |was )?(?:now |just )?(?:complete|completed|done|successful|made|went through|gone through|through)\b",
        r"\bsecured (?:you|your|that|the)",
    ),
    assertion(
        Proof.STATE,
        rf"\b{_SUBJECT}\b.{{0,40}}(?:\bis|'s|\bhas been|\bwas|\bare|'re|\bwill be|\bremains) {_ADV}(?:{_BOOK}|{_SET})(?! (?:to|on) (?:be|your))",
        rf"^(?:is|are|has been|was) {_ADV}(?:{_BOOK}|confirmed\b|set for\b)",
        r"\byou(?:'ve| have|'ve got| have got| now have| do have)(?: got| now| already)? (?:an|your|a|the) (?:\w+ )?(?:appointment|booking|reservation)",
        r"\b(?:see|seeing|expect|expecting|meet|await) you (?:then |again |all |here |back |both )*(?:\w+ )?(?:on |at |this |the |next |in )*(?:[DTP])",
        r"\bsee you then\b|\blook(?:ing)? forward to (?:seeing|meeting|welcoming) you .{0,12}[DT]|^(?:so |and )?(?:until|till) D\b(?: P)?(?: at T)?(?: then)?$",
        r"\b(?:doctor|dr\.? \w+|he|she|we|they|team) (?:will|'ll) (?:see|be expecting|be waiting for|expect|welcome) you\b.{0,12}[DT]",
        r"\bi(?:'ve)? found (?:your|an) (?:\w+ )?(?:appointment|booking|reservation)\b|\byour (?:\w+ )?(?:appointment|booking|reservation)(?: time)? (?:is|'s) (?:for |on |at |still |now )*[DT]",
    ),
    assertion(
        Proof.PROMISE,
        r"\b(?:you'll|you will|you should) (?:\w+ )?(?:receive|get|have) .{0,25}(?:confirmation|reminder|text|sms|email|e-mail|invite|invitation)",
        r"\b(?:confirmation|reminder|text|email|e-mail|invit\w+)\b.{0,25}(?:on its way|has been sent|is being sent|was sent|will (?:be sent|follow|arrive|come))",
        r"\bi(?:'ve| have|'m|'ll| will|'ll be)? (?:just |also )?(?:send|sent|sending|emailed|texted) (?:you )?(?:a|an|the|your) (?:\w+ )?(?:confirmation|text|email|invite|invitation|reminder)",
    ),
    assertion(
        Proof.DONE,
        r"\b(?:you're|you are) all (?:set|done|good|sorted|booked)\b|^all (?:set|done|sorted|good to go|booked)\b|^(?:and |ok |okay |great |perfect )*(?:done|sorted)\b(?! with)",
        r"\b(?:it's|it is|that's|that is|that's all|it's all|everything's|everything is) (?:all |now |been |just )*(?:done|taken care of|sorted|set|settled|arranged|in place|good to go|handled)\b(?! (?:for|by|at|in|through|with|online))",
        r"\bconsider it done\b|\bi(?:'ve| have) (?:\w+ )?(?:taken care of|sorted|handled) (?:it|that|everything|your)",
    ),
    assertion(
        Proof.DOING,
        r"\b(?:i'm|i am|we're) (?:now |just )*(?:booking|reserving|scheduling|putting|confirming|pencill?ing|marking|slotting|setting|holding|locking) (?:you|that|it|your|the|an|a|in|T|D)\b(?! (?:on hold|through))",
        r"(?:^|\bso |\bok |\bthen )(?:booking|putting|pencill?ing) you (?:in|down)\b|\bi (?:book|confirm|schedule|reserve) (?:you|your|it|that|T|D)\b",
        r"\bi(?:'ll| will) (?:book|put|pencil|mark|see|reserve|confirm|schedule|get|have) (?:you|your|that|it) (?:\w+ )?(?:down |in |booked |up )*(?:for |at |on |in )*[DT]",
    ),
    assertion(
        Proof.MOVING,
        r"\b(?:i'm|i am|we're) (?:now |just )*(?:moving|rescheduling|changing|switching|pushing) (?:you|your|that|it|the)",
    ),
    assertion(Proof.CANCELLING, r"\b(?:i'm|i am|we're) (?:now |just )*cancell?ing\b|\bi cancel\b"),
    assertion(
        Proof.NOTED,
        r"\b(?:noted|got (?:it|that)|that's (?:it|fine|good|great|perfect)|it's noted|i've noted|got that down|made a note)\b",
    ),
    assertion(
        Proof.OFFER,
        rf"(?:\bthere(?:'s| is| are| were)|\b(?:i|we)(?:'ve got|'ve| have| do have| can see| found| still have| also have| could have)) (?:\w+ ){{0,3}}?(?:{_SLOTS})(?! (?:to (?:talk|help|answer|chat)|for (?:a (?:quick )?(?:question|chat))|of (?:day|year|the year)|booked|under))(?! (?:on file|in your name))"
        r"(?<!no time)(?<!parking space)(?<!parking spaces)(?<!parking spot)(?<!your appointment)(?<!waiting room)",
        rf"(?:[DTP]|\bslot|\bspot|\bthat|\bit|\bday|\btime|\bdoctor \w+|\bdr\.? \w+|\bhe|\bshe)\b(?: .{{0,25}})?(?:'s|\bis|\bare|'re|\bwill be|\blooks) (?:\w+ )?(?:still )?(?:{_FREE})(?! (?:to|of|for (?:calls|questions)))",
        rf"^(?:is|are) (?:still )?{_FREE}",
        r"(?:T|\bslot|\bspot|\btime)\b.{0,15}(?:'s|\bis|\bare) (?:\w+ )?open\b",
        r"\b(?:yes|sure|great|ok|okay)?,? ?(?:[DT]).{0,20}\b(?:works|is fine|is good|is perfect|is doable|is ok|is okay|sounds good|no problem|would work|will work)(?! (?:for you|best for you|better for you))",
        r"\b(?:i|we) (?:can|could|'d be able to|am able to|are able to) (?:also |still |certainly |definitely )*(?:offer|do|give|fit|see|squeeze|get|take|have|book|put|schedule|pencil) (?:you )?.{0,25}[DTP]",
        r"\b(?:i|we)(?:'ve got|'ve| have| do have| got| still have| also have| only have) (?:\w+ )?(?:on |at |either |only |for |the )*[TD]\b",
        r"\bthere(?:'s| is| are) (?:also |still |only |one |1 )*(?:at |on )?[TD]|\bhow about .{0,6}D at T|\bwhat about .{0,6}D at T",
        r"\b(?:next|first|earliest) (?:free |available |possible )*(?:slot|opening|availability|free time|available time|time available|time free|appointment available)\b|\b(?:next|first|earliest) (?:free|available) (?:time|appointment|one)\b",
        r"\b(?:plenty of|lots of|some|a few|several) (?:availability|openings|slots|times|space)",
    ),
)

VOCABULARY = Vocabulary(
    tag=tag,
    assertions=ASSERTIONS,
    courtesies=re.compile(
        r"\b(?:no (?:problem|worries)(?: at all)?|not a problem|not at all|don't worry|if you (?:like|please|don't mind|wish)|as soon as (?:possible|(?:we|they|i) can)|if needed|if you need to|anything else|any time(?! (?:on|before|after|at))|at the moment|right now)\b"
    ),
    conditions=re.compile(
        r"\b(?:if|once|when|whenever|as soon as|what|which|until(?! D)|till(?! D)|unless|whether|before(?! D)|so that|in case|provided|make sure|making sure|to have|to get|to be|can have|could have|can get|like me to|want me to|wish me to|"
        r"would be|might be|may be|could be|can be|should be|needs? to be|has to be|have to be|going to be|yet to be)\b"
    ),
    negations=re.compile(
        r"\b(?:can't say|cannot say|not say|haven't|hasn't|hadn't|isn't|aren't|wasn't|not yet|never|not been|not|nothing|no (?:appointment|booking|reservation)|nobody|none of|doesn't mean)\b"
    ),
    conditions_after=re.compile(
        r"^ ?(?:only |right )*(?:once|when|as soon as|after you|if|until you|unless)\b(?<!if you need)"
    ),
    offers_help=re.compile(
        r"\b(?:would you like|shall|should i|can i|could i|i can|i could|we can|may i|do you want|if you|so (?:that )?(?:they|the|someone|he|she)|leave (?:a|your)|let me take|happy to)\b"
    ),
    under_way=re.compile(
        r"\b(?:(?:1|a) (?:moment|second|sec|minute)|just a (?:moment|second|sec|minute)|bear with me|hold on|hang on|give me|right away|hold the line|while i)\b"
    ),
    echoes=re.compile(
        r"\b(?:you'd (?:like|prefer|want)|you would (?:like|prefer)|you(?:'re| are| were) (?:looking|asking|after|thinking|hoping)|you (?:want|wanted|said|say|asked|mentioned|mean|meant|prefer|need|requested|suggested|told))\b"
        r"|\bdid you (?:say|mean|want)\b|\bdo you mean\b|\bif i understand\b|\bi (?:understand|heard)\b"
        r"|\b(?:let me|i'll|i will|i'm|i am|i can|can i|shall i|i need to|going to|to|should i|like me to|want me to|just|me|i) (?:just |quickly |now )*(?:check|see if|see what|see whether|look|looking|checking|find|search|try|ask|have a look|take a look|verify|pull up)\b"
        r"|\b(?:1|a) (?:moment|second|sec|minute)\b|\bbear with me\b|\bhold on\b|\b(?:earlier|later|before or after|morning or) (?:than|T)\b|\bbefore or after\b"
    ),
    hours=re.compile(
        r"\b(?:open|opens|opening (?:hours|times)|opened|reopens?|clos\w+|hours|lunch break|shut)\b|\bfrom T (?:to|until|till|through) T|\bbetween T and T|^T (?:to|until|till) T|\buntil T"
    ),
    clock_now=re.compile(
        r"\b(?:it's|it is|the time is) (?:currently|now|already|almost|nearly|just) T|\bit's T now|\bthe time is T"
    ),
    verbs=re.compile(
        r"\b(?:i|i'm|i've|i'll|i'd|we|we're|we've|we'll|you|you're|you've|you'll|you'd|he|she|it|it's|that's|there|there's|is|are|was|were|will|would|can|could|shall|should|do|does|did|has|have|let|please|thank|thanks|how|what|which|when|where|who|leave)\b"
    ),
    splits=re.compile(
        r"\s*[,;:!?…()]+\s*|\.+(?:\s+|$)|\s+(?:but|so|then|because|since|although)\s+(?=i\b|i'|we\b|we'|you\b|you'|he\b|she\b|it\b|it's|that|there|your |the )|\s+and\s+(?=i\b|i'|we\b|we'|you\b|you'|it's|it is|your |that's|there)|\s+-\s+"
    ),
    tags=re.compile(r"\b(?:ok|okay|right|all right|alright|yeah|correct|good)$"),
    leaning=re.compile(
        r"anything else|something else|does (?:that|this|it)|\bsuits?\b|\bwork(?:s)? for you|is that (?:ok|okay|right|good|fine|correct|all)|\bwhich (?:one|of|would|do)|sound (?:good|ok|okay)|would (?:that|it|this)|what else|further|how about that"
    ),
    booking_words=re.compile(r"\b(?:appointment|booking|reservation|slot|booked)\b"),
    marks=re.compile(
        r"\b(?:i|i'm|i've|i'll|you|you're|your|the|is|are|for|and|have|with|at|it's|that|we|we're|to|of|appointment|can|thank|thanks|hello|what|let)\b"
    ),
    replacements={
        ClaimKind.BOOKED: (
            "One moment, I'm checking the calendar.",
            "Let me check the calendar for you.",
            "Just a second, I'm looking at the calendar.",
            "I'd like to check the calendar before I answer that.",
        ),
        ClaimKind.TRANSFERRED: (
            "Let me see if somebody can answer you.",
            "One moment, let me see who can answer you.",
        ),
        ClaimKind.MESSAGE_TAKEN: (
            "I can take a message for the team if you like.",
            "If you like, I can take a message.",
        ),
        ClaimKind.OPENING_HOURS: ("Let me check our hours.", "One moment, I'm checking our hours."),
    },
)
