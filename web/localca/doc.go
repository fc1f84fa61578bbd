// Package localca gives a box in a room without internet a certificate that
// browsers accept: a CA of its own that people install once, a certificate for the
// box's names and addresses of now, one port for TLS and plain HTTP, and the page
// from which people install the CA.
//
//	ca, err := localca.Open(dir, clock.Wall)
//	if err != nil { ... }
//	keeper := localca.NewKeeper(ca, names, clock.Wall, log)
//	go keeper.Run(ctx)
//	ln = localca.Split(ln, keeper.Config())
//	srv.Handler = localca.Door{CA: ca, Next: panel}.Handler()
//	go srv.Serve(ln)
//
// The CA is valid for ten years, signs no other CA, and only names and addresses of
// a room: .local, localhost, the computer's own name, private networks, and the
// networks in which the box stood when the CA was made. The certificate is valid
// for less than 398 days and is made anew when a month is left or when an address
// comes; no connection is cut for it.
//
// Specs: RFC 5280 (profile, name constraints in 4.2.1.10), RFC 8446 and 5246
// (TLS), RFC 6125 (names are in the subjectAltName). A first byte of 22 is TLS's
// handshake record (RFC 8446, 5.1); no HTTP method begins with it.
//
// Known limits: who has the CA's key can pretend to be any .local name to those who
// have installed the CA. A page that is read over plain HTTP can be changed on its
// way, so people compare the fingerprint with that on the console. A network that
// the CA does not know (a public address that came later) is reached by name. There
// is no revocation: removing the directory makes a new CA.
package localca
