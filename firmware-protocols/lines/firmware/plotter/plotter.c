/*
 * labbox-plotter: "any sketch": prints Arduino-plotter lines and listens to nothing.
 *
 *   Min:0<TAB>raw:123<TAB>filtered:120.5<CR><LF>
 *
 * 50 lines a second over UART0, 8N1, BAUD bits per second. raw is ADC0 (0..1023, 5 V reference), filtered
 * is raw through a first-order low-pass of 8 samples, with one decimal. ATmega328P at 16 MHz.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdint.h>
#include <stdlib.h>

#ifndef F_CPU
#define F_CPU 16000000UL
#endif
#ifndef BAUD
#define BAUD 115200UL
#endif
#define PERIOD_MS 20

static volatile uint8_t ticks;

ISR(TIMER0_COMPA_vect) { ticks++; }

static void print(const char *s) {
	for (; *s; s++) {
		while (!(UCSR0A & _BV(UDRE0)))
			;
		UDR0 = *s;
	}
}

static void print_int(uint16_t v) {
	char digits[6];
	print(utoa(v, digits, 10));
}

static uint16_t convert(void) {
	ADCSRA |= _BV(ADSC);
	while (ADCSRA & _BV(ADSC))
		;
	return ADC;
}

int main(void) {
	OCR0A = F_CPU / 64 / 1000 - 1; /* 1 ms */
	TCCR0A = _BV(WGM01);
	TCCR0B = _BV(CS01) | _BV(CS00);
	TIMSK0 = _BV(OCIE0A);

	ADMUX = _BV(REFS0);
	ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);

	UCSR0A = _BV(U2X0); /* before UBRR: simavr computes the byte time when that is written */
	UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
	UBRR0 = (F_CPU + BAUD * 4UL) / (BAUD * 8UL) - 1UL;
	UCSR0B = _BV(TXEN0);

	set_sleep_mode(SLEEP_MODE_IDLE);
	sei();

	uint16_t filtered = convert() * 8; /* eighths of a step */
	uint8_t last = 0;
	for (;;) {
		while ((uint8_t)(ticks - last) < PERIOD_MS)
			sleep_mode();
		last += PERIOD_MS;
		uint16_t raw = convert();
		filtered += raw - (filtered + 4) / 8;
		print("Min:0\traw:");
		print_int(raw);
		print("\tfiltered:");
		print_int(filtered / 8);
		print(".");
		print_int((filtered % 8) * 10 / 8);
		print("\r\n");
	}
}
