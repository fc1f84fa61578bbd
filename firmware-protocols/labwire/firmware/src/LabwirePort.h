// LabwirePort.h: what the library needs of a board. With Arduino, Labwire.h defines it; a program of its own defines the
// six functions itself.
#ifndef LABWIRE_PORT_H
#define LABWIRE_PORT_H

#include <stdint.h>

#ifdef ARDUINO
#include <Arduino.h>
#else
#ifdef __AVR__
#include <avr/pgmspace.h>
#else
#define PROGMEM
#define pgm_read_byte(p) (*(const uint8_t *)(p))
#define PSTR(s) (s)
#endif
class __FlashStringHelper;
#define F(s) (reinterpret_cast<const __FlashStringHelper *>(PSTR(s)))
#endif

void labwireOpen(uint32_t baud);
int labwireRead();             // a byte, or -1; never waits
uint8_t labwireRoom();         // bytes that labwireWrite takes without waiting
void labwireWrite(uint8_t c);  // waits for room
uint32_t labwireMillis();
uint32_t labwireMicros();

#endif
