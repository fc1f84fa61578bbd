// A second decoder of Firmata, written from SPEC.md and apart from the Go one.
const MODES = ["input", "output", "analog", "pwm", "servo", "shift", "i2c", "onewire", "stepper", "encoder", "serial", "pullup"];
const hex = (b) => Array.from(b, (c) => c.toString(16).padStart(2, "0")).join(" ");
const groups = (b) => b.reduce((sum, c, i) => sum + c * 2 ** (7 * i), 0);

function text(b) {
  const out = [];
  for (let i = 0; i < b.length; i += 2) {
    const high = b[i + 1] ?? 0;
    out.push(high > 1 ? 0x3f : b[i] + 128 * high);
  }
  return new TextDecoder().decode(Uint8Array.from(out));
}

function capabilities(b) {
  const pins = [];
  let now = [];
  for (let i = 0; i < b.length; i++) {
    if (b[i] === 0x7f) {
      pins.push(now);
      now = [];
    } else if (i + 1 === b.length) {
      return `firmata: board: capabilities end within pin ${pins.length}`;
    } else {
      now.push(`{${MODES[b[i]]} ${b[++i]}}`);
    }
  }
  if (now.length > 0) return `firmata: board: capabilities end within pin ${pins.length}`;
  if (pins.length === 0) return "firmata: board: capabilities of no pin";
  return `capabilities ${pins.map((p) => `[${p.join(" ")}]`).join(" ")}`;
}

const SYSEX = {
  0x64: (b) => b.length === 2 && `report analog ${b[0]} ${b[1]}`,
  0x69: (b) => b.length === 0 && "mapping?",
  0x6a: (b) => `mapping [${b.join(" ")}]`,
  0x6b: (b) => b.length === 0 && "capabilities?",
  0x6c: capabilities,
  0x6d: (b) => b.length === 1 && `pin ${b[0]} state?`,
  0x6e: (b) => b.length >= 3 && b.length <= 6 && `pin ${b[0]} is ${MODES[b[1]]} ${groups(b.slice(2))}`,
  0x6f: (b) => b.length >= 2 && b.length <= 5 && `analog ${b[0]} ${groups(b.slice(1))}`,
  0x70: (b) => b.length >= 5 && `servo ${b[0]} ${groups(b.slice(1, 3))} ${groups(b.slice(3, 5))}`,
  0x71: (b) => `text ${text(b)}`,
  0x79: (b) => (b.length === 0 ? "firmware?" : b.length >= 2 && `firmware ${b[0]}.${b[1]} ${text(b.slice(2))}`),
  0x7a: (b) => b.length === 2 && `sampling ${groups(b)} ms`,
};

// How many content bytes a message has, or undefined where c begins none.
function length(c, toBoard) {
  const high = c & 0xf0;
  if (high === 0x90 || high === 0xe0) return 2;
  if (c === 0xf9) return toBoard ? 0 : 2;
  if (!toBoard) return undefined;
  if (high === 0xc0 || high === 0xd0) return 1;
  return { 0xf4: 2, 0xf5: 2, 0xff: 0 }[c];
}

function words(c, b) {
  const n = c & 0x0f;
  switch (c & 0xf0) {
    case 0x90:
      return `port ${n} ${(groups(b) & 0xff).toString(2).padStart(8, "0")}`;
    case 0xe0:
      return `analog ${n} ${groups(b)}`;
    case 0xc0:
      return `report analog ${n} ${b[0]}`;
    case 0xd0:
      return `report port ${n} ${b[0]}`;
  }
  if (c === 0xff) return "reset";
  if (c === 0xf9) return b.length === 0 ? "version?" : `version ${b[0]}.${b[1]}`;
  return c === 0xf4 ? `pin ${b[0]} mode ${MODES[b[1]]}` : `pin ${b[0]} value ${b[1]}`;
}

export function decode(bytes, toBoard) {
  const limit = toBoard ? 64 : 4225;
  const out = [];
  const stats = { messages: 0, unknown: 0, cut: 0, overlong: 0, stray: 0, undefined: 0, skipped: 0 };
  let message; // {first, need, content}; need is -1 for sysex
  let begun = false;
  const outside = () => (begun ? stats.stray++ : stats.skipped++);
  const done = () => {
    const { first, need, content } = message;
    message = undefined;
    stats.messages++;
    if (need >= 0) return out.push(words(first, content));
    if (content.length === 0) return stats.unknown++;
    const data = content.slice(1);
    const said = SYSEX[content[0]]?.(data);
    if (said) return out.push(said);
    stats.unknown++;
    const name = content[0].toString(16).padStart(2, "0");
    out.push(data.length > 64 ? `sysex ${name} of ${data.length}` : `sysex ${name} ${hex(data)}`);
  };
  for (const c of bytes) {
    if (c < 0x80) {
      if (!message) outside();
      else if (message.need < 0 && message.content.length >= limit) {
        if (!message.over) stats.overlong++;
        message.over = true;
      } else if (message.content.push(c) === message.need) done();
      continue;
    }
    if (c === 0xf7 && message?.need === -1) {
      if (message.over) message = undefined;
      else done();
      continue;
    }
    if (message && !message.over) stats.cut++;
    const inside = message !== undefined;
    message = undefined;
    if (c === 0xf7) {
      if (!inside && (!begun || !toBoard)) outside();
      continue;
    }
    const need = c === 0xf0 ? -1 : length(c, toBoard);
    if (need === undefined) {
      stats.undefined++;
      continue;
    }
    begun = true;
    message = { first: c, need, content: [] };
    if (need === 0) done();
  }
  return { out, stats: Object.values(stats).join(" ") };
}
