// Package labwire speaks with firmware that describes itself. A sketch declares its
// channels, commands, limits and safe state once; the box reads that dictionary and
// needs no device file. The same port can be read and typed at in a serial monitor.
// SPEC.md defines the protocol, firmware/ holds the library for Arduino and the
// examples, vectors/ holds cases that the Go code and the C++ code both pass.
//
// The box:
//
//	dec := labwire.NewDecoder()
//	port.Write(labwire.AppendHello(nil))
//	dec.Feed(bytes, func(m *labwire.Message) { // m ends with this call
//		switch m.Kind {
//		case labwire.KindHello: // unknown CRC: ask for the dictionary
//			port.Write(labwire.AppendDictionaryRequest(nil, 0, 0))
//		case labwire.KindChunk:
//			done, err = assembly.Add(m.Chunk)
//		case labwire.KindSamples:
//			temperature := dict.Channels[0].Shown(m.Samples.Columns[0][0])
//		}
//	})
//	dict, err := assembly.Dictionary()
//	dec.SetDictionary(dict)
//	dec.Expect(epoch)
//	port.Write(labwire.AppendStream(nil, 1, labwire.Fast, epoch, hello.DictionaryCRC))
//
//	index, cmd := dict.Command("heat")
//	args, err := cmd.Args(nil, []float64{40}) // checked against the range
//	port.Write(labwire.AppendCommand(nil, 2, index, args))
//	port.Write(labwire.AppendPing(nil, 0)) // at least three times per dead-man time
//	port.Write(labwire.AppendSafe(nil))
//
// The other side is Device, which does byte for byte what the firmware library does.
//
// Nothing here does I/O or knows a clock. Feed allocates nothing. A frame that was
// damaged is dropped and counted, and rows are numbered, so no gap is hidden.
//
// Known limits: the mean distance of rows is sent, not the time of each; slew is
// declared by the firmware and kept by the box; a typed line has no checksum.
package labwire
