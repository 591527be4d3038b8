// The API as this page uses it. Every request has a deadline; a refusal is an ApiProblem with words for a person.

const DEADLINE_MS = 15_000;

export class ApiProblem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The API answered ${status}.`);
    this.status = status;
    this.code = String(problem.type || "").replace("urn:ava:problem:", "");
    this.advice = (problem.errors || []).map((e) => `${e.pointer}: ${e.reason}. ${e.advice || ""}`).join(" ");
  }
}

export class Unreachable extends Error {}

export class Api {
  #token;

  constructor(token) {
    this.#token = token;
  }

  get(path) {
    return this.#ask("GET", path);
  }

  // The key is made once per intention: a request whose answer was lost is sent again and makes one call.
  async create(path, body, key) {
    try {
      return await this.#ask("POST", path, body, { "Idempotency-Key": key });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      return this.#ask("POST", path, body, { "Idempotency-Key": key });
    }
  }

  async assistants() {
    const found = [];
    let cursor = null;
    do {
      const page = await this.get(`/v1/assistants?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      found.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return found;
  }

  async #ask(method, path, body, headers = {}) {
    let answer;
    try {
      answer = await fetch(path, {
        method,
        headers: {
          Authorization: `Bearer ${this.#token}`,
          ...(body ? { "Content-Type": "application/json" } : {}),
          ...headers,
        },
        body: body ? JSON.stringify(body) : undefined,
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
    } catch {
      throw new Unreachable("The API can't be reached.");
    }
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new ApiProblem(answer.status, said);
    return said;
  }
}
