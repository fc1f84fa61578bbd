/*
 * labbox-plate: a thermal plate on an ATmega328P at 16 MHz (an Arduino Uno's chip).
 *
 * Newline JSON over UART0, 8N1, BAUD bits per second: see README.md for the protocol and the pins.
 * The safety rules, from the inside out:
 *   1. The heater relay (PD4) is driven exactly while the duty is above 0.
 *   2. The 1 ms tick interrupt makes the outputs safe by itself when the host has been silent for
 *      WATCHDOG_MS, whatever the main loop is doing.
 *   3. A line that lost a byte (full ring, overrun, framing error) is never executed.
 *   4. Telemetry never delays a command: it is skipped whole when the transmit ring is short of room,
 *      and REPLY_ROOM bytes of the ring are kept for replies.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <util/atomic.h>

#include "line.h"

#ifndef F_CPU
#define F_CPU 16000000UL
#endif
#ifndef BAUD
#define BAUD 115200UL
#endif
#define UBRR_U2X ((F_CPU + BAUD * 4UL) / (BAUD * 8UL) - 1UL)

#if BAUD >= 57600
#define INTERVAL_DEFAULT 10
#else
#define INTERVAL_DEFAULT 100
#endif
#define INTERVAL_MIN 5
#define INTERVAL_MAX 1000
#define WATCHDOG_MS 3000

#define HEATER PD4
#define FAN PD5
#define PWM PB1 /* OC1A */

#define REPLY_ROOM 48  /* more than the longest reply */
#define SPOILED 0x18   /* CAN in the receive ring: the line it stands in lost a byte */

/* ---- state shared with the interrupts ------------------------------------------------------- */

static volatile uint8_t rx_ring[128], tx_ring[256];
static volatile uint8_t rx_head, rx_tail; /* head is written by the interrupt only */
static volatile uint8_t tx_head, tx_tail; /* tail is written by the interrupt only */
static volatile bool rx_skipping;         /* bytes were lost: drop until LF */

static volatile uint32_t ms;      /* since boot */
static volatile uint8_t duty;     /* percent */
static volatile bool fan;
static volatile uint16_t dog;     /* ms left until the outputs go safe by themselves */
static volatile bool dog_barked;  /* the event line is still to be sent */

static volatile uint16_t adc_count; /* samples in adc_sum, since the last report */
static volatile uint32_t adc_sum;

static uint16_t interval = INTERVAL_DEFAULT;
static uint32_t sample_number, next_report;
static struct line line;

/* ---- outputs -------------------------------------------------------------------------------- */

/* outputs writes duty and fan to the pins. Interrupts must be off. At 0 % and at 100 % the timer lets go of
 * the pin: fast PWM with OCR1A = 0 would still give one count per period. */
static void outputs(void) {
	if (duty == 0)
		PORTD &= ~_BV(HEATER);
	else
		PORTD |= _BV(HEATER);

	if (duty == 0 || duty == 100)
		TCCR1A &= ~_BV(COM1A1);
	if (duty == 100)
		PORTB |= _BV(PWM);
	else
		PORTB &= ~_BV(PWM);
	if (duty > 0 && duty < 100) {
		OCR1A = duty - 1;
		TCCR1A |= _BV(COM1A1);
	}

	if (fan)
		PORTD |= _BV(FAN);
	else
		PORTD &= ~_BV(FAN);
}

#define KEEP -1

/* drive sets the outputs that are not KEEP and starts the watchdog's time anew. All of it with interrupts
 * off: a watchdog that has just barked must not be undone by an older reading of the duty. */
static void drive(int8_t new_duty, int8_t new_fan) {
	ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
		if (new_duty != KEEP)
			duty = new_duty;
		if (new_fan != KEEP)
			fan = new_fan;
		dog = WATCHDOG_MS + 1; /* the first tick may come at once */
		outputs();
	}
}

/* ---- interrupts ----------------------------------------------------------------------------- */

ISR(TIMER0_COMPA_vect) {
	ms++;
	if ((duty != 0 || fan) && --dog == 0) {
		duty = 0;
		fan = false;
		outputs();
		dog_barked = true;
	}
	/* One conversion (104 us) per tick: the last one ended long ago. */
	adc_sum += ADC;
	adc_count++;
	ADCSRA |= _BV(ADSC);
}

