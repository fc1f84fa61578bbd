// LabwireFrames.cpp: requests of the box, and frames to it.
#include <string.h>

#include "LabwireCore.h"
#include "LabwireScan.h"

enum : uint8_t {
  REQUEST = 0xF5,
  HELLO = 0xF8,
  SAMPLES = 0xF9,
  REPLY = 0xFA,
  EVENT = 0xFB,
  STATUS = 0xFC,
  PART = 0xFD,
};

enum : uint8_t { PING, ASK_HELLO, ASK_DICTIONARY, STREAM, SAFE, COMMAND };

static const uint8_t CAN = 0x18;

static uint16_t get16(const uint8_t *p) { return p[0] | (uint16_t)p[1] << 8; }

// ---- from the box

void LabwireDevice::take(uint8_t c) {
  rxMS = ms;
  if (c == 0) {
    zero();
    return;
  }
  switch (rxState) {
    case IN_FRESH:
      rx[rxN++] = c;
      if (rxN < 2) return;
      if (c >= REQUEST) {
        rxState = IN_FRAME;
        return;
      }
      rxN = 0;
      rxState = IN_TEXT;
      typed(rx[0]);
      typed(c);
      return;
    case IN_FRAME:
      if (rxN < RX) {
        rx[rxN++] = c;
        return;
      }
      rxN = 0;
      rxState = IN_TEXT;
      rxBad = LABWIRE_OVERFLOW;
      // fall through
    default:
      typed(c);
  }
}

void LabwireDevice::zero() {
  if (rxState == IN_FRAME) {
    request();
  } else if (rxState == IN_FRESH && rxN == 1 && rx[0] == CAN) {
    framed = wantStatus = true;
    goSafe(LABWIRE_ASKED);
  } else if (rxN || rxBad) {
    count(bad);
  }
  rxN = rxBad = 0;
  rxState = IN_FRESH;
}

void LabwireDevice::silence() {
  if (rxState == IN_FRESH) {
    rxN = 0;
    rxState = IN_TEXT;
    typed(rx[0]);
  } else if (rxState == IN_FRAME) {
    rxN = 0;
    rxState = IN_TEXT;
    count(bad);
  }
}

// unstuff decodes n bytes of COBS and CRC in place; the content begins at p + 1. It returns its length, 0: bad.
static uint8_t unstuff(uint8_t *p, uint8_t n) {
  if (n < 4) return 0;
  for (uint8_t i = 0; i < n;) {
    uint8_t run = p[i];
    if (run == 0 || run > n - i) return 0;
    p[i] = 0;
    i += run;
  }
  return lwCRC16(p + 1, n - 3) == get16(p + n - 2) ? n - 3 : 0;
}

void LabwireDevice::request() {
  uint8_t n = unstuff(rx, rxN);
  const uint8_t *p = rx + 1;
  if (n < 4 || p[0] != REQUEST) {
    count(bad);
    return;
  }
  uint16_t id = get16(p + 1), crc = get16(p + n);
  uint8_t op = p[3], length = n - 4;
  const uint8_t *body = p + 4;
  if (op > COMMAND || (op == COMMAND ? length % 4 != 1 : length != (op == ASK_DICTIONARY ? 3 : op == STREAM ? 6 : 0))) {
    count(bad);
    return;
  }
  alive(true);
  uint8_t code = LABWIRE_OK;
  LabwireCommand c;
  c.text = 0;
  if (op == ASK_HELLO) {
    forget();
    wantHello = true;
    return;
  } else if (op == ASK_DICTIONARY) {
    chunkAt = get16(body);
    chunks = body[2] ? body[2] : 255;
    return;
  } else if (op == STREAM) {
    code = LABWIRE_DRIFT;
    if (body[0] != FAST || memcmp(body + 2, &dictCRC, 4) == 0) code = stream(body[0], body[1]);
  } else if (op == SAFE) {
    goSafe(LABWIRE_ASKED);
  } else if (op == COMMAND) {
    if (const Answer *a = find(id, crc)) {
      code = a->code;
    } else {
      uint8_t index = *body++;
      length--;
      c.line = lwCommand(dict);
      while (c.line && index--) c.line = lwCommand(lwLine(c.line));
      code = LABWIRE_UNKNOWN;
      if (c.line) {
        code = LABWIRE_ARGS;
        if (length <= sizeof c.args) {
          lwCopy(c.args, body, length);
          code = check(c, length / 4);
          if (code == LABWIRE_ARGS) c.text = 0;
          if (code == LABWIRE_OK) code = carryOut(c);
        }
      }
      remember(id, crc, code);
    }
  } else if (id == 0) {
    return;  // a ping
  }
  reply.id = id;
  reply.code = code;
  replyText = code == LABWIRE_OK ? 0 : c.text;
  replying = true;
}

