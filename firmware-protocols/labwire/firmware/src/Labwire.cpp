// Labwire.cpp: start, clock, samples and commands. The Go type Device does the same, byte for byte.
#include "LabwireCore.h"

#include <string.h>

#include "LabwireScan.h"

LabwireDevice Labwire;

static const uint8_t POLL_BYTES = 32;  // taken between two looks at the clock
static const uint16_t SILENCE_MS = 100, STATUS_MS = 1000, TEXT_MS = 200;
static const uint32_t FLUSH_US = 50000;

static uint32_t crc32(const char *p, uint16_t &length) {
  uint32_t crc = 0xFFFFFFFF;
  length = 0;
  for (uint8_t c; (c = lwAt(p)) != 0; p++) {
    length++;
    crc ^= c;
    for (uint8_t i = 0; i < 8; i++) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
  }
  return ~crc;
}

void LabwireDevice::begin(uint32_t baud, const char *dictionary, SafeFunction safeFunction, CommandFunction command,
                          SampleFunction sampleFunction) {
  dict = dictionary;
  onSafe = safeFunction;
  onCommand = command;
  onSample = sampleFunction;
  goSafe(LABWIRE_BOOT);  // before anything else
  event = LABWIRE_NOT_YET;
  dictCRC = crc32(dict, dictLength);
  for (const char *p = dict; lwAt(p); p = lwLine(p)) {
    const char *w = lwWord(p, 1);
    switch (lwKind(p)) {
      case LW_KEY_RATE:
        if (uint32_t mHz = lwNumber(w, 3)) periodUS = 1000000000 / mHz;
        break;
      case LW_KEY_SAFE:
        w = lwWord(w, 1);
        deadmanMS = lwNumber(w, 0);
        typedMS = lwNumber(lwWord(w, 1), 0);
        break;
      case LW_KEY_I16:
      case LW_KEY_ENUM:
        rowBytes += 2;
        break;
      case LW_KEY_F32:
        rowBytes += 4;
        break;
    }
  }
  if (rowBytes > DATA) rowBytes = 0;
  mode = TEXT;
  labwireOpen(baud);
  print('\0');
  printHello();
}

void LabwireDevice::goSafe(LabwireCause why) {
  if (onSafe) onSafe();
  safe = true;
  cause = event = why;
}

void LabwireDevice::poll() {
  us = labwireMicros();
  ms = labwireMillis();
  pump();
  for (uint8_t n = POLL_BYTES; n && !replying; n--) {
    int c = labwireRead();
    if (c < 0) break;
    take(c);
    pump();
  }
  tick();
  pump();
}

void LabwireDevice::tick() {
  if (rxN && age(rxMS) > SILENCE_MS) silence();
  if (!safe && age(aliveMS) >= holdMS) goSafe(LABWIRE_DEADMAN);
  uint16_t quiet = age(statusMS);
  if (mode == TEXT) {
    if (rowBytes && quiet >= TEXT_MS) {
      statusMS = ms;
      printRow();
    }
  } else {
    if (framed && quiet >= STATUS_MS) wantStatus = true;
    if (mode == FAST && rowBytes && periodUS && (int32_t)since(nextUS) >= 0) {
      while (since(nextUS) >= periodUS) lose();
      takeRow(nextUS);
      advance();
    }
    if (rows && since(t0) >= FLUSH_US) flush();
  }
  if (help) printHelp();
}

// ---- samples

void LabwireRow::put(const void *v, uint8_t n) {
  if (n > left) {
    left = 255;  // too many values spoil the row
    return;
  }
  if (left == 255) return;
  memcpy(at, v, n);
  at += n;
  left -= n;
}

void LabwireRow::f32(float v) {
  Labwire.floatPrinter = print;
  put(&v, 4);
}

void LabwireRow::print(const uint8_t *p, uint8_t decimals) { Labwire.printFloat(p, decimals); }

// lose counts a row that is a whole period late.
void LabwireDevice::lose() {
  flush();
  rowNo++;
  count(missed);
  advance();
}

// sample has the sketch write one row to at; false when it is not full.
bool LabwireDevice::sample(uint8_t *at) {
  LabwireRow row;
  row.at = at;
  row.left = rowBytes;
  if (onSample) onSample(row);
  if (row.left) count(missed);
  return row.left == 0;
}

void LabwireDevice::takeRow(const uint32_t &at) {
  if (ready) {
    count(missed);
  } else {
    if (rows == 0) {
      lwCopy(&first, &rowNo, 4);
      lwCopy(&t0, &at, 4);
    }
    uint8_t end = rows * rowBytes;
    if (sample(buffers[fill] + 1 + HEAD + end)) {
      rows++;
      end += rowBytes;
      if (end > DATA - rowBytes || (uint16_t)(periodUS >> 16)) flush();  // a step has 16 bits
    } else {
      flush();  // the rows of a frame follow each other without a gap
    }
  }
  rowNo++;
}

void LabwireDevice::sampleNow() {
  if (mode != FAST || rowBytes == 0) return;
  us = labwireMicros();
  flush();
  takeRow(us);
  flush();
}

// ---- commands

bool LabwireCommand::is(const __FlashStringHelper *id) const {
  const char *p = (const char *)id, *w = lwWord(line, 1);
  for (;; p++, w++) {
    char a = lwAt(p);
    if (a == 0) return lwAt(w) == ' ';
    if (a != lwAt(w)) return false;
  }
}

float LabwireCommand::number(uint8_t i) const {
  float v = args[i];
  const char *p = lwParam(line);
  while (p && i--) p = lwParam(p);
  if (p)
    for (uint8_t d = lwDecimals(p); d; d--) v /= 10;
  return v;
}

// check compares the parameters with the dictionary. A wrong count goes before a wrong value.
LabwireCode LabwireDevice::check(LabwireCommand &c, uint8_t count) {
  const int32_t *v = c.args;
  for (const char *p = lwParam(c.line); p; p = lwParam(p), v++) {
    if (!count--) return LABWIRE_ARGS;
    int32_t low = 0, high;
    if (lwKind(p) == LW_KEY_PICK) {
      high = lwPlace(p, 0) - 1;
    } else {
      const char *w = lwWord(p, 4);
      uint8_t decimals = lwDecimals(p);
      low = lwNumber(w, decimals);
      high = lwNumber(lwWord(w, 1), decimals);
    }
    if (!c.text && (*v < low || *v > high)) c.text = lwWord(p, 1);
  }
  if (count) return LABWIRE_ARGS;
  return c.text ? LABWIRE_RANGE : LABWIRE_OK;
}

LabwireCode LabwireDevice::carryOut(LabwireCommand &c) {
  bool wasSafe = safe, on = lwAt(lwWord(c.line, 3)) == 'o';
  if (on) safe = false;
  LabwireCode code = onCommand ? onCommand(c) : LABWIRE_UNKNOWN;
  if (code != LABWIRE_OK && on && wasSafe) {
    uint8_t before = event;
    goSafe(LABWIRE_UNDONE);
    event = before;
  }
  return code;
}

void LabwireDevice::forget() { memset(known, 0, sizeof known); }

const LabwireDevice::Answer *LabwireDevice::find(uint16_t id, uint16_t crc) const {
  if (id)
    for (uint8_t i = 0; i < KNOWN; i++)
      if (known[i].id == id && known[i].crc == crc) return &known[i];
  return 0;
}

void LabwireDevice::remember(uint16_t id, uint16_t crc, uint8_t code) {
  if (!id) return;
  Answer &a = known[knownAt++ % KNOWN];
  a.id = id;
  a.crc = crc;
  a.code = code;
}
