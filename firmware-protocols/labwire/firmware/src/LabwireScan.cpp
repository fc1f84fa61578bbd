// LabwireScan.cpp: see LabwireScan.h.
#include "LabwireScan.h"

#ifdef __AVR__
#include <util/crc16.h>
#else
static uint16_t _crc_xmodem_update(uint16_t crc, uint8_t c) {
  uint8_t x = crc >> 8 ^ c;
  x ^= x >> 4;
  return crc << 8 ^ (uint16_t)x << 12 ^ (uint16_t)x << 5 ^ x;
}
#endif

uint16_t lwCRC16(const uint8_t *p, uint8_t n) {
  uint16_t crc = 0xFFFF;
  while (n--) crc = _crc_xmodem_update(crc, *p++);
  return crc;
}

__attribute__((noinline, noclone)) uint8_t *lwCopy(void *to, const void *from, uint8_t n) {
  uint8_t *t = (uint8_t *)to;
  for (const uint8_t *p = (const uint8_t *)from; n; n--) *t++ = *p++;
  return t;
}

const char *lwLine(const char *p) {
  for (;;) {
    char c = lwAt(p);
    if (c == 0) return p;
    p++;
    if (c == '\n') return p;
  }
}

const char *lwWord(const char *p, uint8_t n) {
  while (n--) {
    char end = ' ';
    if (lwAt(p) == '"') {
      end = '"';
      p++;
    }
    for (;;) {
      char c = lwAt(p);
      if (c == '\n' || c == 0) return p;
      p++;
      if (c == end) break;
    }
    if (end == '"' && lwAt(p) == ' ') p++;
  }
  return p;
}

bool lwSame(const char *p, const char *ram) {
  for (;; p++, ram++) {
    char a = lwAt(p);
    bool endA = a == ' ' || a == '\n' || a == 0, endB = *ram == ' ' || *ram == 0;
    if (endA || endB) return endA && endB;
    if (a != *ram) return false;
  }
}

const char *lwCommand(const char *p) {
  for (; lwAt(p); p = lwLine(p))
    if (lwKind(p) == LW_KEY_COMMAND) return p;
  return 0;
}

const char *lwParam(const char *p) {
  for (p = lwLine(p); lwAt(p); p = lwLine(p)) {
    uint16_t kind = lwKind(p);
    if (kind == LW_KEY_COMMAND) break;
    if (kind == LW_KEY_FLOAT || kind == LW_KEY_INT || kind == LW_KEY_PICK) return p;
  }
  return 0;
}

uint8_t lwPlace(const char *p, const char *ram) {
  const char *end = lwParam(p);
  if (!end) end = lwCommand(lwLine(p));
  uint8_t n = 0;
  for (p = lwLine(p); p != end && lwAt(p); p = lwLine(p)) {
    if (lwKind(p) != LW_KEY_CHOICE) continue;
    if (ram && lwSame(lwWord(p, 1), ram)) break;
    n++;
  }
  return n;
}

__attribute__((noinline, noclone)) static int32_t ten(int32_t v) { return v * 10; }

bool lwFixed(const char *s, uint8_t decimals, int32_t &v) {
  bool minus = *s == '-', point = false;
  if (minus) s++;
  int32_t n = 0;
  uint8_t digits = 0, places = 0;
  char last = 0;
  for (;; s++) {
    char c = *s;
    if (c == 0 || c == ' ') break;
    last = c;
    if (c == '.' && !point && digits) {
      point = true;
      continue;
    }
    c -= '0';
    if ((uint8_t)c > 9) return false;
    if (point && places >= decimals) {
      if (c) return false;
      continue;
    }
    n = ten(n) + c;
    digits++;
    places += point;
    if (digits > 9) return false;
  }
  if (!digits || last == '.') return false;
  for (; places < decimals; places++) {
    n = ten(n);
    if (++digits > 9) return false;
  }
  v = minus ? -n : n;
  return true;
}

int32_t lwNumber(const char *p, uint8_t decimals) {
  char word[12];
  uint8_t n = 0;
  for (; n < 11; n++) {
    char c = lwAt(p + n);
    if (c == ' ' || c == '\n') break;
    word[n] = c;
  }
  word[n] = 0;
  int32_t v = 0;
  lwFixed(word, decimals, v);
  return v;
}

uint8_t lwDecimals(const char *p) { return lwKind(p) == LW_KEY_FLOAT ? lwNumber(lwWord(p, 6), 0) : 0; }

uint8_t lwPlaces(const char *p) {
  uint8_t n = 0;
  bool point = false;
  for (;; p++) {
    char c = lwAt(p);
    if (c == ' ' || c == '\n') return n;
    if (point) n++;
    if (c == '.') point = true;
  }
}
