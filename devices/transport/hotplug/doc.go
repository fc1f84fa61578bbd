// Package hotplug tells when a serial port may have come or gone, so that a
// device which returns is opened at once and not after a backoff.
//
//	w := hotplug.New(hotplug.Options{Scan: names, Logger: log})
//	defer w.Close()
//	plugged, end := w.Subscribe()
//	defer end()
//	for {
//		if port, err := opener.Open(ctx); err == nil {
//			return port
//		}
//		select {
//		case <-plugged:
//		case <-time.After(backoff):
//		}
//	}
//
// On Linux the kernel's own events are read (NETLINK_KOBJECT_UEVENT, group 1:
// what the kernel sends, not what udev makes of it), and a scan every few
// seconds makes up for events that were lost. Elsewhere, and where a container
// sees no events, the scan is all there is and comes more often.
//
// A port exists before it may be used: udev gives it to its group a moment later,
// and other programs may open it first to see what it is. So an event is told
// again and again for a second (see settle).
//
// Sources: netlink(7), lib/kobject_uevent.c and
// Documentation/ABI/testing/sysfs-uevent of the Linux kernel.
//
// Known limits. Inside a user namespace, and in a network namespace that belongs
// to one, the kernel sends no events. A subscriber is told that something has
// happened, not what: it looks for itself.
package hotplug
