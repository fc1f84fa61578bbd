// A second decoder and encoder of lines, written from SPEC.md and not from the
// Go code: slow, whole strings, regular expressions. Strings here are bytes, one
// character each; texts are decoded as UTF-8 at the end.

const MAX_DEPTH = 8;
const MAX_FIELDS = 128;
const NUMBER = "[+-]?(?:(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:e[+-]?\\d+)?|nan|ovf|inf(?:inity)?)";
const SPACE = "(?:[ \\t-\\r]|\\xe2\\x80\\x8b|\\xef\\xbb\\xbf)*";

const utf8 = (s) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(s, (c) => c.charCodeAt(0)));
const bytesOf = (s) => String.fromCharCode(...new TextEncoder().encode(s));
const trim = (s) => s.replace(/^[ \t-\r]+|[ \t-\r]+$/g, "");
const trimWide = (s) => s.replace(new RegExp(`^${SPACE}`), "").replace(/[ \t-\r]+$/, "");

export const isUTF8 = (s) => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(s, (c) => c.charCodeAt(0)));
    return true;
  } catch {
    return false;
  }
};

function toNumber(text) {
  const t = text.toLowerCase().replace(/^\+/, "");
  if (/(nan|ovf)$/.test(t)) return Number.NaN;
  if (t.includes("inf")) return t.startsWith("-") ? -Infinity : Infinity;
  return Number(t);
}

/** whole reads text as one number; undefined where it is none. */
const whole = (s) => (new RegExp(`^${NUMBER}$`, "i").test(trim(s)) ? toNumber(trim(s)) : undefined);

class Broken extends Error {}

