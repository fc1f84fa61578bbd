/* port.c: the pty that stands for the chip's serial port. See harness.c. */
#define _GNU_SOURCE
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

void port_plug(void) {
	h.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (h.master < 0 || grantpt(h.master) != 0 || unlockpt(h.master) != 0 ||
	    ptsname_r(h.master, h.name, sizeof h.name) != 0)
		die("pty");
	/* Opened and closed once, so that the master tells by POLLHUP whether anybody has the port open. */
	int slave = open(h.name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;
	if (slave < 0 || tcgetattr(slave, &t) != 0)
		die(h.name);
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	close(slave);
	h.open = false;

	char next[4096];
	snprintf(next, sizeof next, "%s.new", h.link);
	unlink(next);
	if (symlink(h.name, next) != 0 || rename(next, h.link) != 0)
		die(h.link);
}

void port_hangup(void) {
	unlink(h.link);
	close(h.master); /* hangs up everybody who has the port open */
	h.master = -1;
	h.open = false;
	h.tx_len = 0;
}

/* port_events sees whether others have the port open: the master hangs up while nobody has. After the last close
 * the port is as a driver leaves it: nothing unread, not exclusive. */
void port_events(void) {
	if (h.master < 0)
		return;
	struct pollfd p = {h.master, 0, 0};
	bool open_now = poll(&p, 1, 0) == 0 || !(p.revents & POLLHUP);
	if (open_now == h.open)
		return;
	h.open = open_now;
	if (open_now) {
		if (h.reset_on_open)
			chip_reset();
		return;
	}
	h.tx_len = 0;
	int slave = open(h.name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave >= 0) {
		tcflush(slave, TCIFLUSH);
		ioctl(slave, TIOCNXCL);
		close(slave);
	} else { /* left exclusive by a killed process, and this is not root: only a new pty helps */
		port_hangup();
		port_plug();
	}
}

void port_send(void) {
	if (h.tx_len == 0)
		return;
	ssize_t n = write(h.master, h.tx_buf, h.tx_len);
	if (n > 0) {
		h.tx_len -= n;
		memmove(h.tx_buf, h.tx_buf + n, h.tx_len);
	}
	if (h.tx_len == 0) {
		h.losing = h.lossy;
	} else if (h.losing) { /* a real port has no more room either */
		h.tx_lost += h.tx_len;
		h.tx_len = 0;
	}
}

void port_move(void) {
	if (h.master < 0)
		return;
	port_events();
	port_send();
	struct pollfd p = {h.master, POLLIN, 0};
	if (!h.rx_running && poll(&p, 1, 0) > 0 && (p.revents & POLLIN))
		chip_receive();
}
