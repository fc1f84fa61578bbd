// A second codec, written from SPEC.md, slow and plain. Bytes are strings of the
// characters U+0000 to U+00FF.
import { lookup, read, sum, width, write } from "../../checksum/vectors/checksum_reference.mjs";

const bad = (why, n) => ({ why, n });
const number = (text, order) => [...(order === "little" ? [...text].reverse() : text)].reduce((v, c) => v * 256 + c.charCodeAt(0), 0);

// layout says what options mean.
function layout(o) {
  const l = { start: "", end: "", tail: 0, max: 1024, xor: 0, ...o };
  l.shared = Boolean(l.slip || l.cobs || (l.escape && (!l.start || l.start === l.end)));
  l.lead = l.escape && l.shared ? l.start : "";
  if (l.shared) l.start = "";
  l.mark = l.slip ? "\xc0" : l.cobs ? "\0" : l.length || l.size ? "" : l.after || l.end;
  l.final = l.after || l.length || l.size ? l.end : "";
  l.esc = l.slip ? "\xdb" : l.escape;
  l.sum = l.checksum && lookup(l.checksum.kind);
  l.width = l.sum ? width(l.sum, l.checksum.as) : 0;
  l.extra = Math.max(l.tail - l.width, 0);
  if (l.size) l.max = l.size - l.start.length - l.width - l.final.length;
  l.content = l.max - l.extra + (l.tail ? 0 : l.width);
  l.searches = l.start !== "" || Boolean(l.length) || Boolean(l.size);
  l.pauses = Boolean(l.silence);
  const one = (m) => m.length === 1 && !(m === l.start && l.mark.length === 2);
  l.special = l.esc ? [l.esc, l.start, l.mark].filter(one) : [];
  return l;
}

// check returns the fault of a frame whose checksum stands at frame[at], or null.
function check(l, frame, at, n) {
  if (!l.sum) return null;
  const { from = 0, until = 0 } = l.checksum;
  if (at < l.start.length || at - until < from) return bad("cut off", n);
  const x = sum(l.sum, frame.slice(from, at - until));
  const want = read(l.sum, frame.slice(at, at + l.width), l.checksum);
  return x === want ? null : { ...bad("wrong checksum", n), sum: x, want: want ?? 0 };
}

// content returns {plain, at} of the frame's content and where its end mark stands,
// {why, n}, or nothing when more bytes are needed.
function unstuff(l, c) {
  let plain = "";
  let broken = false;
  for (let i = l.start.length; i < c.length; ) {
    if (!broken && plain.length > l.content) return bad("too long", i);
    const here = (m) => m && c.startsWith(m, i);
    if (c[i] === l.esc && i + 1 === c.length) return here(l.mark) ? { plain, at: i } : undefined;
    if (here(l.mark)) return broken ? bad("broken stuffing", i + 1) : { plain, at: i };
    if (here(l.start) && (l.start.length === 2 || l.special.includes(l.start))) return bad("cut off", i);
    if (c[i] !== l.esc || broken) {
      plain += c[i++];
      continue;
    }
    const next = String.fromCharCode(c.charCodeAt(i + 1) ^ l.xor);
    const doubled = l.start.length === 2 || l.mark.length === 2;
    const odd = l.slip ? !"\xdc\xdd".includes(c[i + 1]) : (l.xor && l.special.includes(c[i + 1])) || (doubled && !l.special.includes(next));
    if (odd && l.searches) return bad("broken stuffing", 0);
    if (odd) broken = true;
    else plain += l.slip ? (c[i + 1] === "\xdc" ? "\xc0" : "\xdb") : next;
    i += odd ? 1 : 2;
  }
  return plain.length > l.content && !broken ? bad("too long", c.length) : undefined;
}

function uncobs(l, c) {
  const most = l.content + Math.floor(l.content / 254) + 1;
  const at = c.indexOf("\0");
  if (at > most || (at < 0 && c.length > most)) return bad("too long", most + 1);
  if (at < 0) return undefined;
  let plain = "";
  for (let i = 0; i < at; ) {
    const n = c.charCodeAt(i);
    if (i + n > at) return bad("broken stuffing", at + 1);
    plain += c.slice(i + 1, i + n);
    i += n;
    if (n < 255 && i < at) plain += "\0";
  }
  return plain.length > l.content ? bad("too long", at) : { plain, at };
}

function sized(l, c) {
  let head = l.start.length;
  let total = l.size;
  const { at = head, size = 0, as, order, add = 0 } = l.length ?? {};
  if (l.length) {
    head = at + size;
    if (c.length < head) return undefined;
    const field = c.slice(at, head);
    let v = number(field, order);
    if (as === "decimal") v = /^ *\d+$/.test(field) ? Number(field) : Number.NaN;
    if (as === "hex") v = /^[0-9a-f]+$/i.test(field) ? Number.parseInt(field, 16) : Number.NaN;
    total = v + add;
    const least = head + l.width + l.final.length;
    if (!(total >= least && total <= least - at + l.start.length + l.max)) return bad("impossible length", 0);
  }
  if (c.length < total) return undefined;
  if (!c.slice(0, total).endsWith(l.final)) return bad("no end mark", total);
  const place = total - l.final.length - l.width;
  return check(l, c, place, total) ?? { n: total, body: c.slice(l.start.length, at) + c.slice(head, place) };
}

