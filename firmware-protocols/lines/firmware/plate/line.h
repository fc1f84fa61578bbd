/*
 * line.h: bytes to command lines, command lines to commands. No I/O and no AVR headers, so that it can
 * be compiled and tried on any computer.
 *
 * A command is a JSON object with the key "cmd" (a string) and perhaps "param" (an integer: optional
 * minus, a fractional part is cut off), in either order, with spaces or tabs between the tokens.
 */
#ifndef LABBOX_LINE_H
#define LABBOX_LINE_H

#include <stdbool.h>
#include <stdint.h>

#define LINE_MAX 64 /* bytes of a line, CR and LF not counted */
#define CMD_MAX 10  /* longest command name that is told from another */

struct line {
	char text[LINE_MAX + 1];
	uint8_t length;
	bool dropping; /* overlong or spoiled: nothing counts until LF */
};

struct command {
	char cmd[CMD_MAX + 1];
	bool has_param;
	int32_t param; /* kept within +-1e8 */
};

enum line_event { LINE_MORE, LINE_READY, LINE_OVERFLOW };

/* line_feed adds one byte. LINE_READY: the text is a whole line, valid until the next call. LINE_OVERFLOW
 * comes once, at the byte that spoils the line. Empty lines are no event. */
enum line_event line_feed(struct line *l, uint8_t c, bool spoiled);

/* line_parse reads the line as a command; false when it is anything else. */
bool line_parse(const struct line *l, struct command *c);

#endif
