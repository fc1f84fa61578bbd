package lines_test

import (
	"fmt"

	"labbox/firmware-protocols/lines"
)

// A pendulum's reply to stop has no newline and is glued to the next report.
func Example() {
	dec, err := lines.New(lines.Options{Format: lines.JSON})
	if err != nil {
		panic(err)
	}
	enc := lines.Encoder{Format: lines.JSON, MaxLine: 64}
	cmd, err := enc.AppendJSON(nil, []lines.Pair{
		{Key: "cmd", Value: lines.Str("stop")}, {Key: "param", Value: lines.Str("brake")}})
	if err != nil {
		panic(err)
	}
	fmt.Printf("send %q\n", cmd)
	for _, chunk := range []string{`{"enc":-12,"time":10}` + "\r\n" + `{"result":`, `"ok"}{"enc":-11,"ti`, `me":20}` + "\r\n"} {
		dec.Feed([]byte(chunk), func(r *lines.Record) {
			if f, ok := r.Get("result"); ok {
				fmt.Printf("reply %s, glued %v\n", f.Text, r.Glued)
			}
			if f, ok := r.Get("enc"); ok && f.NumOK {
				fmt.Println("enc", f.Num)
			}
		})
	}
	// Output:
	// send "{\"cmd\":\"stop\",\"param\":\"brake\"}\n"
	// enc -12
	// reply ok, glued true
	// enc -11
}
