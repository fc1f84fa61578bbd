// Arduino.h: enough of Arduino to run a sketch on a computer: see host.cpp.
#ifndef LABWIRE_HOST_ARDUINO_H
#define LABWIRE_HOST_ARDUINO_H

#include <stdint.h>

#define HIGH 1
#define LOW 0
#define INPUT 0
#define OUTPUT 1
#define LED_BUILTIN 13
enum { A0 = 14, A1, A2, A3, A4, A5 };

void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t level);
void analogWrite(uint8_t pin, int duty);
int analogRead(uint8_t pin);
uint32_t millis();
uint32_t micros();

#endif
