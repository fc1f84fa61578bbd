// host.cpp: runs a sketch on a computer, on a clock that the caller sets. It is built together with a sketch, given as
// the macro SKETCH, and the library; the tests and the export of the dictionary use it.
//
//   dict            prints the dictionary in hex
//   text            prints it as it is
//   boot            runs setup, prints what it sent in hex
//   at US [HEX]     sets the clock, hands bytes over, runs loop until they are taken, prints what was sent in hex
//   pin N           prints the level or duty of a pin
//   analog N VALUE  what analogRead gives
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <string>

#include "Arduino.h"
#include "Labwire.h"

static uint32_t now;
static std::string in, out;
static size_t at;
static int pins[64], inputs[64];

void pinMode(uint8_t, uint8_t) {}
void digitalWrite(uint8_t pin, uint8_t level) { pins[pin & 63] = level; }
void analogWrite(uint8_t pin, int duty) { pins[pin & 63] = duty; }
int analogRead(uint8_t pin) { return inputs[pin & 63]; }
uint32_t millis() { return now / 1000; }
uint32_t micros() { return now; }

void labwireOpen(uint32_t) {}
int labwireRead() { return at < in.size() ? (uint8_t)in[at++] : -1; }
uint8_t labwireRoom() { return 255; }
void labwireWrite(uint8_t c) { out += (char)c; }
uint32_t labwireMillis() { return now / 1000; }
uint32_t labwireMicros() { return now; }

#include SKETCH

static void show(const std::string &s) {
  for (size_t i = 0; i < s.size(); i++) printf("%02x", (uint8_t)s[i]);
  printf("\n");
  fflush(stdout);
}

int main() {
  static char line[1 << 16], hex[1 << 16];
  bool booted = false;
  while (fgets(line, sizeof line, stdin)) {
    unsigned a = 0;
    int b = 0;
    hex[0] = 0;
    if (!booted) {
      setup();
      booted = true;
    }
    if (!strncmp(line, "dict", 4)) {
      show(Labwire.dictionary());
    } else if (!strncmp(line, "text", 4)) {
      fputs(Labwire.dictionary(), stdout);
    } else if (!strncmp(line, "boot", 4)) {
      show(out);
      out.clear();
    } else if (sscanf(line, "at %u %65535s", &a, hex) >= 1) {
      now = a;
      in.clear();
      at = 0;
      for (const char *p = hex; p[0] && p[1]; p += 2) in += (char)strtoul(std::string(p, 2).c_str(), 0, 16);
      do loop();
      while (at < in.size());
      show(out);
      out.clear();
    } else if (sscanf(line, "pin %u", &a) == 1) {
      printf("%d\n", pins[a & 63]);
      fflush(stdout);
    } else if (sscanf(line, "analog %u %d", &a, &b) == 2) {
      inputs[a & 63] = b;
      printf("\n");
      fflush(stdout);
    }
  }
}
