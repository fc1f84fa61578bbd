/*
 * harness: runs real ATmega328P firmware (16 MHz, 5 V) on libsimavr and puts its UART on a pty.
 *
 * A TEST PROGRAM OF ITS OWN. libsimavr is GPL-3, so this file is compiled and run as a separate process by
 * the Go package simchip and is never linked into, embedded in or shipped with the labbox binary.
 *
 *   harness [--reset-on-open] [--lossy] FIRMWARE.elf|FIRMWARE.hex SYMLINK
 *
 * Build: cc -O2 -o harness harness.c chip.c port.c -lsimavr -lelf -lutil
 *
 * Simulated time is paced to the wall clock; on a loaded machine it falls behind and stays behind, so a
 * test must judge by the times reported here. SYMLINK points to the pty's slave, already raw. One received
 * byte is handed to the UART per character time of simulated time, and the pty is read no faster, so that
 * the kernel's buffer fills as a real port's would. What the chip sends while nobody has the port open is
 * lost. When somebody has it open and does not read, simulated time waits for the reader, so that a starved
 * test loses nothing; after HOLD_US of wall time, or at once with --lossy, the chip goes on and what it sends
 * is lost, as on a bench. With --reset-on-open the chip is reset when the port is opened, as an Arduino Uno is.
 *
 * Control words on stdin, one answer line each on stdout ("ok ..." or "error ..."); times in microseconds
 * of simulated time since the harness started (a reset does not set them back). The program ends with stdin.
 *
 *   now                 ok US
 *   adc CH MV           set an ADC input
 *   set PORT BIT LEVEL  drive an input pin from outside
 *   pin PORT BIT        ok LEVEL US CHANGES: level, time of its last change, number of changes
 *   peek ADDR           ok VALUE: a byte of data memory (registers included), address in C notation
 *   reset               the reset pin
 *   hangup, plug        close the pty and remove the link; make a new pty and link. The chip runs on.
 *   pause, resume       stop and continue simulated time
 *   run US              continue for US, then pause again; the answer comes at once
 *   stats               ok cycles=.. sim_us=.. wall_us=.. rx=.. tx=.. tx_lost=.. rx_late=.. held_us=.. open=..
 *   quit
 */
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_adc.h>

#define SLICE_US 1000    /* pacing step */
#define HOLD_US 10000000 /* longest wait for a reader */
#define MAX_LAG_US 50000 /* more than this behind the wall clock is given up */

struct harness h = {.master = -1};

