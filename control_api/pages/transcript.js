// What is said, as a list of turns. Segments arrive in pieces and are told apart by their id; neighbours of one speaker are
// one turn.

export class Transcript {
  #list;
  #segments = new Map();
  #onFirst;
  #announcer;

  constructor(list, announcer, onFirst) {
    this.#list = list;
    this.#announcer = announcer;
    this.#onFirst = onFirst;
  }

  clear() {
    this.#list.replaceChildren();
    this.#announcer.replaceChildren();
    this.#segments.clear();
  }

  // `text` is the whole segment so far. A segment that ends with nothing in it never was.
  show({ id, speaker, text, final, language }) {
    const words = text.trim();
    let span = this.#segments.get(id);
    if (span?.dataset.final === "true" && !final) return;
    if (!words) {
      if (final && span) this.#drop(id, span);
      return;
    }
    const atEnd = this.#isAtEnd();
    if (!span) {
      span = document.createElement("span");
      this.#segments.set(id, span);
      this.#turnOf(speaker, language).querySelector("p").append(span, " ");
      this.#onFirst();
    }
    span.textContent = words;
    const was = span.dataset.final;
    span.dataset.final = String(final);
    if (final && was !== "true") this.#announce(speaker, words, language);
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #turnOf(speaker, language) {
    const last = this.#list.lastElementChild;
    if (last && last.dataset.speaker === speaker) return last;
    const turn = document.createElement("li");
    turn.dataset.speaker = speaker;
    const who = document.createElement("b");
    who.textContent = speaker === "you" ? "You" : "AVA";
    const words = document.createElement("p");
    words.dir = "auto";
    words.lang = language;
    turn.append(who, words);
    this.#list.append(turn);
    return turn;
  }

  #drop(id, span) {
    const turn = span.closest("li");
    span.remove();
    this.#segments.delete(id);
    if (!turn.querySelector("span")) turn.remove();
  }

  #announce(speaker, words, language) {
    const line = document.createElement("p");
    line.lang = language;
    line.textContent = `${speaker === "you" ? "You" : "AVA"}: ${words}`;
    this.#announcer.append(line);
    while (this.#announcer.childElementCount > 20) this.#announcer.firstElementChild.remove();
  }

  #isAtEnd() {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 48;
  }
}
