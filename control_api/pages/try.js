// The page: sign in, choose, call. What is shown follows from what the API and the call say; nothing else is decided here.

import { Api, ApiProblem, Unreachable } from "/try/api.js";
import { Call, CallProblem, openMicrophone } from "/try/call.js";
import { Transcript } from "/try/transcript.js";

const KEPT = "ava-try-token"; // in this tab's storage only
const RECORD_TRIES = 12;
const RECORD_EVERY_MS = 1500;

const at = (id) => document.getElementById(id);
const sections = ["sign-in", "choose", "call"];
const transcript = new Transcript(at("transcript"), at("announcer"), () => (at("nothing-yet").hidden = true));

let api = null;
let assistants = [];
let call = null;
let dialing = false;

function show(section) {
  for (const name of sections) at(name).hidden = name !== section;
  at("sign-out").hidden = section === "sign-in";
}

function tell(error) {
  const known = error instanceof CallProblem || error instanceof ApiProblem || error instanceof Unreachable;
  at("problem-text").textContent = known ? error.message : "Something broke in this page.";
  at("problem-advice").textContent = known ? error.advice || "" : String(error?.message || error);
  at("problem").hidden = false;
  at("problem").scrollIntoView({ block: "nearest" });
}

function forgetProblem() {
  at("problem").hidden = true;
}

// signing in

function tokenFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) history.replaceState(null, "", location.pathname + location.search); // it belongs in no history
  return given;
}

async function signIn(token) {
  forgetProblem();
  const asked = new Api(token);
  try {
    assistants = await asked.assistants();
  } catch (error) {
    sessionStorage.removeItem(KEPT);
    show("sign-in");
    tell(error);
    at("token").focus();
    return;
  }
  api = asked;
  sessionStorage.setItem(KEPT, token);
  offer();
}

async function signOut() {
  await call?.hangUp();
  sessionStorage.removeItem(KEPT);
  api = null;
  transcript.clear();
  show("sign-in");
  at("token").value = "";
  at("token").focus();
}

// choosing

function offer() {
  const wanted = new URLSearchParams(location.search).get("assistant");
  at("assistant").replaceChildren(
    ...assistants.map((one) => {
      const paused = one.status === "active" ? "" : ` (${one.status})`;
      return new Option(one.name + paused, one.assistant_id, false, one.assistant_id === wanted);
    }),
  );
  if (!assistants.length) {
    tell(new CallProblem("You have no assistant yet.", "Make one with POST /v1/assistants, from a preset, then load this page again."));
  }
  describe();
  choose();
}

function choose() {
  show("choose");
  at("dial").disabled = !assistants.length;
  at("assistant").focus();
}

const chosen = () => assistants.find((one) => one.assistant_id === at("assistant").value);
const version = () => document.querySelector('input[name="version"]:checked');

function describe() {
  const one = chosen();
  const published = document.querySelector('input[value="published"]');
  const same = one && one.draft_version === one.published_version;
  at("draft-note").textContent = one ? `version ${one.draft_version}${same ? ", the same as published" : ""}` : "";
  at("published-note").textContent = one?.published_version ? `version ${one.published_version}, what callers have` : "not yet";
  published.disabled = !one?.published_version;
  if (published.disabled && published.checked) document.querySelector('input[value="draft"]').checked = true;
}

// calling

async function dial() {
  const one = chosen();
  if (!one || dialing || (call && call.state !== "over")) return;
  forgetProblem();
  dialing = true;
  at("dial").disabled = at("again").disabled = true;
  at("dial").textContent = "Calling…";
  let microphone;
  try {
    microphone = await openMicrophone();
    const key = crypto.randomUUID();
    const made = await api.create(`/v1/assistants/${one.assistant_id}/test-call`, { version: version().value }, key);
    begin(one, made, new Call(microphone, made.language));
    await call.connect(made.url, made.token);
  } catch (error) {
    microphone?.stop();
    tell(error);
    if (error instanceof ApiProblem && error.status === 401) show("sign-in");
    else if (!call || call.state === "over") choose();
  } finally {
    dialing = false;
    at("dial").disabled = at("again").disabled = false;
    at("dial").textContent = "Call";
  }
}

function begin(one, made, started) {
  call = started;
  transcript.clear();
  at("nothing-yet").hidden = false;
  at("record").hidden = true;
  const which = made.version === one.published_version ? "published" : "draft";
  at("call-title").textContent = `${one.name}, ${which} (version ${made.version})`;
  at("assistant-name").textContent = "AVA";
  for (const [id, hidden] of [["again", true], ["other", true], ["unlock", true], ["mute", false], ["hang-up", false]]) at(id).hidden = hidden;
  show("call");
  at("hang-up").focus();
  const began = performance.now();
  started.addEventListener("change", () => draw(started));
  started.addEventListener("said", (event) => transcript.show(event.detail));
  started.addEventListener("locked", (event) => (at("unlock").hidden = !event.detail));
  started.addEventListener("over", (event) => end(started, made, event.detail), { once: true });
  draw(started);
  pulse(started, began);
}

const STATES = {
  connecting: "Connecting…",
  waiting: "Ringing…",
  talking: "On the line",
  missing: "The assistant is gone, waiting for another…",
  reconnecting: "The connection is gone, trying again…",
  over: "The call is over",
};
const DOING = { listening: "is listening", thinking: "is thinking…", speaking: "is speaking", initializing: "is coming…" };

