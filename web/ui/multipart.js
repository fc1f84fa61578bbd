// Reads the box's stream of pictures (multipart/x-mixed-replace, RFC 2046; edge/picture/writer.go) as it arrives, cut
// anywhere. Every part has a Content-Length, so that no byte of a picture is looked at.
//
//   const parts = new Parts((p) => show(p.jpeg));
//   for (;;) parts.push((await reader.read()).value);

const MAX_HEAD = 4096;
const MAX_PICTURE = 64 << 20;
const [CR, LF, DASH] = [13, 10, 45];

/** Bytes that are no such stream. */
export class PartError extends Error {}

export class Parts {
  /** @param {(p: Part) => void} onPart called for each whole picture @param {number} [most] bytes of one */
  constructor(onPart, most = MAX_PICTURE) {
    this.onPart = onPart;
    this.most = most;
    /** What came of the lines before a picture. @type {number[]} */
    this.head = [];
    /** The picture that is on its way. @type {Part | null} */
    this.part = null;
    this.have = 0;
    this.ended = false;
  }

  /** @param {Uint8Array} chunk */
  push(chunk) {
    for (let i = 0; i < chunk.length && !this.ended; ) {
      if (!this.part) {
        this.#byte(chunk[i++]);
        continue;
      }
      const { jpeg } = this.part;
      const n = Math.min(chunk.length - i, jpeg.length - this.have);
      jpeg.set(chunk.subarray(i, i + n), this.have);
      this.have += n;
      i += n;
      if (this.have === jpeg.length) this.#whole();
    }
  }

  /** @param {number} b */
  #byte(b) {
    const { head } = this;
    // The end of the line after a picture.
    if (!head.length && (b === CR || b === LF)) return;
    head.push(b);
    if (head.length > MAX_HEAD) throw new PartError('the head of a part has no end');
    if (head.length <= 2 && b !== DASH) throw new PartError('not a part of a stream');
    if (b !== LF) return;
    const n = head.length;
    if (head[n - 2] === LF || (head[n - 2] === CR && head[n - 3] === LF)) this.#open();
    else if (n < 80 && /^--[^\r\n]+--\r?\n$/.test(String.fromCharCode(...head))) this.ended = true;
  }

  #open() {
    const lines = String.fromCharCode(...this.head).split(/\r?\n/);
    this.head = [];
    const field = (/** @type {string} */ name) => {
      const line = lines.find((l) => l.toLowerCase().startsWith(`${name}:`));
      return line?.slice(name.length + 1).trim() ?? '';
    };
    const length = field('content-length');
    if (!/^\d{1,9}$/.test(length)) throw new PartError('a part without its length');
    if (Number(length) > this.most) throw new PartError('a picture that is too large');
    this.have = 0;
    this.part = {
      jpeg: new Uint8Array(Number(length)),
      at: Number(field('lab-time-us')) / 1000,
      seq: Number(field('lab-seq')),
    };
    if (Number(length) === 0) this.#whole();
  }

  #whole() {
    const { part } = this;
    this.part = null;
    if (part?.jpeg.length) this.onPart(part); // an empty one is a sign of life
  }
}
