/* harness.h: what the parts of the harness share. See harness.c. */
#ifndef LABBOX_HARNESS_H
#define LABBOX_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>

#define FREQUENCY 16000000UL
#define PORTS 3 /* B, C, D */

typedef unsigned long long u64; /* for printf */

struct pin {
	uint8_t level;
	bool driven; /* from outside, by "set" */
	uint8_t outside;
	u64 changed_us, changes;
};

struct harness {
	avr_t *avr;
	avr_uart_t *uart;
	avr_irq_t *rx_in;
	struct pin pins[PORTS][8];

	const char *link;
	int master; /* -1 while hung up */
	char name[64];
	bool open; /* others have the port open */
	bool reset_on_open, lossy, paused;
	u64 pause_at; /* cycle; 0: never */

	uint8_t tx_buf[4096];
	size_t tx_len;
	bool losing; /* what the kernel's buffer does not take is lost at once */
	bool rx_running, rx_counted_late;
	avr_cycle_count_t rx_given; /* when the last byte was handed over */
	u64 rx, tx, tx_lost, rx_late, held_us;

	int out; /* answers; stdout itself is stderr, because libsimavr prints there */
	u64 wall_start, pace_wall, pace_sim;
};

extern struct harness h;

/* harness.c */
_Noreturn void die(const char *what);

/* chip.c */
u64 sim_us(void);
avr_irq_t *pin_irq(int port, int bit);
void chip_load(const char *file);
void chip_reset(void);
void chip_baud(void);    /* once per slice */
void chip_receive(void); /* there are bytes on the pty */

/* port.c */
void port_plug(void);
void port_hangup(void);
void port_events(void); /* whether others have it open */
void port_send(void);   /* what the chip sent, as far as there is room */
void port_move(void);   /* events and bytes, both ways; once per slice */

#endif
