// Package wslisten is a websocket that the device dials: a Wi-Fi board that is a
// client of the box (RFC 6455).
//
//	l, err := wslisten.New(wslisten.Options{Name: "aeropendulum", Token: token})
//	mux.Handle("/devices/aeropendulum", l) // what the board dials
//	port, err := l.Open(ctx)               // waits until it has
//	n, kind, err := port.Receive(buf)      // one whole message, transport.Text or Binary
//
// Who may dial in: whoever shows the token (Authorization: Bearer, or ?token=
// for boards that cannot set a header) or calls from an allowed address. Without
// either option that is this machine alone. A request with an Origin header comes
// from a browser and is refused, whatever else it shows.
//
// One device at a time: while one is in use, a second is refused with 409, and
// Options.Refused is told. A dead link is noticed by pings.
//
// Known limits. A token in a URL ends up in the logs of proxies. An address says
// nothing behind a proxy, so that a request that one has forwarded needs the
// token. Half a message cannot be taken back, so that discarding the output of a
// Send that is stuck costs the line.
package wslisten
