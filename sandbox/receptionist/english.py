"""What the scripted receptionist understands and says in English. Data only."""

import re

from sandbox.receptionist.lexicon import Lexicon, compiled

_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_WEEKDAY = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_ORDINAL = (
    r"(?:\d{1,2}(?:st|nd|rd|th)?|(?:twenty|thirty) (?:first|second|third|fourth|fifth|sixth|seventh|eighth"
    r"|ninth)|first|second"
    r"|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth"
    r"|seventeenth|eighteenth|nineteenth|twentieth|thirtieth)"
)

LEXICON = Lexicon(
    language="en",
    intents=compiled(
        {
            "urgent": r"\burgent|\bemergency|\bbleeding|(?:terrible|unbearable|awful|severe) pain|\baccident\b"
            r"|\bswollen",
            "person": r"(?:speak|talk) (?:to|with) (?:someone|a person|a human|somebody|the doctor|the manager"
            r"|an agent|a real)"
            r"|real person|put me through|transfer me|\ba human\b",
            "cancel": r"\bcancel",
            "reschedule": r"\breschedul|\b(?:move|change|postpone|push back|bring forward) (?:my|the"
            r"|an) (?:\w+ )?(?:appointment|booking)",
            "message": r"(?:leave|take|pass on) (?:a|him a|her a) message|call me back|ring me back",
            "hours": r"\bopen\b|\bopening\b|\bclosed?\b|\bhours\b",
            "faq": r"how much|\bprices?\b|\bcosts?\b|\baddress\b|where are you|\blocated\b"
            r"|\bpark(?:ing)?\b(?! lane)|\bpay\b|\bpayment"
            r"|\bcredit card|\binsurance|\bbring\b|\baccessible|\bwheelchair|\bdirections\b|\bdeliver|\brefund",
            "book": r"\bappointment\b|\bbook\b|\bbooking\b|\bavailab|\bslot\b|\bcheck ?up\b|come in\b"
            r"|see the (?:doctor|dentist)"
            r"|squeeze me in|fit me in",
            "goodbye": r"\bgood ?bye\b|\bbye\b|have a (?:nice|good) (?:day|one|evening)|see you|hang up",
            "all_done": r"that's all|that is all|that's it|that'll be all|nothing else|i'm good|i'm all set|no more",
            "thanks": r"\bthank|\bcheers\b",
            "hello": r"\bhello\b|\bhi\b|\bgood (?:morning|afternoon|evening)\b(?!.*\bappointment)|are you there"
            r"|can you hear me",
            "wait": r"hold on|one (?:second|moment)|just a (?:second|moment|minute)|let me (?:see|check|think)"
            r"|\bhmm+\b",
            "question": r"\?|^(?:um |so |and |hello |hi )*(?:what|when|where|which|how|why|do you|are you|can i"
            r"|could i|is there|is it|does)\b",
            "yes": r"\byes\b|\byeah\b|\byep\b|\bsure\b|\bok(?:ay)?\b|that's (?:right|correct|fine|perfect|great"
            r"|good)|\bperfect\b|\bcorrect\b"
            r"|\bexactly\b|sounds (?:good|great)|\bplease\b|go ahead|works for me|i confirm|\bof course\b",
            "no": r"\bno\b|\bnope\b|\bnot\b (?!sure)|that's wrong|\bdon't\b|\bneither\b|none of",
            "any_day": r"as soon as possible|\bearliest\b|\bsoonest\b|any day|whenever|first (?:available|free)",
            "any_part": r"any ?time|doesn't matter|don't mind",
        }
    ),
    asked=compiled(
        {
            "name": r"(?:your|what) (?:full )?name|which name|\bspell",
            "day": r"(?:which|what)(?: other)? day|what date|\bwhen would",
            "slot": r"what time|which (?:time|one|would)|suits? you|would you prefer|works? for you|would you like\?$",
            "confirm": r"that right|is that correct|shall i (?:confirm|book|go ahead|move)|do you confirm|cancel it\?",
            "change": r"like to change|should i (?:change|correct)",
            "message_offer": r"(?:leave|take|pass on) a message|team call you back\?",
            "reason": r"what is (?:your|the) message|what is it about|what(?:'s| is) the reason"
            r"|what should i (?:note|pass on)",
            "number": r"(?:what|which) (?:is the )?number|your (?:phone )?number",
            "proof": r"(?:e mail|phone)[^.]*(?:booking|appointment|booked|gave)",
            "booking_offer": r"like (?:to book )?an appointment",
            "earliest_offer": r"first (?:possible|available) appointment|earliest appointment",
            "anything_else": r"anything else",
            "which_booking": r"which (?:appointment|booking)",
        }
    ),
    day=re.compile(
        rf"\b(?:(?:this |next )?{_WEEKDAY}(?: next week| week)?(?:,? (?:the )?{_ORDINAL}(?: of {_MONTH})?)?"
        rf"|(?:the )?{_ORDINAL} (?:of )?{_MONTH}(?: \d{{4}})?|{_MONTH} (?:the )?{_ORDINAL}(?: \d{{4}})?"
        rf"|the \d{{1,2}}(?:st|nd|rd|th)"
        rf"|the day after tomorrow|tomorrow|today|tonight|this (?:morning|afternoon|evening)|next week"
        rf"|this week|next month"
        rf"|the weekend|this weekend|in (?:a|\w+) (?:days?|weeks?)|christmas(?: day| eve)?|boxing day"
        rf"|new year's(?: day| eve)?"
        rf"|good friday|easter(?: sunday| monday)?|thanksgiving|memorial day|labor day|independence day"
        rf"|bank holiday)\b"
    ),
    day_of_existing=re.compile(
        rf"(?:(?:appointment|booking) (?:on|for|from) |(?:my|from) )(?:{_WEEKDAY}|tomorrow"
        rf"|{_ORDINAL})[\w ]*?(?=$|[,.?!]| to )"
    ),
    part=re.compile(r"\b(?:early |late |mid )?(?:morning|afternoon|evening)\b|\blunch ?time\b"),
    morning=re.compile(r"\bmorning|\ba\.?m\b"),
    afternoon=re.compile(r"\bafternoon|\bevening|\bp\.?m\b"),
    afternoon_word="afternoon",
    morning_word="morning",
    today_word="today",
    or_word="or",
    ordinals=(
        (re.compile(r"\b(?:first|1st)\b"), 0),
        (re.compile(r"\b(?:second|2nd)\b(?! please wait)"), 1),
        (re.compile(r"\b(?:third|3rd)\b"), 2),
        (re.compile(r"\bfourth\b"), 3),
        (re.compile(r"\blast\b"), -1),
    ),
    name_intro=re.compile(
        r"my name is|my name's|i'm called|the name is|name's|i am (?=mister|mrs|mr|miss|ms)|this is (?=mr|mrs"
        r"|miss|ms)"
    ),
    name_noise=frozenset(
        "my name is name's it's it its i'm i am this the that's thats that spelled spelt um uh er yes yeah so well "
        "please of for as in like sure ok okay under hello hi thanks thank you no not and mister mr mrs miss ms "
        "s m a an hmm "
        "right perfect great good first last surname hold on".split()
    ),
    reason_lead=re.compile(
        r"^.*?(?:leave|take|pass on) (?:a|him a|her a) message(?: (?:saying|to say|that|for \w+))*(?: that)? ?"
        r"|^(?:yes|yeah|sure|ok|okay|um|well|please|tell (?:him|her|them)(?: that)?)[ ,.]*"
    ),
    common=frozenset(
        "the i you is are to a an for and would like what do my it on of hello thanks please have can at in "
        "your that no yes".split()
    ),
    says={
        "greet": ("Hello, how can I help you?",),
        "listen": ("I'm listening.", "Yes, go on."),
        "here": ("Yes, I can hear you. How can I help you?",),
        "repeat": (
            "Sorry, I didn't catch that. Could you say it again?",
            "I'm sorry, the line is not very clear. What would you like to do?",
            "Sorry, I don't follow. Is it about an appointment, or do you have a question?",
            "I can't hear you well. Could you put it another way, please?",
        ),
        "wait": ("Take your time.", "I'll stay on the line."),
        "ask_day": ("Of course. Which day would you like?", "For which day?"),
        "ask_new_day": ("All right. Which other day would you like?", "Which day would be better?"),
        "ask_slot": ("Which one suits you?",),
        "not_offered": ("I don't have that time. I have {offers}. Which one suits you?",),
        "ask_name": ("Very good. What name is it, please? You can spell it.",),
        "ask_name_again": ("I didn't quite get your name. Could you spell it, letter by letter?",),
        "confirm_again": ("So, shall I confirm this appointment?",),
        "ask_change": ("All right. What would you like to change: the day, the time or the name?",),
        "offer_message": ("Would you like to leave a message?",),
        "ask_reason": ("Of course. What is your message about?", "What is the reason for your call?"),
        "ask_caller": ("Noted. And what is your name?",),
        "ask_number": ("What is the number to call you back on?",),
        "anything_else": ("Is there anything else I can do for you?", "Do you need anything else?"),
        "welcome": ("You're welcome.",),
        "farewell": ("Thank you for calling, goodbye!",),
        "still_there": ("Are you still there?", "Hello, can you hear me?"),
        "no_booking": ("I can't make appointments myself.",),
        "no_person": ("I can't put you through right now.",),
        "confirm_cancel": ("Shall I cancel it?",),
        "which_booking": ("Which appointment is it?",),
        "confirm_move": ("Shall I move your appointment to {slot}?",),
        "kept": ("Very well, nothing is changed.",),
        "no_booking_made": ("All right, nothing is booked.",),
        "trouble": ("I'm sorry, I can't check that at the moment.",),
        "unknown": ("I don't have that information.",),
        "offer_booking": ("Would you like an appointment?",),
        "offer_earliest": ("Would you like the first possible appointment?",),
        "ask_identity": ("All right. Which name is the appointment under?",),
        "ask_proof": ("Could you give me the e-mail or the phone number you gave for the booking?",),
        "urgent": ("I understand that it is urgent.",),
        "danger": ("If anyone is in danger, call {number}.",),
    },
)