void LabwireDevice::alive(bool byFrame) {
  aliveMS = ms;
  framed = byFrame;
  holdMS = byFrame ? deadmanMS : typedMS;
}

LabwireCode LabwireDevice::stream(uint8_t m, uint8_t e) {
  if (m > FAST) return LABWIRE_ARGS;
  mode = m;
  epoch = e;
  rows = 0;
  ready = false;
  rowNo = 0;
  lwCopy(&nextUS, &us, 4);
  statusMS = ms;
  return LABWIRE_OK;
}

// ---- to the box

// start seals and sends what stands in buf[1] to buf[length]: number, CRC and COBS.
void LabwireDevice::start(uint8_t *buf, uint8_t length) {
  buf[2] = seq++;
  uint16_t crc = lwCRC16(buf + 1, length);
  buf[length + 1] = crc;
  buf[length + 2] = crc >> 8;
  length += 3;
  uint8_t run = 0;
  for (uint8_t i = 1; i < length; i++) {
    if (buf[i]) continue;
    buf[run] = i - run;
    run = i;
  }
  buf[run] = length - run;
  tx = buf;
  txLength = length;
  txAt = 0;
}

// send goes on with the frame under way; false when the port is full.
bool LabwireDevice::send() {
  uint8_t room = labwireRoom();
  while (tx) {
    if (!room--) return false;
    labwireWrite(txAt == 0 || txAt > txLength ? 0 : tx[txAt - 1]);
    if (txAt++ > txLength) tx = 0;
  }
  return true;
}

// drain waits until the frame under way is out, so that text does not fall into it.
void LabwireDevice::drain() {
  while (!send()) {
  }
}

void LabwireDevice::pump() {
  while (send() && next()) {
  }
}

static const char causes[] PROGMEM = "deadman\0asked\0sketch";  // those that are told in text

// copyText copies at most 16 bytes from flash, up to 0 or the character end.
__attribute__((noinline)) static uint8_t *copyText(uint8_t *to, const char *text, char end) {
  for (uint8_t n = 16; text && n; n--) {
    char c = lwAt(text++);
    if (c == 0 || c == end) break;
    *to++ = c;
  }
  return to;
}

// next begins what is most urgent; false when nothing waits.
bool LabwireDevice::next() {
  uint8_t *b = small, *p = b + 3, type;
  if (replying) {
    replying = false;
    type = REPLY;
    p = copyText(lwCopy(p, &reply.id, 3), replyText, ' ');
  } else if (event || noted) {
    uint8_t why = event;
    const char *text = why ? 0 : noted;
    event = LABWIRE_NOT_YET;
    if (!why) noted = 0;
    if (!framed) {
      if (why) {
        print(PSTR("!safe "));
        printNth(causes, why - LABWIRE_DEADMAN);
      } else {
        print(PSTR("!note "));
        print(text);
      }
      newline();
      return true;
    }
    if (why) wantStatus = true;
    type = EVENT;
    *p++ = why ? 1 : 2;
    *p++ = why;
    p = copyText(lwCopy(p, &ms, 4), text, 0);
  } else if (wantHello) {
    wantHello = false;
    type = HELLO;
    *p++ = 1;
    *p++ = safe;
    p = lwCopy(lwCopy(p, &dictCRC, 6), &ms, 4);
    *p++ = RX;
  } else if (wantStatus) {
    wantStatus = false;
    statusMS = ms;
    type = STATUS;
    p = lwCopy(p, &safe, 12);
  } else if (ready) {
    b = buffers[fill];
    fill ^= 1;
    type = SAMPLES;
    b[3] = safe;
    b[4] = epoch;
    step = rows > 1 ? periodUS : 0;
    p = lwCopy(b + 5, &first, 11) + rows * rowBytes;
    ready = false;
    rows = 0;
  } else if (chunks && chunkAt < dictLength) {
    chunks--;
    b = buffers[fill ^ 1];
    type = PART;
    p = lwCopy(b + 3, &chunkAt, 2);
    for (uint8_t n = CHUNK; n && chunkAt < dictLength; n--) *p++ = lwAt(dict + chunkAt++);
  } else {
    return false;
  }
  b[1] = type;
  start(b, p - b - 1);
  return true;
}