static bool rx_push(uint8_t c, uint8_t keep) {
	uint8_t free = (uint8_t)(rx_tail - rx_head - 1) & (sizeof rx_ring - 1);
	if (free <= keep)
		return false;
	rx_ring[rx_head] = c;
	rx_head = (rx_head + 1) & (sizeof rx_ring - 1);
	return true;
}

ISR(USART_RX_vect) {
	uint8_t status = UCSR0A; /* before UDR0: reading that drops it */
	uint8_t c = UDR0;
	if (status & (_BV(FE0) | _BV(DOR0)))
		rx_skipping = true;
	if (rx_skipping) {
		/* The mark and the LF go in together, or the next line end is tried. */
		if (c == '\n' && rx_push(SPOILED, 1) && rx_push('\n', 0))
			rx_skipping = false;
		return;
	}
	if (!rx_push(c, 0))
		rx_skipping = true;
}

ISR(USART_UDRE_vect) {
	if (tx_tail == tx_head) {
		UCSR0B &= ~_BV(UDRIE0);
		return;
	}
	UDR0 = tx_ring[tx_tail];
	tx_tail++;
}

/* ---- sending -------------------------------------------------------------------------------- */

static uint8_t tx_free(void) { return (uint8_t)(tx_tail - tx_head - 1); }

static void put(char c) {
	tx_ring[tx_head] = c;
	tx_head++;
	UCSR0B |= _BV(UDRIE0);
}

static void put_P(const char *s) {
	for (char c; (c = pgm_read_byte(s)) != 0; s++)
		put(c);
}

/* put_uint sends v with at least width digits. */
static void put_uint(uint32_t v, uint8_t width) {
	char digits[10];
	uint8_t n = 0;
	do {
		digits[n++] = '0' + v % 10;
		v /= 10;
	} while (v != 0 || n < width);
	while (n > 0)
		put(digits[--n]);
}

static void banner(void) { put_P(PSTR("{\"id\":\"labbox-plate\",\"fw\":\"1.0\"}\r\n")); }

static void error(const char *what) {
	put_P(PSTR("{\"error\":\""));
	put_P(what);
	put_P(PSTR("\"}\r\n"));
}

/* centi_degrees is the mean since the last call, in 0.01 deg C: 10 mV per deg C, 5 V reference.
 * The mean is kept in sixteenths of an ADC step so that averaging gains resolution. */
static uint16_t centi_degrees(void) {
	uint32_t sum;
	uint16_t count;
	ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
		sum = adc_sum;
		count = adc_count;
		adc_sum = 0;
		adc_count = 0;
	}
	if (count == 0)
		return 0;
	uint32_t mean16 = (sum * 16 + count / 2) / count;
	return (mean16 * 3125 + 512) / 1024;
}

/* report sends one telemetry line, whole or not at all; the number counts on either way. */
static void report(uint32_t now) {
	uint32_t n = sample_number++;
	uint16_t temp = centi_degrees();
	if (tx_free() < 80 + REPLY_ROOM)
		return;
	put_P(PSTR("{\"n\":"));
	put_uint(n, 1);
	put_P(PSTR(",\"t\":"));
	put_uint(now, 1);
	put_P(PSTR(",\"temp\":"));
	put_uint(temp / 100, 1);
	put('.');
	put_uint(temp % 100, 2);
	uint8_t d;
	bool f;
	ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
		d = duty;
		f = fan;
	}
	put_P(PSTR(",\"duty\":"));
	put_uint(d, 1);
	put_P(PSTR(",\"fan\":"));
	put_uint(f, 1);
	put_P(PSTR(",\"safe\":"));
	put_uint(d == 0 && !f, 1);
	put_P(PSTR("}\r\n"));
}

/* ---- commands ------------------------------------------------------------------------------- */

/* ok confirms a command; a negative value leaves the param out. */
static void ok(const char *cmd, int16_t value) {
	put_P(PSTR("{\"ok\":\""));
	put_P(cmd);
	put('"');
	if (value >= 0) {
		put_P(PSTR(",\"param\":"));
		put_uint(value, 1);
	}
	put_P(PSTR("}\r\n"));
}

