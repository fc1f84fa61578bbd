/* port.c: the pty that stands for the chip's serial port. See harness.c. */
#define _GNU_SOURCE
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

void port_plug(void) {
	h.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (h.master < 0 || grantpt(h.master) != 0 || unlockpt(h.master) != 0 ||
	    ptsname_r(h.master, h.name, sizeof h.name) != 0)
		die("pty");
	h.slave = open(h.name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;
	if (h.slave < 0 || tcgetattr(h.slave, &t) != 0)
		die(h.name);
	cfmakeraw(&t);
	tcsetattr(h.slave, TCSANOW, &t);

	h.watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (h.watch < 0 || inotify_add_watch(h.watch, h.name, IN_OPEN | IN_CLOSE) < 0)
		die("inotify");
	h.opens = 0;

	char next[4096];
	snprintf(next, sizeof next, "%s.new", h.link);
	unlink(next);
	if (symlink(h.name, next) != 0 || rename(next, h.link) != 0)
		die(h.link);
}

void port_hangup(void) {
	unlink(h.link);
	close(h.master); /* hangs up every open slave */
	close(h.slave);
	close(h.watch);
	h.master = h.slave = h.watch = -1;
	h.opens = 0;
	h.tx_len = 0;
}

/* port_events counts who has the port open. After the last close the port is as a driver leaves it: nothing
 * unread, not exclusive. */
void port_events(void) {
	if (h.watch < 0)
		return;
	_Alignas(struct inotify_event) char buf[1024];
	ssize_t n;
	bool opened = false, closed = false;
	while ((n = read(h.watch, buf, sizeof buf)) > 0)
		for (char *p = buf; p < buf + n;) {
			struct inotify_event *e = (struct inotify_event *)p;
			p += sizeof *e + e->len;
			if (e->mask & IN_OPEN) {
				opened = opened || h.opens == 0;
				h.opens++;
			} else if ((e->mask & IN_CLOSE) && h.opens > 0) {
				h.opens--;
				closed = true;
			}
		}
	if (closed && h.opens == 0) {
		h.tx_len = 0;
		tcflush(h.slave, TCIFLUSH);
		ioctl(h.slave, TIOCNXCL);
	}
	if (opened && h.reset_on_open)
		chip_reset();
}

void port_move(void) {
	port_events();
	if (h.master < 0)
		return;
	if (h.tx_len > 0) {
		ssize_t n = write(h.master, h.tx_buf, h.tx_len);
		if (n < 0)
			n = 0;
		h.tx_lost += h.tx_len - n; /* the kernel's buffer is full: a port has no more room either */
		h.tx_len = 0;
	}
	struct pollfd p = {h.master, POLLIN, 0};
	if (!h.rx_running && poll(&p, 1, 0) > 0 && (p.revents & POLLIN))
		chip_receive();
}