// find returns the first end mark, at `most` at the latest.
function find(l, c, most) {
  const i = c.indexOf(l.mark, l.start.length);
  if (i >= 0 && i <= most) return i;
  return c.length >= most + l.mark.length ? bad("too long", most + 1) : undefined;
}

function marked(l, c, last) {
  const s = l.start.length;
  const most = s + (l.hex ? 2 : 1) * l.content;
  const at = find(l, c, most);
  if (typeof at !== "number") return at;
  const again = c.slice(s, at).lastIndexOf(l.start);
  if (s && !l.sum && again >= 0) return bad("cut off", s + again);
  const n = at + l.mark.length;
  if (!s && at === 0 && !l.tail && !l.empty) return { n };
  if (l.hex) {
    const digits = c.slice(s, at);
    if (!/^([0-9a-f]{2})*$/i.test(digits)) return bad("broken stuffing", n);
    const plain = l.start + Buffer.from(digits, "hex").toString("latin1");
    return check(l, plain, plain.length - l.width, n) ?? { n, body: plain.slice(s, plain.length - l.width) };
  }
  if (l.tail) return tailed(l, c, at, c.slice(0, n), c.slice(s, at));
  // A binary checksum may hold what looks like the end mark.
  const stop = Math.min(at + l.width + l.mark.length, most + 1);
  const binary = l.sum && (l.checksum.as ?? "binary") === "binary";
  for (let m = at; m >= 0 && m < stop; m = c.indexOf(l.mark, m + 1)) {
    if (!check(l, c, m - l.width, 0)) return { n: m + l.mark.length, body: c.slice(s, m - l.width) };
    if (!binary) break;
  }
  const more = binary && at + 1 < stop && c.length < stop - 1 + l.mark.length && !last;
  return more ? undefined : check(l, c, at - l.width, n);
}

// tailed finishes a frame with a tail; plain is what stands before the tail.
function tailed(l, c, at, plain, content) {
  const begin = at + l.mark.length;
  const n = begin + l.tail + l.final.length;
  if (c.length < n) return undefined;
  if (c.slice(begin + l.tail, n) !== l.final) return bad("no end mark", n);
  const frame = (l.checksum?.stuffed ? c.slice(0, begin) : plain) + c.slice(begin, begin + l.tail);
  return check(l, frame, frame.length - l.width, n) ?? { n, body: content + c.slice(begin, begin + l.extra) };
}

function frame(l, c, last) {
  if (c.length < l.start.length) return undefined;
  if (l.length || l.size) return sized(l, c);
  if (!l.mark) return c.length > l.content ? bad("too long", l.content + 1) : undefined;
  if (!l.esc && !l.cobs) return marked(l, c, last);
  const r = l.cobs ? uncobs(l, c) : unstuff(l, c);
  if (!r || r.why) return r;
  const n = r.at + l.mark.length;
  if (l.tail) return tailed(l, c, r.at, l.start + r.plain + l.mark, r.plain);
  if (l.cobs ? r.at === 0 : r.plain === "" && l.shared) return { n };
  const plain = l.start + r.plain;
  return check(l, plain, plain.length - l.width, n) ?? { n, body: plain.slice(l.start.length, plain.length - l.width) };
}

export class ReferenceDecoder {
  messages = [];
  stats = { messages: 0, bad: 0, lost: 0, skipped: 0 };

  constructor(options) {
    this.l = layout(options);
    this.reset();
  }

  reset() {
    this.held = "";
    this.loss = undefined;
    this.skip = Boolean(this.l.skipFirst);
    this.drop = this.skip && !this.l.searches;
  }

  feed(bytes) {
    this.held += bytes;
    this.l.searches ? this.search(false) : this.split();
  }

  silent() {
    if (this.l.searches) this.search(true);
    else if (this.l.pauses) {
      if (this.drop) this.undrop();
      else if (this.held) {
        const at = this.held.length - this.l.width;
        this.hand(check(this.l, this.held, at, this.held.length) ?? { n: this.held.length, body: this.held.slice(0, at) });
      }
      this.held = "";
    } else if (!this.drop) {
      if (this.held) this.hand(bad("cut off", this.held.length));
    }
  }

  undrop() {
    if (this.skip) this.stats.skipped++;
    this.drop = this.skip = false;
  }

  // hand hands over a frame at the begin of what is held.
  hand({ n, body, why, sum, want }) {
    const raw = this.held.slice(0, n);
    this.held = this.held.slice(n);
    if (body === undefined && !why) return;
    if (!why) {
      this.stats.messages++;
      this.messages.push({ body, raw });
      return;
    }
    this.stats.bad++;
    this.stats.lost += n;
    const cut = why === "too long" && !this.l.searches ? raw.slice(0, 64) : raw;
    this.messages.push({ why, raw: cut, ...(why === "wrong checksum" && { sum: sum.toString(16), want: want.toString(16) }) });
  }