static void execute(uint32_t now) {
	struct command c;
	if (!line_parse(&line, &c)) {
		error(PSTR("parse"));
		return;
	}
	bool wants_param = true;
	int16_t low = 0, high;
	if (strcmp_P(c.cmd, PSTR("duty")) == 0)
		high = 100;
	else if (strcmp_P(c.cmd, PSTR("fan")) == 0)
		high = 1;
	else if (strcmp_P(c.cmd, PSTR("interval")) == 0)
		low = INTERVAL_MIN, high = INTERVAL_MAX;
	else
		wants_param = false;

	if (wants_param) {
		if (!c.has_param) {
			error(PSTR("parse"));
			return;
		}
		if (c.param < low || c.param > high) {
			error(PSTR("range"));
			return;
		}
		if (c.cmd[0] == 'd') {
			drive(c.param, KEEP);
			ok(PSTR("duty"), c.param);
		} else if (c.cmd[0] == 'f') {
			drive(KEEP, c.param);
			ok(PSTR("fan"), c.param);
		} else {
			drive(KEEP, KEEP);
			interval = c.param;
			next_report = now + interval;
			ok(PSTR("interval"), c.param);
		}
	} else if (strcmp_P(c.cmd, PSTR("beat")) == 0) {
		drive(KEEP, KEEP);
		ok(PSTR("beat"), -1);
	} else if (strcmp_P(c.cmd, PSTR("safe")) == 0) {
		drive(0, 0);
		ok(PSTR("safe"), -1);
	} else if (strcmp_P(c.cmd, PSTR("id")) == 0) {
		drive(KEEP, KEEP);
		banner();
	} else {
		error(PSTR("command"));
	}
}

/* receive takes one byte from the ring and makes at most one reply. */
static void receive(uint32_t now) {
	uint8_t c = rx_ring[rx_tail];
	rx_tail = (rx_tail + 1) & (sizeof rx_ring - 1);
	switch (line_feed(&line, c, c == SPOILED)) {
	case LINE_MORE:
		break;
	case LINE_OVERFLOW:
		error(PSTR("overflow"));
		break;
	case LINE_READY:
		execute(now);
		break;
	}
}

/* ---- start ---------------------------------------------------------------------------------- */

static void setup(void) {
	PORTD &= ~(_BV(HEATER) | _BV(FAN));
	PORTB &= ~_BV(PWM);
	DDRD |= _BV(HEATER) | _BV(FAN);
	DDRB |= _BV(PWM);

	/* Timer 1: fast PWM, 100 steps, 156 Hz, OC1A let go until there is a duty. */
	ICR1 = 99;
	OCR1A = 0;
	TCCR1A = _BV(WGM11);
	TCCR1B = _BV(WGM13) | _BV(WGM12) | _BV(CS12) | _BV(CS10);

	/* Timer 0: 1 ms. */
	OCR0A = F_CPU / 64 / 1000 - 1;
	TCCR0A = _BV(WGM01);
	TCCR0B = _BV(CS01) | _BV(CS00);
	TIMSK0 = _BV(OCIE0A);

	/* ADC0 against AVCC at 125 kHz. */
	ADMUX = _BV(REFS0);
	DIDR0 = _BV(ADC0D);
	ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
	ADCSRA |= _BV(ADSC);
	while (ADCSRA & _BV(ADSC))
		;

	/* U2X before UBRR: simavr computes the byte time when UBRR is written. */
	UCSR0A = _BV(U2X0);
	UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
	UBRR0 = UBRR_U2X;
	UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
}

int main(void) {
	setup();
	set_sleep_mode(SLEEP_MODE_IDLE);
	banner();
	next_report = interval;
	sei();

	uint32_t seen = 0;
	for (;;) {
		uint32_t now;
		ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { now = ms; }
		seen = now;
		while (rx_tail != rx_head && tx_free() >= REPLY_ROOM)
			receive(now);
		if (dog_barked && tx_free() >= REPLY_ROOM) {
			dog_barked = false;
			put_P(PSTR("{\"event\":\"watchdog\"}\r\n"));
		}
		if ((int32_t)(now - next_report) >= 0) {
			report(now);
			next_report += interval;
		}
		cli();
		if (ms == seen && (rx_tail == rx_head || tx_free() < REPLY_ROOM)) {
			sleep_enable();
			sei();
			sleep_cpu();
			sleep_disable();
		}
		sei();
	}
}
