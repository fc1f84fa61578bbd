// What the teacher's pages hear over HTTP (docs/ref/openapi.yaml).
declare namespace lab {
  /** What students may do. */
  type May = { drive: boolean; record: boolean; experiment: boolean; rehearse: boolean };
  interface Seat {
    seat: string;
    name: string;
    /** What others see while names are hidden. */
    alias?: string;
    role: string;
    connected: boolean;
    joined_ms: number;
  }
  /** `GET class` as a teacher sees it; `open` false: nothing else. */
  interface Class {
    open: boolean;
    title: string;
    code: string;
    url: string;
    locked: boolean;
    joined: number;
    hide_names: boolean;
    may: May;
    message?: string;
    roster?: string[];
    rules?: edge.TurnRules;
    seats: Seat[];
  }
  /** One device's row of freeze, stop and runs on all. */
  interface Row {
    device: string;
    ok: boolean;
    confirmed?: boolean;
    error?: Trouble;
  }
  interface Box {
    box: string;
    version: string;
    addresses: string[];
    name?: string;
    fingerprint?: string;
    clock_offset_ms: number;
    wall_ms: number;
  }
  interface Colleague {
    name: string;
    role: string;
  }
}