/** ObjectReader parses one object of a line; it throws Broken. */
class ObjectReader {
  constructor(line, at, relaxed) {
    Object.assign(this, { line, at, relaxed, fields: [] });
  }
  eat(source, flags = "y") {
    const re = new RegExp(source, flags);
    re.lastIndex = this.at;
    const m = re.exec(this.line);
    if (!m) return undefined;
    this.at = re.lastIndex;
    return m[0];
  }
  space() {
    this.eat(SPACE);
  }
  need(source) {
    const got = this.eat(source);
    if (got === undefined) throw new Broken();
    return got;
  }
  push(field) {
    if (this.fields.length === MAX_FIELDS) throw new Broken();
    this.fields.push(field);
  }
  string() {
    const quote = this.need(this.relaxed ? "[\"']" : '"');
    let out = "";
    for (;;) {
      const c = this.need("[^\\x00-\\x08\\x0a-\\x1f]");
      if (c === quote) return out;
      if (c !== "\\") {
        out += c;
        continue;
      }
      const e = this.need(this.relaxed ? "[\"\\\\/bfnrt']|u[0-9a-fA-F]{4}" : '["\\\\/bfnrt]|u[0-9a-fA-F]{4}');
      if (e.length === 1) {
        out += { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }[e] ?? e;
        continue;
      }
      let unit = Number.parseInt(e.slice(1), 16);
      if (unit >= 0xd800 && unit < 0xdc00) {
        const low = this.eat("\\\\u[dD][c-fC-F][0-9a-fA-F]{2}");
        if (low) unit = 0x10000 + ((unit - 0xd800) << 10) + (Number.parseInt(low.slice(2), 16) - 0xdc00);
      }
      out += bytesOf(unit >= 0xd800 && unit < 0xe000 ? "\ufffd" : String.fromCodePoint(unit));
    }
  }
  object(depth, path) {
    if (depth > MAX_DEPTH) throw new Broken();
    this.need("\\{");
    this.space();
    if (this.eat("\\}")) return;
    for (;;) {
      const quoted = this.relaxed ? /["']/y : /"/y;
      quoted.lastIndex = this.at;
      const key = quoted.test(this.line) ? this.string() : this.need(this.relaxed ? "[A-Za-z0-9_$-]+" : "(?!)");
      this.space();
      this.need(":");
      this.space();
      this.value(depth, path === undefined ? key : `${path}.${key}`);
      this.space();
      if (this.need("[,}]") === "}") return;
      this.space();
      if (this.relaxed && this.eat("\\}")) return;
    }
  }
  value(depth, key) {
    const c = this.line[this.at];
    if (c === "{") return this.object(depth + 1, key);
    if (c === "[") return this.array(depth + 1, key);
    if (c === '"' || (c === "'" && this.relaxed)) {
      const text = this.string();
      return this.push({ key, kind: "text", num: whole(text), text });
    }
    const n = this.eat(`${NUMBER}(?![A-Za-z])`, "iy");
    if (n !== undefined) return this.push({ key, kind: "number", num: toNumber(n) });
    const word = this.need("[A-Za-z]+");
    const python = this.relaxed ? { True: "true", False: "false", None: "null" } : {};
    switch (python[word] ?? word) {
      case "true":
        return this.push({ key, kind: "bool", num: 1 });
      case "false":
        return this.push({ key, kind: "bool", num: 0 });
      case "null":
        return this.push({ key, kind: "null", num: Number.NaN });
    }
    throw new Broken();
  }
  array(depth, key) {
    if (depth > MAX_DEPTH) throw new Broken();
    const open = this.at;
    const array = [];
    let mixed = false;
    this.need("\\[");
    this.space();
    let done = this.eat("\\]");
    while (!done) {
      const sub = new ObjectReader(this.line, this.at, this.relaxed);
      sub.fields = this.fields.slice();
      const c = this.line[this.at];
      sub.value(depth, "");
      const last = sub.fields.at(-1);
      if (c !== "[" && c !== "{" && (last.kind === "number" || last.kind === "null")) array.push(last.num);
      else mixed = true;
      this.at = sub.at;
      this.space();
      done = this.need("[,\\]]") === "]";
      if (!done) this.space();
      if (!done && this.relaxed) done = this.eat("\\]");
    }
    this.push(mixed ? { key, kind: "mixed", text: this.line.slice(open, this.at) } : { key, kind: "array", array });
  }
}

const isLabel = (s) => /^[A-Za-z_\x80-\xff]/.test(s) && !/\.$/.test(s) && !/[\x00-\x1f\x7f"'`{}<>:!?=\\]/.test(s);

export class ReferenceDecoder {
  constructor({ format, terminator = "\n", maxLine = 1024, skipFirst = false, separator = ",", columns = [] }) {
    Object.assign(this, { format, terminator: bytesOf(terminator), maxLine, skipFirst, separator });
    this.declared = columns.map(bytesOf);
    this.stats = { lines: 0, records: 0, garbage: 0, overlong: 0, skipped: 0 };
    this.records = [];
    this.clear();
  }
  clear() {
    Object.assign(this, { pending: "", dropping: false, skipping: this.skipFirst });
    Object.assign(this, { names: this.declared, width: this.declared.length, begun: false, other: 0, refused: 0 });
  }
  reset() {
    this.overflow();
    this.clear();
  }
  flush() {
    this.overflow();
    if (this.pending === "" || this.dropping || this.skipping) return;
    const line = this.pending;
    this.pending = "";
    this.line(line);
  }
  feed(bytes) {
    this.pending += bytes;
    for (let i; (i = this.pending.indexOf(this.terminator)) >= 0; ) {
      const line = this.pending.slice(0, i);
      this.pending = this.pending.slice(i + this.terminator.length);
      const dropped = this.dropping;
      this.dropping = false;
      if (!dropped) this.line(line);
    }
    this.overflow();
  }
  /** overflow reports an unended line that can only become too long. */
  overflow() {
    if (this.dropping || this.pending.length <= this.maxLine + 1 + this.terminator.length) return;
    const line = this.pending;
    this.line(line);
    this.dropping = true;
  }
  emit(record) {
    const count = { values: "records", garbage: "garbage", overlong: "overlong" }[record.kind];
    if (count) this.stats[count]++;
    this.records.push(record);
  }
  garbage(raw, glued = false, broken = false) {
    const plain = !broken && isUTF8(raw) && !/[\x00-\x08\x0a-\x1f\x7f{}]/.test(raw);
    this.emit({ kind: "garbage", raw, glued, plain, fields: [] });
  }
  line(line) {
    if (this.skipping) {
      this.skipping = false;
      this.stats.skipped++;
      return;
    }
    this.stats.lines++;
    const text = line.replace(/\r$/, "");
    if (text.length > this.maxLine) {
      this.emit({ kind: "overlong", raw: text.slice(0, Math.min(64, this.maxLine)), fields: [] });
      return;
    }
    const tabs = this.format === "csv" && /[\t-\r]/.test(this.separator);
    const b = tabs ? text.replace(/^[\r\n ]+|[\r\n ]+$/g, "") : trim(text);
    if (b === "") return;
    if (this.format === "plotter") this.plotter(b);
    else if (this.format === "csv") this.csv(b);
    else this.objects(b);
  }

  objects(line) {
    const relaxed = this.format === "relaxed";
    const isBlank = (s) => new RegExp(`^${SPACE}$`).test(s);
    let done = 0;
    let at = 0;
    let tries = 0;
    let broken = false;
    while (tries < 4) {
      const open = line.indexOf("{", at);
      if (open < 0) break;
      at = open + 1;
      const before = trimWide(line.slice(done, open));
      const inner = /[:,["']$/.test(before) && (relaxed || /["{]/.test(before));
      if (inner) {
        broken = true;
        continue;
      }
      const reader = new ObjectReader(line, open, relaxed);
      try {
        reader.object(1);
        const after = trimWide(line.slice(reader.at));
        if (broken && after !== "" && after[0] !== "{") throw new Broken();
      } catch (e) {
        if (!(e instanceof Broken)) throw e;
        tries++;
        broken = true;
        continue;
      }
      const glued = done > 0 || before !== "" || !isBlank(line.slice(reader.at));
      if (before !== "") this.garbage(before, true);
      this.emit({ kind: "values", raw: line.slice(open, reader.at), glued, fields: reader.fields });
      done = at = reader.at;
      broken = false;
    }
    const rest = line.slice(done);
    if (!isBlank(rest)) this.garbage(trimWide(rest), done > 0);
  }

  plotter(line) {
    const commas = line.replace(/[ \t-\r]*,[ \t-\r]*/g, ",").replace(/,$/, "");
    const fields = [];
    let numbers = 0;
    let labelled = 0;
    let words = 0;
    for (const part of commas.split(",")) {
      if (part === "") {
        fields.push({ kind: "null", num: Number.NaN });
        continue;
      }
      const tokens = part.split(/[ \t-\r]+/);
      while (tokens.length > 0) {
        let tok = tokens.shift();
        let key;
        const colon = tok.lastIndexOf(":");
        if (colon >= 0) {
          key = tok.slice(0, colon);
          tok = tok.slice(colon + 1) || tokens.shift() || "";
          if (!isLabel(key) || tok === "") return this.garbage(line);
          labelled++;
        }
        const num = whole(tok);
        if (num !== undefined) {
          numbers++;
          fields.push({ key, kind: "number", num });
          continue;
        }
        if (!isLabel(tok)) return this.garbage(line);
        if (key === undefined) words++;
        fields.push({ key, kind: "text", text: tok });
      }
    }
    if (words > 0 && words === fields.length) return this.header(line, fields);
    if (words > 0 || numbers === 0 || fields.length > MAX_FIELDS) return this.garbage(line);
    if (labelled === 0) return this.row(line, fields);
    const kept = fields.filter((f) => f.kind !== "null");
    kept.forEach((f, i) => (f.key ??= String(i)));
    this.emit({ kind: "values", raw: line, fields: kept });
  }

  csv(line) {
    const sep = this.separator === "\t" ? "\\t" : this.separator;
    const gap = sep === "\\t" ? "[ \\n-\\r]*" : "[ \\t-\\r]*";
    const cell = new RegExp(`${gap}(?:"((?:[^"]|"")*)"${gap}|([^${sep}]*))(${sep}|$)`, "y");
    const fields = [];
    let words = 0;
    let empty = 0;
    for (let more = true; more; ) {
      const m = cell.exec(line);
      if (!m || (m[1] === undefined && m[2].startsWith('"'))) return this.garbage(line);
      const text = m[1] === undefined ? trim(m[2]) : m[1].replaceAll('""', '"');
      const num = whole(text);
      if (num !== undefined) fields.push(m[1] === undefined ? { kind: "number", num } : { kind: "text", num, text });
      else if (text !== "") words++, fields.push({ kind: "text", text });
      else empty++, fields.push({ kind: "null", num: Number.NaN });
      more = m[3] !== "";
    }
    if (fields.length > MAX_FIELDS) return this.garbage(line);
    if (words > 0 && words === fields.length) return this.header(line, fields);
    if (words > 0 && words + empty === fields.length) return this.garbage(line);
    this.row(line, fields, words);
  }

  header(line, fields) {
    const names = fields.map((f) => f.text);
    const same = names.length === this.names.length && names.every((n, i) => n === this.names[i]);
    const free = !this.begun && this.declared.length === 0;
    if ((!free && !same) || new Set(names).size < names.length) return this.garbage(line);
    if (free) Object.assign(this, { names, width: names.length });
    this.emit({ kind: "labels", raw: line, fields: names.map((n) => ({ key: n, kind: "text", text: n })) });
  }

  row(line, fields, words) {
    const n = fields.length;
    if (this.width === 0) this.width = n;
    if (n !== this.width) {
      if (n !== this.other) Object.assign(this, { other: n, refused: 0 });
      this.refused++;
      if (this.declared.length > 0 || this.refused < 3) return this.garbage(line, false, words === 0);
      this.width = n;
    }
    Object.assign(this, { begun: true, refused: 0 });
    fields.forEach((f, i) => (f.key = this.names.length === n ? this.names[i] : String(i)));
    this.emit({ kind: "values", raw: line, fields });
  }
}

/** readable turns a record of byte strings into what the vectors hold. */
export function readable(r) {
  const num = (x) => (Number.isNaN(x) ? "nan" : x === Infinity ? "inf" : x === -Infinity ? "-inf" : x);
  const out = { kind: r.kind };
  if (isUTF8(r.raw)) out.raw = utf8(r.raw);
  else out.rawHex = Buffer.from(r.raw, "latin1").toString("hex");
  if (r.glued) out.glued = true;
  if (r.plain) out.plain = true;
  if (r.fields.length > 0) {
    out.fields = r.fields.map((f) => {
      const g = { key: utf8(f.key), kind: f.kind };
      if (f.num !== undefined) g.num = num(f.num);
      if (f.text !== undefined) g.text = utf8(f.text);
      if (f.array?.length > 0) g.array = f.array.map(num);
      return g;
    });
  }
  return out;
}