  split() {
    while (this.held) {
      if (this.drop) {
        const { mark, tail, final } = this.l;
        const at = mark ? this.held.indexOf(mark) : -1;
        let n = at < 0 ? Math.max(0, this.held.length - Math.max(mark.length - 1, 0)) : at + mark.length + tail + final.length;
        const end = at >= 0 && n <= this.held.length;
        if (at >= 0 && !end) n = at;
        if (!this.skip) this.stats.lost += n;
        this.held = this.held.slice(n);
        if (!end) return;
        this.undrop();
        continue;
      }
      const r = frame(this.l, this.held, false);
      if (!r) return;
      this.hand(r);
      this.drop = r.why === "too long";
    }
  }

  // tell ends the loss.
  tell() {
    const { loss } = this;
    this.loss = undefined;
    if (!loss) return;
    if (!this.skip) return this.hand(loss);
    this.skip = false;
    this.stats.skipped++;
    this.held = this.held.slice(loss.n);
  }

  search(last) {
    for (;;) {
      const { loss } = this;
      if (loss && loss.n >= loss.until) this.tell();
      const c = this.held.slice(this.loss?.n ?? 0);
      if (!c) break;
      const free = this.free(c, last);
      if (free) {
        this.lose(free, "garbage", bad("garbage", 0));
        continue;
      }
      let r = frame(this.l, c, last);
      if (!r && !last) break;
      r ??= bad("cut off", c.length);
      if (r.why) {
        this.lose(1, r.why, r.why === "too long" ? { ...r, n: 0 } : r);
        continue;
      }
      this.tell();
      this.skip = false;
      this.hand(r);
    }
    if (last) this.tell();
  }

  // free returns how many bytes cannot begin a frame.
  free(c, last) {
    const { start } = this.l;
    const at = c.indexOf(start);
    if (at >= 0 || last) return at >= 0 ? at : c.length;
    for (let k = Math.min(start.length - 1, c.length); k > 0; k--) if (start.startsWith(c.slice(-k))) return c.length - k;
    return c.length;
  }

  lose(k, why, r) {
    const { loss } = this;
    if (loss?.open && (r.n > 0 || (loss.why === "garbage" && why !== "garbage"))) {
      this.tell();
      return;
    }
    this.loss ??= { ...r, n: 0, open: r.n === 0, until: r.n || this.l.max + 128 };
    this.loss.n += Math.min(k, this.loss.until - this.loss.n);
  }
}

// wrap returns the frame around body, without looking whether it can be read back.
export function wrap(options, body) {
  const l = layout(options);
  const cut = body.length - l.extra;
  const [content, extra] = [body.slice(0, cut), body.slice(cut)];
  const signed = (frame) => {
    if (!l.sum) return "";
    const { from = 0, until = 0 } = l.checksum;
    return write(l.sum, sum(l.sum, frame.slice(from, Math.max(from, frame.length - until))), l.checksum);
  };
  const seal = (frame) => frame + signed(frame);
  if (l.length || l.size) {
    const { at = l.start.length, size = 0, as, order, add = 0 } = l.length ?? {};
    const head = at - l.start.length;
    const v = l.start.length + size + body.length + l.width + l.final.length - add;
    let field = as ? v.toString(as === "hex" ? 16 : 10).toUpperCase().padStart(size, "0") : "";
    for (let i = 0; !as && i < size; i++) field = String.fromCharCode(Math.floor(v / 256 ** i) % 256) + field;
    if (order === "little") field = [...field].reverse().join("");
    return seal(l.start + body.slice(0, head) + field + body.slice(head)) + l.final;
  }
  const tail = (frame) => (l.tail ? extra + signed(frame + extra) + l.final : "");
  if (l.hex) return l.start + Buffer.from(seal(l.start + body).slice(l.start.length), "latin1").toString("hex").toUpperCase() + l.mark;
  const plain = l.tail ? l.start + content : seal(l.start + content);
  if (l.cobs) {
    const blocks = plain.split("\0").map((p) => p.match(/[^]{1,254}/g) ?? [""]);
    const code = (b) => String.fromCharCode(b.length + 1) + b;
    // A full block needs another code only where a zero or more follows.
    return `${blocks.map((b, i) => b.map(code).join("") + (b.at(-1).length === 254 && i < blocks.length - 1 ? "\x01" : "")).join("")}\0`;
  }
  if (!l.esc) return plain + l.mark + tail(plain + l.mark);
  let out = l.lead + l.start;
  for (const c of plain.slice(l.start.length)) {
    if (!l.special.includes(c)) out += c;
    else if (l.slip) out += c === "\xc0" ? "\xdb\xdc" : "\xdb\xdd";
    else out += l.esc + String.fromCharCode(c.charCodeAt(0) ^ l.xor);
  }
  out += l.mark;
  return out + tail(l.checksum?.stuffed ? out : plain + l.mark);
}
