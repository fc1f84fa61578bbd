// Package modbus is the Modbus protocol on serial lines (RTU) and on TCP, for a
// client that polls devices and for a server that stands in for one. It does no
// I/O and knows no clock: bytes go in as they arrive, in chunks of any size.
//
// A client plans its reads once, then for each read sends the request and
// decodes the answer:
//
//	plan, err := modbus.Plan(registers, 8, 0)
//	dec := modbus.NewDecoder(modbus.Options{Mode: modbus.RTU})
//	...
//	req := plan[0].Request(1)
//	adu, err := req.Append(buf[:0], modbus.RTU)
//	err = dec.Begin(req)
//	port.Write(adu)
//	n, err := port.Read(in)
//	dec.Feed(in[:n], func(r modbus.Reply) {
//		if modbus.Match(req, r) == nil && r.Exception == 0 {
//			err = plan[0].Extract(r.Data, show) // show(i, value, ok) for registers[i]
//		}
//	})
//
// Encode, EncodeMany and EncodeText turn values into write requests; a value
// that the register cannot hold is refused, never wrapped.
//
// A simulated device is a Bank of cells behind a Server:
//
//	bank, err := modbus.NewBank(registers, 8)
//	srv := modbus.NewServer(modbus.RTU)
//	srv.Attach(1, bank)
//	srv.Feed(in[:n], func(adu []byte) { port.Write(adu) })
//
// The specifications are named in SPEC.md. Functions 1 to 6, 15 and 16 are
// spoken; the server knows the lengths of the other public functions and answers
// them with exception 1. There is no ASCII mode, and one request at a time.
//
// Known limits: RTU has no request number, so a late answer to an earlier
// request of the same shape cannot be told from the awaited one; wait out the
// silence before a retry. Where an adapter hands back what was sent, functions 5
// and 6 need Options.Echo, because their answer is the request itself.
package modbus
