// Package frame is the binary sample frame: a run of samples of one device, in
// the form that the Bus, the websocket and the recorder share. A frame is
// encoded once, by the process that decoded the samples; the same bytes travel
// everywhere, and a browser reads them with typed-array views and no copy.
//
//	b := frame.NewBuilder(stream, 1, 0, []frame.Column{{Index: 0, Format: frame.F32}}, false)
//	b.Add(clock.Mono(), math.NaN(), []float64{12.5})
//	b.Lose(3)                       // three samples never came
//	b.Add(clock.Mono(), math.NaN(), []float64{12.7})
//	msg := b.AppendFrame(nil)       // two frames: the gap parts them
//
//	for len(msg) > 0 {
//		v, rest, err := frame.Parse(msg)
//		if err != nil {
//			return err
//		}
//		fmt.Println(v.Header().Seq, v.Header().Lost, v.Value(0, 0))
//		msg = rest
//	}
//
// SPEC.md holds the layout byte by byte; vectors/ holds the fixtures that the
// Go and the JavaScript decoder are both tested against.
//
// Known limits: box times inside a frame have a resolution of 1 us; an i16
// column saturates at its ends; a frame holds at most 16 MiB.
package frame
