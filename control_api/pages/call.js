// One call: microphone, LiveKit's room, who speaks and what is said, until somebody hangs up. Tells through events:
// "change" (state, doing, muted, speaking), "said" (a piece of transcript), "locked" (the browser wants a click before it
// plays sound), "over" (why). Nothing of it is shown here.

const ASSISTANT_COMES_MS = 20_000;
const ANOTHER_COMES_MS = 8_000; // LiveKit takes 20 s to see that one is gone: who is to come has come by then
const CONNECTS_MS = 12_000;
const TOPIC = "lk.transcription";

// What went wrong, and what to do about it.
export class CallProblem extends Error {
  constructor(text, advice) {
    super(text);
    this.advice = advice;
  }
}

const MICROPHONE_PROBLEMS = {
  NotAllowedError: ["The microphone is blocked for this page.", "Allow it by the sign beside the address, then call again."],
  NotFoundError: ["No microphone was found.", "Plug one in, or choose one in your system's settings, then call again."],
  NotReadableError: ["The microphone is in use.", "Close the other program or tab that has it, then call again."],
};

export async function openMicrophone() {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    throw new CallProblem("A browser gives its microphone to secure pages only.", "Open this page by https, or on localhost.");
  }
  if (!window.LivekitClient) {
    throw new CallProblem("The server has no livekit-client to make calls with.", "Its operator runs npm ci and starts it again.");
  }
  try {
    return await LivekitClient.createLocalAudioTrack({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
  } catch (error) {
    const known = MICROPHONE_PROBLEMS[error?.name];
    throw new CallProblem(...(known || ["The microphone could not be opened.", String(error?.message || error)]));
  }
}

export class Call extends EventTarget {
  state = "connecting"; // connecting, waiting, talking, missing, reconnecting, over
  doing = ""; // the assistant: listening, thinking, speaking
  muted = false;
  speaking = { assistant: false, you: false };

  #room;
  #microphone;
  #language;
  #meters = {};
  #sounds = [];
  #patience;
  #why = null;

  constructor(microphone, language) {
    super();
    this.#microphone = microphone;
    this.#language = language;
    this.#room = new LivekitClient.Room({ disconnectOnPageLeave: true });
  }

  // Throws CallProblem where there is no way to the room; a call that ends later tells so by "over".
  async connect(url, token) {
    this.#listen();
    this.#meter("you", this.#microphone);
    try {
      await this.#room.connect(url, token, {
        maxRetries: 1, websocketTimeout: CONNECTS_MS, peerConnectionTimeout: CONNECTS_MS,
      });
      await this.#room.localParticipant.publishTrack(this.#microphone, { source: LivekitClient.Track.Source.Microphone });
    } catch (error) {
      const hungUp = this.#why === "you";
      this.#why ??= "failed";
      await this.#end();
      if (hungUp) return;
      throw new CallProblem(
        `LiveKit can't be reached at ${url}.`,
        `Is it running, and open to this browser? Calls need WebSockets and UDP. (${error?.message || error})`,
      );
    }
    if (this.state === "connecting") this.#change({ state: "waiting" });
    this.#wait("nobody", ASSISTANT_COMES_MS);
    this.#greetIfThere();
  }

  async hangUp() {
    this.#why ??= "you";
    await this.#room.disconnect();
    await this.#end();
  }

  async setMuted(muted) {
    await (muted ? this.#microphone.mute() : this.#microphone.unmute());
    this.#change({ muted });
  }

  async unlock() {
    await this.#room.startAudio();
  }

  // 0 to 1, to be drawn as often as wanted.
  level(who) {
    return this.#meters[who] ? Math.min(1, this.#meters[who].calculateVolume() * 2) : 0;
  }

  #listen() {
    const { RoomEvent } = LivekitClient;
    const room = this.#room;
    room.registerTextStreamHandler(TOPIC, (reader, from) => this.#read(reader, from));
    room.on(RoomEvent.TrackSubscribed, (track) => this.#hear(track));
    room.on(RoomEvent.ParticipantConnected, () => this.#greetIfThere());
    room.on(RoomEvent.ParticipantDisconnected, () => this.#missIfGone());
    room.on(RoomEvent.ParticipantAttributesChanged, () => this.#lookAtAssistant());
    room.on(RoomEvent.ActiveSpeakersChanged, (speakers) => {
      const you = speakers.some((one) => one.isLocal);
      this.#change({ speaking: { you, assistant: speakers.some((one) => !one.isLocal) } });
    });
    room.on(RoomEvent.AudioPlaybackStatusChanged, () => {
      this.dispatchEvent(new CustomEvent("locked", { detail: !room.canPlaybackAudio }));
    });
    room.on(RoomEvent.Reconnecting, () => this.#change({ state: "reconnecting" }));
    room.on(RoomEvent.Reconnected, () => this.#change({ state: "talking" }));
    room.on(RoomEvent.Disconnected, (reason) => {
      const { DisconnectReason } = LivekitClient;
      const theirs = [DisconnectReason.ROOM_DELETED, DisconnectReason.ROOM_CLOSED, DisconnectReason.PARTICIPANT_REMOVED];
      this.#why ??= theirs.includes(reason) ? "assistant" : "lost";
      this.#end();
    });
  }

  get #assistant() {
    return [...this.#room.remoteParticipants.values()][0];
  }

  #greetIfThere() {
    if (this.#assistant && (this.state === "waiting" || this.state === "missing")) {
      clearTimeout(this.#patience);
      this.#change({ state: "talking" });
    }
    this.#lookAtAssistant();
  }

  // Its process was killed: another may be on its way.
  #missIfGone() {
    if (!this.#assistant && this.state === "talking") {
      this.#change({ state: "missing" });
      this.#wait("gone", ANOTHER_COMES_MS);
    }
    this.#lookAtAssistant();
  }

  #lookAtAssistant() {
    this.#change({ doing: this.#assistant?.attributes["lk.agent.state"] || "" });
  }

  #hear(track) {
    if (track.kind !== LivekitClient.Track.Kind.Audio) return;
    const element = track.attach();
    element.hidden = true;
    document.body.append(element);
    this.#sounds.push(element);
    this.#meter("assistant", track);
  }

  #meter(who, track) {
    try {
      this.#meters[who]?.cleanup();
      this.#meters[who] = LivekitClient.createAudioAnalyser(track, {
        smoothingTimeConstant: 0.5, minDecibels: -85, maxDecibels: -35,
      });
    } catch {
      delete this.#meters[who]; // a browser without Web Audio: no level is shown
    }
  }

  // The assistant's words come as one stream that grows; the caller's as a stream for each state of the recogniser's mind.
  async #read(reader, from) {
    const attributes = reader.info.attributes || {};
    const speaker = from.identity === this.#room.localParticipant.identity ? "you" : "assistant";
    const id = `${speaker}:${attributes["lk.segment_id"] || reader.info.id}`;
    const tell = (text, final) => {
      const detail = { id, speaker, text, final, language: this.#language };
      this.dispatchEvent(new CustomEvent("said", { detail }));
    };
    let text = "";
    try {
      for await (const piece of reader) {
        text += piece;
        tell(text, false);
      }
    } catch {
      return tell(text, true); // the call ended in the middle of it: what came is all there is
    }
    const ended = (reader.info.attributes || {})["lk.transcription_final"];
    tell(text, speaker === "assistant" || ended === "true");
  }

  #wait(why, ms) {
    this.#patience = setTimeout(async () => {
      this.#why ??= why;
      await this.#room.disconnect();
      await this.#end();
    }, ms);
  }

  #change(changes) {
    if (this.state === "over") return;
    Object.assign(this, changes);
    this.dispatchEvent(new Event("change"));
  }

  async #end() {
    if (this.state === "over") return;
    clearTimeout(this.#patience);
    this.#change({ state: "over", speaking: { assistant: false, you: false }, doing: "" });
    for (const meter of Object.values(this.#meters)) meter.cleanup();
    this.#meters = {};
    this.#microphone.stop();
    for (const element of this.#sounds) element.remove();
    this.dispatchEvent(new CustomEvent("over", { detail: this.#why }));
  }
}
