// A second decoder of NMEA 0183, written from SPEC.md and apart from the Go one.
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;

// number reads a field; undefined where it is none.
function number(field = "") {
  const s = field.trim();
  if (s === "") return Number.NaN;
  return NUMBER.test(s) ? Number(s) : undefined;
}

function position(field = "", letter = "", limit, letters) {
  if (field === "") return Number.NaN;
  const m = /^(\d{1,3})(\d\d(\.\d*)?)$/.exec(field);
  const sign = [1, -1][letter.length === 1 ? letters.indexOf(letter) : -1];
  if (!m || sign === undefined) return undefined;
  const deg = Number(m[1]) + Number(m[2]) / 60;
  return Number(m[2]) < 60 && deg <= limit ? sign * deg : undefined;
}

function clock(field = "") {
  if (field === "") return Number.NaN;
  const m = /^(\d\d)(\d\d)(\d+(\.\d*)?)$/.exec(field);
  if (!m || Number(m[1]) > 23 || Number(m[2]) > 59 || Number(m[3]) >= 61) return undefined;
  return Number(m[1]) * 3600 + Number(m[2]) * 60 + Number(m[3]);
}

function unix(time, day, month, year) {
  if (!time || !day || !month || !year) return Number.NaN;
  const s = clock(time);
  if (s === undefined || !/^\d\d$/.test(day) || !/^\d\d$/.test(month) || !/^\d{4}$/.test(year)) return undefined;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const same = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  return same && Number(year) >= 1900 ? date.getTime() / 1000 + s : undefined;
}

function dated(time, date = "") {
  if (!time || !date) return Number.NaN;
  if (!/^\d{6}$/.test(date)) return undefined;
  const year = Number(date.slice(4));
  return unix(time, date.slice(0, 2), date.slice(2, 4), String(year < 80 ? 2000 + year : 1900 + year));
}

const num = (i) => (f) => number(f[i]);
const text = (i) => (f) => ({ text: f[i] ?? "" });
const lat = (i) => (f) => position(f[i], f[i + 1], 90, "NS");
const lon = (i) => (f) => position(f[i], f[i + 1], 180, "EW");
const time = (i) => (f) => clock(f[i]);
const valid = (i) => (f) => ({ A: 1, V: 0, "": Number.NaN })[f[i] ?? ""];
const east = (i) => (f) => {
  const x = number(f[i]);
  if (f[i + 1] === "E") return x;
  if (f[i + 1] === "W") return x === undefined ? x : -x;
  return (f[i] ?? "") === "" ? Number.NaN : undefined;
};

const TYPES = {
  DBT: { depth_feet: num(0), depth: num(2), depth_fathoms: num(4) },
  DPT: { depth: num(0), offset: num(1), range: num(2) },
  GGA: {
    time: time(0), latitude: lat(1), longitude: lon(3), quality: num(5), satellites: num(6), hdop: num(7),
    altitude: num(8), geoid_separation: num(10), dgps_age: num(12), dgps_station: text(13),
  },
  GLL: { latitude: lat(0), longitude: lon(2), time: time(4), valid: valid(5), mode: text(6) },
  GSA: {
    selection: text(0), fix: num(1), satellites: (f) => f.slice(2, 14).filter((s) => s !== "").length,
    pdop: num(14), hdop: num(15), vdop: num(16),
  },
  GSV: { messages: num(0), message: num(1), in_view: num(2) },
  HDG: { heading: num(0), deviation: east(1), variation: east(3) },
  HDM: { heading: num(0) },
  HDT: { heading: num(0) },
  MTW: { temperature: num(0) },
  MWD: { direction: num(0), direction_magnetic: num(2), speed_knots: num(4), speed: num(6) },
  MWV: { angle: num(0), reference: text(1), speed: num(2), unit: text(3), valid: valid(4) },
  RMC: {
    time: time(0), valid: valid(1), latitude: lat(2), longitude: lon(4), speed: num(6), course: num(7), date: text(8),
    unix: (f) => dated(f[0], f[8]), variation: east(9), mode: text(11),
  },
  ROT: { rate: num(0), valid: valid(1) },
  VHW: { heading: num(0), heading_magnetic: num(2), speed: num(4), speed_kmh: num(6) },
  VTG: { course: num(0), course_magnetic: num(2), speed: num(4), speed_kmh: num(6), mode: text(8) },
  ZDA: {
    time: time(0), day: num(1), month: num(2), year: num(3), unix: (f) => unix(f[0], f[1], f[2], f[3]),
    zone_hours: num(4), zone_minutes: num(5),
  },
};