function draw(one) {
  if (at("state").textContent !== STATES[one.state]) at("state").textContent = STATES[one.state];
  at("call").dataset.state = one.state;
  at("doing").textContent = one.state === "talking" ? DOING[one.doing] || "" : "";
  at("you-doing").textContent = one.muted ? "muted" : one.speaking.you ? "speaking" : "";
  at("party-assistant").dataset.speaking = String(one.speaking.assistant);
  at("party-you").dataset.speaking = String(one.speaking.you && !one.muted);
  at("party-you").dataset.muted = String(one.muted);
  at("mute").setAttribute("aria-pressed", String(one.muted));
  at("mute").textContent = one.muted ? "Unmute" : "Mute";
}

// Levels and clock, as often as the screen is drawn.
function pulse(one, began) {
  if (one !== call || one.state === "over") return;
  const seconds = Math.floor((performance.now() - began) / 1000);
  at("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  for (const who of ["assistant", "you"]) {
    const level = who === "you" && one.muted ? 0 : one.level(who);
    at(`level-${who}`).value = level;
    at(`party-${who}`).style.setProperty("--level", level.toFixed(3));
  }
  requestAnimationFrame(() => pulse(one, began));
}

const ENDINGS = {
  you: "You hung up",
  assistant: "The assistant hung up",
  lost: "The connection was lost",
  nobody: "Nobody answered",
  gone: "The assistant is gone",
  failed: "No connection",
};

function end(one, made, why) {
  draw(one);
  at("state").textContent = ENDINGS[why];
  for (const who of ["assistant", "you"]) {
    at(`level-${who}`).value = 0;
    at(`party-${who}`).style.setProperty("--level", "0");
  }
  for (const [id, hidden] of [["again", false], ["other", false], ["unlock", true], ["mute", true], ["hang-up", true]]) at(id).hidden = hidden;
  at("again").focus();
  if (why === "nobody") {
    tell(new CallProblem("No assistant came to answer.", "Is a worker running (make agent), with the same LiveKit and AVA_AGENT_NAME?"));
  }
  if (why === "gone") {
    tell(new CallProblem("The assistant was cut off, and no other came.", "Is a worker still running (make agent)? Then call again."));
  }
  if (why === "lost") tell(new CallProblem("The connection to LiveKit was lost.", "Look at your network, then call again."));
  if (why === "you" || why === "assistant" || why === "lost" || why === "gone") readRecord(one, made);
}

// the record, as the API tells of it once the call is closed there

async function readRecord(one, made) {
  for (let tries = 0; tries < RECORD_TRIES && one === call; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, RECORD_EVERY_MS));
    let record;
    try {
      record = await api.get(`/v1/calls/${made.call_id}`);
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 403) return; // a key that may not read calls
      continue;
    }
    if (record.ended_at && record.ended_by && one === call) return showRecord(record);
  }
}

function showRecord(record) {
  const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
  const bookings = record.bookings.map((b) => `${b.action}, ${b.service_id}, ${new Date(b.starts_at).toLocaleString()}`);
  const rows = [
    ["Outcome", record.outcome.replaceAll("_", " ")],
    ["Your turns", String(record.turns)],
    record.latency_p50_ms === null ? null : ["Answers after", `${seconds(record.latency_p50_ms)} (median)`],
    bookings.length ? ["Rehearsed, in no calendar", bookings.join("; ")] : null,
    record.messages.length ? ["Messages", record.messages.map((m) => m.reason).join("; ")] : null,
    record.cost_total === null ? null : ["Cost", `${Number(record.cost_total).toFixed(4)} ${record.cost_currency}`],
    record.problems.length ? ["Problems", record.problems.map((p) => `${p.part}: ${p.code}`).join("; ")] : null,
    ["Record", `GET /v1/calls/${record.call_id}`],
  ].filter(Boolean);
  at("record").replaceChildren(
    ...rows.map(([name, value]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const words = document.createElement("dd");
      term.textContent = name;
      words.textContent = value;
      words.dir = "auto";
      row.append(term, words);
      return row;
    }),
  );
  at("record").hidden = false;
}

// what is pressed

function guarded(action) {
  return async (event) => {
    event?.preventDefault?.();
    try {
      await action(event);
    } catch (error) {
      tell(error);
    }
  };
}

at("sign-in-form").addEventListener("submit", guarded(() => signIn(at("token").value.trim())));
at("sign-out").addEventListener("click", guarded(signOut));
at("assistant").addEventListener("change", describe);
at("choose-form").addEventListener("submit", guarded(dial));
at("again").addEventListener("click", guarded(dial));
at("hang-up").addEventListener("click", guarded(() => call.hangUp()));
at("mute").addEventListener("click", guarded(() => call.setMuted(!call.muted)));
at("unlock").addEventListener("click", guarded(() => call.unlock()));
at("announce").addEventListener("change", () => at("announcer").setAttribute("aria-live", at("announce").checked ? "polite" : "off"));
at("other").addEventListener("click", choose);

const token = tokenFromAddress() || sessionStorage.getItem(KEPT);
if (token) await signIn(token);
else {
  show("sign-in");
  at("token").focus();
}
