// The JSON that the box speaks: mirrors edge/*.go and docs/ref/websocket.md. web/ui/test/edge_types.mjs compares the
// field names with the Go sources.
declare namespace edge {
  type Text = Record<string, string>;
  type State =
    | 'absent' | 'opening' | 'booting' | 'identifying' | 'safing' | 'live' | 'stale' | 'fault' | 'quarantined';
  type Value = number | string;

  interface Contract {
    type: string;
    hash: string;
    label: Text;
    description?: Text;
    channels: Channel[];
    commands: CommandSpec[];
    panel: Panel;
    rate_hz?: number;
    stale_ms: number;
    drivable: boolean;
    safe?: Text;
    between?: Text;
    grace_ms: number;
    keep_ms: number;
    longest_run_ms?: number;
    rest_ms?: number;
  }
  interface Channel {
    id: string;
    label: Text;
    unit?: string;
    min?: number;
    max?: number;
    trip?: boolean;
    trip_beyond?: number;
    resolution?: number;
    decimals: number;
    scale: number;
    offset: number;
    format: string;
    choices?: Choice[];
    group?: string;
    role?: string;
    hidden?: boolean;
    spread?: boolean;
  }
  interface Choice {
    id: string;
    value: number;
    label: Text;
  }
  interface CommandSpec {
    id: string;
    label: Text;
    help?: Text;
    params: Param[];
    confirm: string;
    timeout_ms: number;
    rate_per_s?: number;
    calming?: boolean;
    longest_run_ms?: number;
  }
  interface Param {
    id: string;
    label: Text;
    type: string;
    unit?: string;
    min: number;
    max: number;
    step?: number;
    max_step?: number;
    default: Value;
    slew_per_s?: number;
    choices?: Choice[];
    channel?: string;
  }
  interface Panel {
    plots?: Plot[];
    readouts?: string[];
    window_s?: number;
    icon?: string;
  }
  interface Plot {
    label?: Text;
    channels: string[];
  }
  interface Status {
    box: string;
    device: string;
    name: string;
    type: string;
    port: string;
    contract: string;
    state: State;
    since_ms: number;
    reason?: Error;
    safe: string;
    stopped?: Stop;
    lease?: LeaseInfo;
    queue?: Waiting[];
    rules: TurnRules;
    hold?: Stop;
    limits?: Record<string, Limit>;
    rehearsal?: Rehearsal;
    stream: StreamInfo;
    tick: Tick;
    run?: string;
    counts: StatusCount;
  }
  interface StreamInfo {
    id: number;
    epoch: number;
    seq: number;
    rate_hz: number;
  }
  interface StatusCount {
    samples: number;
    lost: number;
    garbage: number;
    reconnects: number;
    commands: number;
    refused: number;
  }
  interface Stop {
    by: Actor;
    wall_ms: number;
  }
  interface Actor {
    seat: string;
    name: string;
    role: string;
    via: string;
  }
  interface Tick {
    owner: number;
    n: number;
    mono_ms: number;
  }
  interface LeaseInfo {
    holder: SeatRef;
    fence: number;
    away?: boolean;
    since_ms: number;
    left_ms?: number;
    partner?: SeatRef;
    why?: string;
    warn?: boolean;
  }
  interface TurnRules {
    turn_ms: number;
    warn_ms: number;
    idle_ms: number;
  }
  interface Waiting {
    seat: SeatRef;
    expect_ms: number;
    away?: boolean;
  }
  interface Rehearsal {
    of: string;
    seat: string;
    over?: boolean;
  }
  interface Limit {
    min?: number;
    max?: number;
  }
  interface SeatRef {
    id: string;
    name: string;
  }
  interface Error {
    code: string;
    message: string;
    hint?: string;
    args?: Record<string, unknown>;
  }
  interface CommandResult {
    command: string;
    key: string;
    outcome: string;
    reply?: string;
    again?: boolean;
    sent_us: number;
    took_us: number;
  }
  interface StopResult {
    latched: boolean;
    confirmed: boolean;
    reason?: Error;
  }
  interface Event {
    box: string;
    device: string;
    seq: number;
    mono_us: number;
    wall_ms: number;
    code: string;
    actor?: Actor;
    args?: Record<string, unknown>;
  }
  interface Run {
    id: string;
    device: string;
    name: string;
    notes?: string;
    by: SeatRef;
    state: string;
    contract: string;
    type: string;
    start_ms: number;
    length_ms: number;
    samples: number;
    lost: number;
    gaps: number;
    bytes: number;
    cameras?: string[];
    notices?: string[];
  }
  interface RunDetail {
    run: Run;
    pre_trigger_ms: number;
    first_ms: number;
    contract?: Contract | null;
    annotations: RunNote[];
    events: RunEvent[];
    events_cut?: boolean;
    pictures: RunPictures[];
  }
  interface RunNote {
    time_ms: number;
    text: string;
    by: SeatRef;
  }
  interface RunEvent {
    time_ms: number;
    event: Event;
  }
  interface RunPictures {
    camera: string;
    name: string;
    description?: Text;
    times_ms: number[];
    bytes: number;
    ended?: string;
  }
  interface Camera {
    id: string;
    name: string;
    description?: Text;
    devices?: string[];
    source: string;
    masked?: boolean;
    state: 'idle' | 'starting' | 'live' | 'lost' | 'covered';
    since_ms: number;
    reason?: Error;
    covered?: Stop;
    width?: number;
    height?: number;
    rate_hz?: number;
    last_ms?: number;
    now_ms: number;
    viewers?: SeatRef[];
    runs?: string[];
  }

  // docs/ref/websocket.md
  interface You {
    seat: string;
    name: string;
    role: string;
  }
}
