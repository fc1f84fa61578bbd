//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"labbox/devices/transport/serial"
)

func hostPorts() portChecks {
	return portChecks{list: serial.List, allowed: portAllowed, holders: func(path string) []string {
		return holdersIn("/proc", path, os.Readlink, func(pid string) string {
			b, err := os.ReadFile(filepath.Join("/proc", pid, "comm"))
			if err != nil {
				return "a program"
			}
			return strings.TrimSpace(string(b))
		})
	}}
}

func portAllowed(path string) (why, hint string) { return nodeAllowed(path, "no serial port") }

func cameraAllowed(path string) (why, hint string) { return nodeAllowed(path, "no camera") }

// nodeAllowed asks the file system, and where it says no, which group would help.
func nodeAllowed(path, other string) (why, hint string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is not there", "plug the device in; `labbox ports` lists what is there; in a container pass it with --device"
	case err != nil:
		return err.Error(), ""
	case info.Mode()&fs.ModeCharDevice == 0:
		return "is " + other, "`labbox ports` lists what is there"
	}
	if unix.Access(path, unix.R_OK|unix.W_OK) == nil {
		return "", ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "may not be used by this user", ""
	}
	gid := int(st.Gid)
	group := strconv.Itoa(gid)
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	if info.Mode().Perm()&0o060 != 0o060 {
		return "may not be used by this user", "install the udev rule of docs/deploy, or run labbox as a user that may"
	}
	if memberOf(gid) {
		return "may not be used in this session", "you are in the group " + group + " already: log out and in again"
	}
	return "may not be used by this user", "sudo usermod -aG " + group + " $USER, then log out and in again"
}

// memberOf says that the account is in a group, even if this session is not.
func memberOf(gid int) bool {
	u, err := user.Current()
	if err != nil {
		return false
	}
	ids, err := u.GroupIds()
	return err == nil && slices.Contains(ids, strconv.Itoa(gid))
}
