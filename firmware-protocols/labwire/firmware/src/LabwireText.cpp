// LabwireText.cpp: what a person types and reads.
#include "LabwireCore.h"
#include "LabwireScan.h"

static const uint8_t CAN = 0x18;

static const char codes[] PROGMEM = "ok\0unknown\0args\0range\0busy\0refused\0overflow\0drift\0fault";

// ---- in

void LabwireDevice::typed(uint8_t c) {
  if (c == '\t') c = ' ';
  if (c == CAN) {
    rxN = rxBad = 0;
    if (framed) wantStatus = true;
    goSafe(LABWIRE_ASKED);
  } else if (c == '\n' || c == '\r') {
    if (rxBad) {
      count(bad);
      printReply(0, rxBad, 0);
    } else if (rxN) {
      rx[rxN] = 0;
      line();
    }
    rxN = rxBad = 0;
  } else if (rxBad) {
  } else if (c < ' ' || c > '~') {
    rxN = 0;
    rxBad = LABWIRE_ARGS;
  } else if (rxN == RX - 2) {
    rxN = 0;
    rxBad = LABWIRE_OVERFLOW;
  } else {
    rx[rxN++] = c;
  }
}

// skip steps over the word and the blanks behind it.
static char *skip(char *p) {
  while (*p && *p != ' ') p++;
  while (*p == ' ') p++;
  return p;
}

// The words that are always there; the modes stand first, so that their place is their number.
enum : uint8_t { SET = 3, HELP, SAFE, PING, HELLO, STREAM };
static const char words[] PROGMEM = "off text fast set ? safe ping hello stream ";

// which finds the place of a word.
static uint8_t which(const char *w) {
  const char *p = words;
  uint8_t n = 0;
  for (; lwAt(p) && !lwSame(p, w); p = lwWord(p, 1)) n++;
  return n;
}

// line carries out [#N] [set] COMMAND [VALUE...]
void LabwireDevice::line() {
  uint16_t crc = lwCRC16(rx, rxN), id = 0;
  char *w = (char *)rx;
  while (*w == ' ') w++;
  if (*w == '#') {
    int32_t n;
    if (!lwFixed(w + 1, 0, n) || n < 0 || n > 65535) {
      count(bad);
      printReply(0, LABWIRE_ARGS, 0);
      return;
    }
    id = n;
    w = skip(w);
  }
  uint8_t word = which(w);
  if (word == SET) {
    w = skip(w);
    word = which(w);
  }
  uint8_t code = LABWIRE_OK;
  LabwireCommand c;
  c.text = 0;
  if (*w == 0) {
    if (id == 0) return;
    code = LABWIRE_UNKNOWN;
  } else if (word == HELP) {
    help = dict;
    print(PSTR("# [#N] COMMAND VALUE... "));
    print(words);
    newline();
  } else if (word == SAFE) {
    goSafe(LABWIRE_ASKED);
    event = LABWIRE_NOT_YET;
  } else if (word == PING) {
  } else if (word == HELLO) {
    forget();
    printHello();
  } else if (word == STREAM) {
    code = stream(which(skip(w)), 0);
  } else if (const Answer *a = find(id, crc)) {
    code = a->code;
  } else {
    code = typedCommand(w, c);
    remember(id, crc, code);
  }
  if (code == LABWIRE_OK) alive(false);
  printReply(id, code, c.text);
}

LabwireCode LabwireDevice::typedCommand(char *w, LabwireCommand &c) {
  c.line = lwCommand(dict);
  while (c.line && !lwSame(lwWord(c.line, 1), w)) c.line = lwCommand(lwLine(c.line));
  if (!c.line) return LABWIRE_UNKNOWN;
  uint8_t n = 0;
  for (const char *p = lwParam(c.line); p; p = lwParam(p), n++) {
    w = skip(w);
    bool ok = lwFixed(w, lwDecimals(p), c.args[n]);
    if (!ok && lwKind(p) == LW_KEY_PICK) {
      uint8_t place = lwPlace(p, w);
      ok = place != lwPlace(p, 0);
      c.args[n] = place;
    }
    if (!ok) {
      c.text = lwWord(p, 1);
      return LABWIRE_ARGS;
    }
  }
  if (*skip(w)) return LABWIRE_ARGS;
  LabwireCode code = check(c, n);
  return code == LABWIRE_OK ? carryOut(c) : code;
}

// ---- out

void LabwireDevice::print(char c) {
  drain();
  labwireWrite(c);
}

void LabwireDevice::printTo(const char *text, char end) {
  for (char c; (c = lwAt(text)) != 0 && c != end; text++) print(c);
}

