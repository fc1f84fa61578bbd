// Package web serves the panel: the HTTP surface (docs/ref/openapi.yaml), the
// websocket lab.v1 (docs/ref/websocket.md) with the hub behind it, seats, and the
// panel's files.
//
// It knows devices only by what their owner says over the Bus and by the copies
// in the KV, so it runs beside the owner or on another machine alike:
//
//	srv, err := web.New(web.Config{Box: "bench", Bus: bus, KV: kv, Clock: clock,
//		Seats: class.New(kv, "bench"), Runs: store, Logger: log})
//	if err != nil { ... }
//	go srv.HTTP().Serve(listener)
//	...
//	srv.Close(ctx) // every panel is told that the box stops
//
// Who may do what: routes() says which endpoints need no seat, edge.Authorize
// which role may use which verb; the owner of a device checks again and decides.
//
// Specs: RFC 6455 (websocket), RFC 9110 (HTTP), RFC 6265 (cookies), Fetch
// Metadata. The handshake and the parsing of what clients send are
// gorilla/websocket's; bytes that are no websocket frames are answered by it with
// close code 1002, not 4400.
package web
