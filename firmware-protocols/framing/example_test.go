package framing_test

import (
	"fmt"

	"labbox/firmware-protocols/framing"
)

// A balance sends STX, text, ETX and the xor of all behind STX. One message is
// damaged on the way.
func Example() {
	o := framing.Options{Start: "\x02", End: "\x03", Tail: 1, Checksum: &framing.Checksum{Kind: "xor", From: 1}}
	enc, err := framing.NewEncoder(o)
	if err != nil {
		panic(err)
	}
	frame, err := enc.Append(nil, []byte("W01,+21.5"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q\n", frame)

	dec, err := framing.New(o)
	if err != nil {
		panic(err)
	}
	damaged := append([]byte("noise"), frame...)
	damaged[12] ^= 1
	dec.Feed(append(damaged, frame...), func(m *framing.Message) {
		if m.Why != framing.OK {
			fmt.Printf("lost %q: %v\n", m.Raw, m.Why)
			return
		}
		fmt.Printf("got %q\n", m.Body)
	})
	// Output:
	// "\x02W01,+21.5\x03J"
	// lost "noise": garbage
	// lost "\x02W01,+20.5\x03J": wrong checksum
	// got "W01,+21.5"
}