void LabwireDevice::print(const char *text) { printTo(text, 0); }

void LabwireDevice::newline() { print(PSTR("\r\n")); }

// printFixed prints v * 10^-places, without its last digits.
void LabwireDevice::printFixed(int32_t v, uint8_t places, uint8_t cut) {
  uint32_t u = v;
  if (v < 0) {
    print('-');
    u = -u;
  }
  char digits[12];
  uint8_t n = 0;
  while (u || n <= places) {
    digits[n++] = '0' + u % 10;
    u /= 10;
  }
  while (n > cut) {
    if (n == places) print('.');
    print(digits[--n]);
  }
}

// printNth prints one of a list of words in flash that end with 0.
void LabwireDevice::printNth(const char *list, uint8_t n) {
  while (n)
    if (!lwAt(list++)) n--;
  print(list);
}

// printFloat works in whole numbers: a sketch without floats need not carry their arithmetic.
void LabwireDevice::printFloat(const uint8_t *p, uint8_t decimals) {
  uint32_t bits;
  lwCopy(&bits, p, 4);
  int16_t exp = (int16_t)(bits >> 23 & 255) - 150;
  uint32_t m = (bits & 0x7FFFFF) | 0x800000;
  if (exp == 105) {
    print(PSTR("nan"));
    return;
  }
  if (exp == -150) m = 0;
  for (uint8_t i = 0; i < decimals; i++) {
    m *= 10;
    for (; m >> 28; exp++) m >>= 1;
  }
  for (; exp < 0 && m; exp++) m = (m >> 1) + (exp == -1 ? m & 1 : 0);
  for (; exp > 0 && m; exp--) {
    if (m >> 30) {
      print(PSTR("ovf"));
      return;
    }
    m <<= 1;
  }
  printFixed(bits >> 31 ? -(int32_t)m : (int32_t)m, decimals, 0);
}

// printRaw prints an i16 in its unit, in 32 bits; the dictionary's limits leave room for that.
void LabwireDevice::printRaw(const char *channel, const uint8_t *p) {
  int16_t raw;
  lwCopy(&raw, p, 2);
  if (raw == LABWIRE_MISSING) {
    print(PSTR("nan"));
    return;
  }
  int32_t v = raw;
  uint8_t places = 0, cut = 0;
  if (lwKind(channel) != LW_KEY_ENUM) {
    const char *w = lwWord(channel, 6), *scale = lwWord(w, 1);
    places = lwPlaces(scale);
    v = v * lwNumber(scale, places) + lwNumber(lwWord(scale, 1), places);
    uint8_t decimals = lwNumber(w, 0);
    if (decimals < places) cut = places - decimals;
  }
  printFixed(v, places, cut);
}

void LabwireDevice::printReply(uint16_t id, uint8_t code, const char *text) {
  print(code ? PSTR("err") : PSTR("ok"));
  if (id) {
    print(' ');
    printFixed(id, 0, 0);
  }
  if (code) {
    print(' ');
    printNth(codes, code);
    if (text) {
      print(' ');
      printTo(text, ' ');
    }
  }
  newline();
}

void LabwireDevice::printHello() {
  print(PSTR("!hello "));
  printTo(lwWord(lwLine(dict), 1), '\n');
  print(PSTR(" labwire=1 dict="));
  for (int8_t shift = 28; shift >= 0; shift -= 4) {
    uint8_t x = dictCRC >> shift & 15;
    print((char)(x < 10 ? '0' + x : 'a' - 10 + x));
  }
  newline();
}

// printHelp prints one line of the dictionary, so that nothing waits for the whole.
void LabwireDevice::printHelp() {
  print(PSTR("# "));
  printTo(help, '\n');
  print(PSTR("\r\n"));
  help = lwLine(help);
  if (!lwAt(help)) help = 0;
}

void LabwireDevice::printRow() {
  const uint8_t *p = buffers[fill] + 1 + HEAD;
  if (!sample(buffers[fill] + 1 + HEAD)) return;
  for (const char *c = dict; lwAt(c); c = lwLine(c)) {
    uint16_t kind = lwKind(c);
    if (kind != LW_KEY_I16 && kind != LW_KEY_ENUM && kind != LW_KEY_F32) continue;
    printTo(lwWord(c, 1), ' ');
    print(':');
    if (kind == LW_KEY_F32) {
      floatPrinter(p, lwNumber(lwWord(c, 6), 0));
      p += 2;
    } else {
      printRaw(c, p);
    }
    p += 2;
    print(' ');
  }
  print(PSTR("safe:"));
  print((char)('0' + safe));
  newline();
}
