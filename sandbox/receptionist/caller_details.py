"""A caller's name (said, spelled, or both), telephone number and e-mail in what was heard."""

import difflib
import re

from sandbox.receptionist.lexicon import Lexicon
from sandbox.receptionist.words import fold, tokens

_MAX_NAME_WORDS = 4
_DIGITS = re.compile(r"\+?\d(?:[ .()-]?\d){7,14}\b")
_EMAIL = re.compile(r"[\w.+-]+ ?(?:@| arobase | at )[\w-]+(?: ?(?:\.| point | dot ) ?[\w-]+)+")
_DIGIT_WORDS = frozenset(
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt trente "
    "quarante "
    "cinquante soixante et one two three four five seven eight nine oh double אפס אחת שתיים שלוש ארבע חמש שש "
    "שבע שמונה תשע".split()
)
_NUMBER_WORDS_MIN = 5
_FINAL_FORMS = str.maketrans("כמנפצ", "ךםןףץ")


def find_number(text: str) -> str | None:
    """A telephone number in digits, or in the caller's words when it was said in words; None if there is none."""
    if match := _DIGITS.search(text):
        return match.group().strip()
    run: list[str] = []
    best: list[str] = []
    for word in re.findall(r"[^\W_]+", text):
        run = [*run, word] if fold(word) in _DIGIT_WORDS or word.isdigit() else []
        best = max(best, run, key=len)
    return " ".join(best) if len(best) >= _NUMBER_WORDS_MIN else None


def detail_matches(text: str) -> list[re.Match[str]]:
    """Where numbers and e-mails stand: their digits are neither days nor times."""
    return [*_DIGITS.finditer(text), *_EMAIL.finditer(text)]


def find_email(text: str) -> str | None:
    match = _EMAIL.search(text.replace(",", " "))
    return match.group().strip(" .") if match else None


def introduced_name(text: str, lexicon: Lexicon) -> str | None:
    """The name after "my name is" and the like, up to the first word that is no name."""
    match = lexicon.name_intro.search(fold(text))
    if match is None:
        return None
    clause = re.split(r"[,.;:!?](?:\s|$)", text[match.end() :].strip(), maxsplit=1)[0]
    return name_in(clause, lexicon, stop_at_noise=True)


def name_in(text: str, lexicon: Lexicon, *, stop_at_noise: bool = False) -> str | None:
    """ "Dupont D U P O N T Jean Dupont" -> "Jean Dupont". None when no word looks like a name."""
    words, spelled = _words_and_spelling(text, lexicon, stop_at_noise)
    kept = [w for i, w in enumerate(words) if fold(w) not in {fold(later) for later in words[i + 1 :]}]
    if spelled:
        kept = _corrected(kept, spelled)
    if not kept:
        return None
    return " ".join(_capital(w) for w in kept[-_MAX_NAME_WORDS:])


def _words_and_spelling(text: str, lexicon: Lexicon, stop_at_noise: bool) -> tuple[list[str], str]:
    stop = lexicon.name_noise | lexicon.common
    words: list[str] = []
    letters: list[str] = []
    spelled = ""
    for raw in re.findall(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", text):
        single = [p for p in re.split(r"[-'’]", raw) if p]
        if all(len(p) == 1 for p in single):
            letters.extend(single)
            continue
        spelled, letters = _longer(spelled, letters), []
        noise = fold(raw) in stop or all(t in stop for t in tokens(fold(raw)))
        if noise and stop_at_noise and words:
            break
        if not noise:
            words.append(raw)
    return words, _longer(spelled, letters)


def _longer(spelled: str, letters: list[str]) -> str:
    joined = "".join(letters)
    joined = joined[:-1] + joined[-1:].translate(_FINAL_FORMS)
    return joined if len(joined) >= 2 and len(joined) > len(spelled) else spelled


def _corrected(words: list[str], spelled: str) -> list[str]:
    """The spelling wins over the word that sounds like it; alone, it is the name."""
    near = difflib.get_close_matches(fold(spelled), [fold(w) for w in words], n=1, cutoff=0.6)
    if near:
        return [spelled if fold(w) == near[0] else w for w in words]
    return [*words, spelled]


def _capital(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:].lower() for part in word.split("-"))
