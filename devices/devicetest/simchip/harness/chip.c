/* chip.c: the simulated ATmega328P, its pins and its UART. See harness.c. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <simavr/avr_adc.h>
#include <simavr/avr_extint.h>
#include <simavr/avr_ioport.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_hex.h>

#define RETRY (10 * FREQUENCY / 1000000) /* an interrupt takes a byte within some microseconds */

DEFINE_FIFO(uint16_t, uart_fifo); /* the accessors of avr_uart_t.input */

u64 sim_us(void) { return h.avr->cycle / (FREQUENCY / 1000000); }

static void on_tx(struct avr_irq_t *irq, uint32_t value, void *param) {
	(void)irq, (void)param;
	h.tx++;
	if (!h.open || h.tx_len == sizeof h.tx_buf)
		h.tx_lost++;
	else
		h.tx_buf[h.tx_len++] = value;
}

static void on_pin(struct avr_irq_t *irq, uint32_t value, void *param) {
	(void)irq;
	struct pin *p = param;
	uint8_t level = value & 1;
	if (p->level == level)
		return;
	p->level = level;
	p->changed_us = sim_us();
	p->changes++;
}

/* rx_tick hands over the next byte when a character time has gone by and the firmware has taken the last
 * one. simavr's receive FIFO is 64 bytes deep, a real one 2: a byte that lies there for more than two
 * further character times would have been lost on the bench, and is counted as late. */
static avr_cycle_count_t rx_tick(struct avr_t *avr, avr_cycle_count_t when, void *param) {
	(void)param;
	avr_cycle_count_t character = h.uart->cycles_per_byte > 16 ? h.uart->cycles_per_byte : 16;
	if (!uart_fifo_isempty(&h.uart->input)) {
		if (!h.rx_counted_late && avr->cycle - h.rx_given > 3 * character) {
			h.rx_counted_late = true;
			h.rx_late++;
		}
		return when + RETRY;
	}
	uint8_t c;
	if (h.master < 0 || read(h.master, &c, 1) != 1) {
		h.rx_running = false;
		return 0;
	}
	h.rx++;
	h.rx_given = avr->cycle;
	h.rx_counted_late = false;
	avr_raise_irq(h.rx_in, c);
	return when + character;
}

/* chip_baud corrects the time of a character: simavr always counts a parity bit, and takes U2X into account
 * only when UBRR is written after it. */
void chip_baud(void) {
	enum { UCSR0A = 0xC0, UCSR0C = 0xC2, UBRR0L = 0xC4, UBRR0H = 0xC5 };
	const uint8_t *reg = h.avr->data;
	unsigned divisor = reg[UBRR0L] | (reg[UBRR0H] & 0x0F) << 8;
	if (divisor == 0)
		return; /* not set up yet */
	unsigned data = 5 + (reg[UCSR0C] >> 1 & 3), parity = reg[UCSR0C] >> 5 & 1, stop = 1 + (reg[UCSR0C] >> 3 & 1);
	unsigned bit = (divisor + 1) * (reg[UCSR0A] & 0x02 ? 8 : 16);
	h.uart->cycles_per_byte = bit * (1 + data + parity + stop);
}

void chip_receive(void) {
	if (h.rx_running)
		return;
	h.rx_running = true;
	avr_cycle_timer_register(h.avr, 1, rx_tick, NULL);
}

avr_irq_t *pin_irq(int port, int bit) {
	return avr_io_getirq(h.avr, AVR_IOCTL_IOPORT_GETIRQ("BCD"[port]), bit);
}

/* quiet_extint: by default simavr polls INT0 and INT1 in every cycle while they are low, enabled or not, which
 * costs half a core. A firmware with a low-level interrupt gets it once per falling edge instead. */
static void quiet_extint(void) {
	avr_extint_set_strict_lvl_trig(h.avr, 0, 0);
	avr_extint_set_strict_lvl_trig(h.avr, 1, 0);
}

/* chip_reset: simavr clears the registers but not the level it remembers of each pin. */
void chip_reset(void) {
	avr_reset(h.avr);
	quiet_extint();
	h.avr->state = cpu_Running;
	h.rx_running = false; /* the reset dropped all timers */
	for (int port = 0; port < PORTS; port++)
		for (int bit = 0; bit < 8; bit++) {
			struct pin *p = &h.pins[port][bit];
			uint8_t level = p->driven ? p->outside : 0;
			if (p->level != level)
				avr_raise_irq(pin_irq(port, bit), level);
		}
}

static void no_sleep(avr_t *avr, avr_cycle_count_t cycles) { (void)avr, (void)cycles; }

static void wire(void) {
	for (avr_io_t *io = h.avr->io_port; io != NULL; io = io->next)
		if (strcmp(io->kind, "uart") == 0)
			h.uart = (avr_uart_t *)io;
	if (h.uart == NULL)
		die("no UART");
	uint32_t flags = 0; /* no colours on stdout, no sleeping while the firmware polls */
	avr_ioctl(h.avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
	h.rx_in = avr_io_getirq(h.avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
	avr_irq_register_notify(avr_io_getirq(h.avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_tx, NULL);
	for (int port = 0; port < PORTS; port++)
		for (int bit = 0; bit < 8; bit++)
			avr_irq_register_notify(pin_irq(port, bit), on_pin, &h.pins[port][bit]);
	quiet_extint();
	h.avr->sleep = no_sleep; /* time is paced per slice */
}

void chip_load(const char *file) {
	h.avr = avr_make_mcu_by_name("atmega328p");
	if (h.avr == NULL)
		die("atmega328p");
	avr_init(h.avr);
	size_t n = strlen(file);
	if (n > 4 && strcmp(file + n - 4, ".hex") == 0) {
		uint32_t size = 0, start = 0;
		uint8_t *code = read_ihex_file(file, &size, &start);
		if (code == NULL || start + size > h.avr->flashend + 1)
			die(file);
		avr_loadcode(h.avr, code, size, start);
		free(code);
		h.avr->codeend = h.avr->flashend;
	} else {
		static elf_firmware_t firmware;
		if (elf_read_firmware(file, &firmware) != 0)
			die(file);
		avr_load_firmware(h.avr, &firmware);
	}
	h.avr->frequency = FREQUENCY;
	h.avr->vcc = h.avr->avcc = h.avr->aref = 5000;
	h.avr->log = LOG_ERROR;
	wire();
}