static u64 wall_us(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void pace_from_now(void) {
	h.pace_wall = wall_us();
	h.pace_sim = sim_us();
}

_Noreturn void die(const char *what) {
	fprintf(stderr, "harness: %s: %s\n", what, strerror(errno));
	unlink(h.link);
	exit(1);
}

static void answer(const char *format, ...) {
	char line[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	line[n++] = '\n';
	if (write(h.out, line, n) != n)
		exit(1);
}

static struct pin *find_pin(char port, int bit, avr_irq_t **irq) {
	if (port < 'B' || port > 'D' || bit < 0 || bit > 7)
		return NULL;
	*irq = pin_irq(port - 'B', bit);
	return &h.pins[port - 'B'][bit];
}

static void obey(const char *line) {
	char word[16] = "", port;
	int a, b, level;
	struct pin *p;
	avr_irq_t *irq;
	port_events(); /* who opened the port before this word came is served by it */
	if (sscanf(line, "%15s", word) != 1) {
		answer("error empty");
	} else if (strcmp(word, "now") == 0) {
		answer("ok %llu", sim_us());
	} else if (sscanf(line, "adc %d %d", &a, &b) == 2 && a >= 0 && a < 8 && b >= 0 && b <= 5000) {
		avr_raise_irq(avr_io_getirq(h.avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0 + a), b);
		answer("ok");
	} else if (sscanf(line, "set %c %d %d", &port, &b, &level) == 3 && (p = find_pin(port, b, &irq)) != NULL) {
		p->driven = true;
		p->outside = level != 0;
		avr_raise_irq(irq, p->outside);
		answer("ok");
	} else if (sscanf(line, "pin %c %d", &port, &b) == 2 && (p = find_pin(port, b, &irq)) != NULL) {
		answer("ok %d %llu %llu", p->level, p->changed_us, p->changes);
	} else if (sscanf(line, "peek %i", &a) == 1 && a >= 0 && a <= h.avr->ramend) {
		answer("ok %d", h.avr->data[a]);
	} else if (strcmp(word, "reset") == 0) {
		chip_reset();
		answer("ok %llu", sim_us());
	} else if (strcmp(word, "hangup") == 0) {
		if (h.master >= 0)
			port_hangup();
		answer("ok %llu", sim_us());
	} else if (strcmp(word, "plug") == 0) {
		if (h.master < 0)
			port_plug();
		answer("ok %s", h.name);
	} else if (strcmp(word, "pause") == 0) {
		h.paused = true;
		h.pause_at = 0;
		answer("ok %llu", sim_us());
	} else if (strcmp(word, "resume") == 0) {
		h.paused = false;
		h.pause_at = 0;
		pace_from_now();
		answer("ok %llu", sim_us());
	} else if (sscanf(line, "run %d", &a) == 1 && a > 0) {
		h.paused = false;
		h.pause_at = h.avr->cycle + a * (FREQUENCY / 1000000);
		pace_from_now();
		answer("ok %llu", h.pause_at / (FREQUENCY / 1000000));
	} else if (strcmp(word, "stats") == 0) {
		answer("ok cycles=%llu sim_us=%llu wall_us=%llu rx=%llu tx=%llu tx_lost=%llu rx_late=%llu held_us=%llu open=%d",
		       (u64)h.avr->cycle, sim_us(), wall_us() - h.wall_start, h.rx, h.tx, h.tx_lost, h.rx_late, h.held_us,
		       h.open);
	} else if (strcmp(word, "quit") == 0) {
		answer("ok");
		unlink(h.link);
		exit(0);
	} else {
		answer("error not understood: %s", line);
	}
}

/* control waits up to timeout_us (or for ever, when it is negative) for a control word, and obeys. */
static void control(int64_t timeout_us) {
	static char buf[512];
	static size_t len;
	struct pollfd p = {0, POLLIN, 0};
	struct timespec t = {timeout_us / 1000000, timeout_us % 1000000 * 1000};
	if (ppoll(&p, 1, timeout_us < 0 ? NULL : &t, NULL) <= 0)
		return;
	ssize_t n = read(0, buf + len, sizeof buf - 1 - len);
	if (n <= 0) { /* the test is gone */
		unlink(h.link);
		exit(0);
	}
	len += n;
	for (char *end; (end = memchr(buf, '\n', len)) != NULL;) {
		*end = 0;
		obey(buf);
		len -= end + 1 - buf;
		memmove(buf, end + 1, len);
	}
	if (len == sizeof buf - 1)
		len = 0;
}

/* hold lets simulated time wait for a slow reader. */
static void hold(void) {
	if (h.tx_len == 0)
		return;
	u64 start = wall_us(), held_before = h.held_us;
	while (h.tx_len > 0) {
		control(SLICE_US);
		h.held_us = held_before + wall_us() - start;
		if (wall_us() - start > HOLD_US)
			h.losing = true; /* until the reader has caught up */
		port_events();
		if (h.master >= 0)
			port_send();
	}
	pace_from_now();
}

/* pace keeps simulated time from running ahead of the wall clock, and serves the control words meanwhile. */
static void pace(void) {
	int64_t ahead;
	do {
		ahead = (int64_t)(sim_us() - h.pace_sim) - (int64_t)(wall_us() - h.pace_wall);
		if (ahead < -MAX_LAG_US)
			pace_from_now();
		control(h.paused ? -1 : ahead > 0 ? ahead : 0);
	} while (h.paused || ahead > 0);
}

int main(int argc, char **argv) {
	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		if (strcmp(argv[1], "--reset-on-open") == 0)
			h.reset_on_open = true;
		else if (strcmp(argv[1], "--lossy") == 0)
			h.lossy = h.losing = true;
		else
			argc = 1;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: harness [--reset-on-open] [--lossy] FIRMWARE.elf|FIRMWARE.hex SYMLINK\n");
		return 2;
	}
	h.out = dup(1);
	dup2(2, 1);
	h.link = argv[2];
	chip_load(argv[1]);
	port_plug();
	h.wall_start = wall_us();
	pace_from_now();
	answer("ok ready %s", h.name);
	for (;;) {
		avr_cycle_count_t end = h.avr->cycle + SLICE_US * (FREQUENCY / 1000000);
		if (h.pause_at != 0 && end > h.pause_at)
			end = h.pause_at;
		while (h.avr->cycle < end) {
			int state = avr_run(h.avr);
			if (state == cpu_Done || state == cpu_Crashed) {
				fprintf(stderr, "harness: the firmware crashed at pc 0x%04x\n", h.avr->pc);
				unlink(h.link);
				return 3;
			}
		}
		chip_baud();
		port_move();
		hold();
		if (h.pause_at != 0 && h.avr->cycle >= h.pause_at) {
			h.paused = true;
			h.pause_at = 0;
		}
		pace();
	}
}