const show = (name, v) => (typeof v === "object" ? `${name}=\`${v.text}\`` : `${name}=${v ?? Number.NaN}`);

function values(s, out) {
  let f = s.fields;
  let malformed = 0;
  const type = s.encapsulated ? undefined : TYPES[s.type];
  if (s.type === "XDR") {
    for (let i = 0; i + 1 < f.length; i += 4) {
      const name = `XDR.${(f[i + 3] ?? "").trim() || i / 4 + 1}`;
      const x = number(f[i + 1]);
      if (x === undefined) malformed++;
      out.push(show(name, x), show(`${name}.unit`, { text: f[i + 2] ?? "" }));
    }
  } else if (type === undefined) {
    f.forEach((field, i) => out.push(show(`${s.type}.${i + 1}`, number(field) ?? { text: field })));
  } else {
    if (s.type === "VTG" && f.length === 4 && f[1] !== "T") f = f.flatMap((x) => [x, ""]);
    for (const [name, read] of Object.entries(type)) {
      const v = read(f);
      if (v === undefined) malformed++;
      out.push(show(`${s.type}.${name}`, v));
    }
  }
  return malformed;
}

// sentence reads one, as a Latin-1 string that begins with $ or !.
function sentence(raw, ended, options) {
  let body = raw.slice(1).replace(/[ \t\0]+$/, "");
  let checked = false;
  if (body.at(-3) === "*") {
    const sum = [...body.slice(0, -3)].reduce((x, c) => x ^ c.charCodeAt(0), 0);
    const said = body.slice(-2);
    if (!/^[0-9a-f]{2}$/i.test(said) || Number.parseInt(said, 16) !== sum) return { bad: "wrong checksum" };
    body = body.slice(0, -3);
    checked = true;
  }
  const allowed = checked ? /^[\x20-\xff]*$/ : /^[\x20-\x7e]*$/;
  if (!allowed.test(body)) return { bad: "bad characters" };
  if (!checked) {
    if (!ended) return { bad: "cut" };
    if (body.includes("*")) return { bad: "wrong checksum" };
    if (!options.noChecksum) return { bad: "no checksum" };
  }
  const [address, ...fields] = body.split(",");
  const talker = address[0] === "P" ? 1 : 2;
  if (address.length <= talker || address.length > 16 || !/^[A-Z0-9]+$/.test(address)) return { bad: "bad address" };
  if (fields.length > 128) return { bad: "too many fields" };
  return { type: address.slice(talker), fields, encapsulated: raw[0] === "!" };
}

// A Latin-1 string as the UTF-8 it may be; a run of what is none is one mark.
const utf8 = (s) => new TextDecoder().decode(Uint8Array.from(s, (c) => c.charCodeAt(0))).replace(/\ufffd+/g, "\ufffd");

export function decode(bytes, options) {
  const max = options.max ?? 1024;
  const out = [];
  const n = { sentences: 0, wrong: 0, malformed: 0, overlong: 0, text: 0, skipped: 0 };
  let malformed = 0;
  const bad = (why, raw) => {
    out.push(`! ${why}: ${raw}`);
    if (why.endsWith(" checksum")) n.wrong++;
    else if (why === "overlong") n.overlong++;
    else if (why === "no sentence") n.text++;
    else n.malformed++;
  };
  const good = (s) => {
    n.sentences++;
    malformed += values(s, out);
  };
  let fresh = true;
  const input = bytes.map((c) => String.fromCharCode(c)).join("");
  for (const line of input.split(/[\r\n]/)) {
    const start = line.search(/[$!]/);
    const before = start < 0 ? line : line.slice(0, start);
    if (fresh) n.skipped += before.length;
    else if (before.trim() !== "" && !/^\\.*\\$/.test(before)) bad("no sentence", before);
    fresh = false;
    if (start < 0) continue;
    const parts = line.slice(start).split(/(?=\$)/);
    parts.forEach((raw, i) => {
      if (raw.length > max) return bad("overlong", raw.slice(0, 64));
      const ended = i === parts.length - 1;
      const s = sentence(raw, ended, options);
      if (!s.bad) return good(s);
      const at = raw.lastIndexOf("!");
      const rest = at > 0 ? sentence(raw.slice(at), ended, options) : { bad: true };
      if (rest.bad) return bad(s.bad, raw);
      bad("cut", raw.slice(0, at));
      good(rest);
    });
  }
  return { out: out.map(utf8), malformed, stats: Object.values(n).join(" ") };
}
