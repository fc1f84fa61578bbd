// The panel's own types. They stand here, not in web/ui, so that browsers do not load them.

type Device = import('../../../web/ui/state.js').Device;
type Stream = import('../../../web/ui/stream.js').Stream;
type Ring = import('../../../web/ui/ring.js').Ring;
type Buckets = import('../../../web/ui/ring.js').Buckets;
type Chart = import('../../../web/ui/chart.js').Chart;
type Frame = import('../../../web/ui/frame.js').Frame;
type Refusal = import('../../../web/ui/conn.js').Refusal;
type Signal<T> = import('../../../web/ui/signals.js').Signal<T>;

type Lang = 'en' | 'fr' | 'es';
/** Texts by key: i18n/en.js, fr.js, es.js. */
type Catalogue = Record<string, string>;

/** What the box says of a request that it refuses; code is one of docs/ref/errors.md, or lost, timeout, offline. */
type Trouble = { code: string; args?: Record<string, unknown>; hint?: string; message?: string };

/** What the box says of itself; parts: what is away of it, since when (Unix ms). */
type Notice = Trouble & { parts: { part: string; since: number }[] };

/** A message of docs/ref/websocket.md. */
type Message = { op: string; [field: string]: any };

/** The connection; `ever`: it has been open since the page was loaded. */
type Link = {
  phase: 'connecting' | 'open' | 'waiting' | 'closed';
  ever: boolean;
  /** Close code of the last connection. */
  code?: number;
  /** Unix ms of the next try. */
  retryAt?: number;
};

type ConnOptions = {
  url: string;
  /** Fields of the hello message. */
  hello: () => object;
  onPush: (m: Message) => void;
  onFrames: (message: ArrayBuffer) => void;
  onPhase: (l: Link) => void;
  open?: (url: string, protocol: string) => WebSocket;
};

/** A stretch without data. */
type Gap = {
  /** Absolute index of the first sample after it. */
  before: number;
  /** Time of the last sample before it and the first after it, ms. */
  from: number;
  to: number;
  /** Samples missing, -1 where unknown. */
  lost: number;
  why: string;
};

/** The device came (up) or went, by the ring's time, ms; with a sign of its own: something else happened. */
type Mark = { t: number; up: boolean; sign?: string; tone?: string };

/** What decides whether this seat may drive a device now. */
type Situation = {
  link: Link;
  me: edge.You | null;
  /** The class lets this seat drive. */
  may: boolean;
  status: edge.Status;
  /** No samples for longer than declared, as seen here. */
  stale: boolean;
  /** The owner's heartbeat is not heard. */
  silent: boolean;
};

/** How a command went so far. */
type Outcome = {
  command: string;
  phase: 'pending' | 'confirmed' | 'sent' | 'refused' | 'unknown';
  /** Date.now() when it was given. */
  at: number;
  code?: string;
  args?: Record<string, unknown>;
  hint?: string;
  /** The device's own words. */
  reply?: string;
  tookMS?: number;
};

/** A command that is kept for the turn; `phase` once it was its turn, `skipped`: not sent. */
type Staged = { id: string; args: Record<string, edge.Value>; phase?: Outcome['phase'] | 'skipped' };

/** What `GET /api/v1/class` and the push `class` say; how much of it depends on the seat. */
type Klass = {
  open: boolean;
  title?: string;
  locked?: boolean;
  joined?: number;
  message?: string;
  hide_names?: boolean;
  may?: { drive: boolean; record: boolean; experiment: boolean; rehearse: boolean };
  seats?: { seat: string; name: string; alias?: string; role: string; connected: boolean }[];
};

/** How an emergency stop that was asked for in this tab went. */
type Stopping = { phase: 'pending' | 'done' | 'failed'; confirmed: boolean; code?: string };

/** How a device's samples are asked for. */
type Want = { max_hz?: number; mode?: string; back_ms?: number };

/** What an input for a parameter needs. */
type ParamProps = {
  d: Device;
  contract: edge.Contract;
  p: edge.Param;
  /** Unique in the page. */
  id: string;
  /** As typed. */
  text: string;
  disabled: boolean;
  /** Of the command, and its button, where this is its only parameter. */
  title?: string;
  send?: any;
  set: (text: string) => void;
};

/** One picture of a camera's stream. */
type Part = {
  jpeg: Uint8Array<ArrayBuffer>;
  /** Box's monotonic time, ms. */
  at: number;
  seq: number;
};

/** How a Player gets and shows pictures. */
type PlayerOptions = {
  /** Below api/v1/; hz 0: as many as there are. */
  path: (hz: number) => string;
  /** A picture that it cannot read is passed over. */
  decode: (p: Part) => Promise<any>;
  /** What was decoded, where it may still be seen. */
  draw: (picture: any, p: Part) => void;
  /** Asked before another try. */
  may: () => Promise<boolean>;
  get?: (path: string, o?: RequestInit) => Promise<Response>;
  now?: () => number;
};

/** What the box says of its cameras, at performance.now(); `why`: this seat sees none of those that there are. */
type Cameras = { list: edge.Camera[]; why?: Trouble; at: number };

/** A note or an event of a run, ms since its start. */
type Happened = { t: number; note?: edge.RunNote; event?: edge.Event };

/** A run as its page has it. */
type Loaded = { detail: edge.RunDetail; d: Device; stream: Stream };
