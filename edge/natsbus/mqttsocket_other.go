//go:build !linux

package natsbus

import (
	"net"
	"time"
)

// mqttSocket leaves the system's defaults: keepalive alone finds a dead device.
func mqttSocket(*net.TCPConn, time.Duration) {}

// mqttQueued: no system but Linux says it without further ado.
func mqttQueued(_, _ *net.TCPConn) int { return -1 }
