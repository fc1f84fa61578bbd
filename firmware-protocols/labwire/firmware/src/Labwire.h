// Labwire.h: firmware that describes itself to labbox. The protocol is in SPEC.md, a first sketch in examples/blink.
//
// Include this in the sketch itself, once: it holds the serial port. Further files of a sketch include LabwireCore.h.
//
// On an AVR with one or more USARTs the library drives USART0 itself, in a quarter of the flash that Serial takes, and a
// sketch that uses Serial too does not link (multiple definition of __vector_...). A sketch that wants Serial for itself as well,
// or another port, names the port: #define LABWIRE_SERIAL Serial1 before the include.
#ifndef LABWIRE_H
#define LABWIRE_H

#include "LabwireCore.h"

#ifdef ARDUINO
#if defined(UDR0) && !defined(LABWIRE_SERIAL)
#include "LabwireUart.h"
#else
#include "LabwireSerial.h"
#endif
uint32_t labwireMillis() { return millis(); }
uint32_t labwireMicros() { return micros(); }
#endif

#endif
