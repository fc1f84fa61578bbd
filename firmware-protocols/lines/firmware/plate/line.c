/* line.c: see line.h. */
#include "line.h"

#include <string.h>

enum line_event line_feed(struct line *l, uint8_t c, bool spoiled) {
	if (c == '\n') {
		bool ready = !l->dropping && l->length > 0;
		l->text[l->length] = 0;
		l->length = 0;
		l->dropping = false;
		return ready ? LINE_READY : LINE_MORE;
	}
	if (c == '\r' || l->dropping)
		return LINE_MORE;
	if (spoiled || l->length == LINE_MAX) {
		l->dropping = true;
		l->length = 0;
		return LINE_OVERFLOW;
	}
	/* A NUL would end the text early and hide what follows it. */
	l->text[l->length++] = c == 0 ? '?' : c;
	return LINE_MORE;
}

static const char *blank(const char *p) {
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* token steps over blanks and the one character c; NULL when something else stands there. */
static const char *token(const char *p, char c) {
	if (p == NULL)
		return NULL;
	p = blank(p);
	return *p == c ? p + 1 : NULL;
}

/* string reads a quoted string without escapes into out; a longer one is cut, which makes no known name. */
static const char *string(const char *p, char *out) {
	uint8_t n = 0;
	for (p = token(p, '"'); p != NULL && *p != '"'; p++) {
		if (*p == 0 || *p == '\\')
			return NULL;
		if (n < CMD_MAX)
			out[n++] = *p;
	}
	out[n] = 0;
	return token(p, '"');
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

static const char *number(const char *p, int32_t *out) {
	if (p == NULL)
		return NULL;
	p = blank(p);
	bool minus = *p == '-';
	if (minus)
		p++;
	if (!digit(*p))
		return NULL;
	int32_t v = 0;
	for (; digit(*p); p++)
		v = v >= 10000000 ? 100000000 : v * 10 + (*p - '0');
	if (*p == '.') {
		if (!digit(*++p))
			return NULL;
		while (digit(*p))
			p++;
	}
	*out = minus ? -v : v;
	return p;
}

bool line_parse(const struct line *l, struct command *c) {
	bool has_cmd = false;
	char key[CMD_MAX + 1];
	c->has_param = false;
	const char *p = token(l->text, '{');
	for (;;) {
		p = token(string(p, key), ':');
		if (p == NULL)
			return false;
		if (strcmp(key, "cmd") == 0 && !has_cmd) {
			p = string(p, c->cmd);
			has_cmd = true;
		} else if (strcmp(key, "param") == 0 && !c->has_param) {
			p = number(p, &c->param);
			c->has_param = true;
		} else {
			return false;
		}
		if (p == NULL)
			return false;
		p = blank(p);
		if (*p == ',') {
			p++;
			continue;
		}
		p = token(p, '}');
		return p != NULL && *blank(p) == 0 && has_cmd;
	}
}
