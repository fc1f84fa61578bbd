package labwire_test

import (
	"fmt"

	"labbox/firmware-protocols/labwire"
)

// A box and a simulated device.
func Example() {
	dev, err := labwire.NewDevice(labwire.DeviceOptions{
		Dictionary: []byte("labwire 1\ndevice lamp \"Lamp\" \"1.0\"\nsafe \"The lamp is off\" 1000 10000\n" +
			"command light \"Light\" on\nint percent \"Brightness\" \"%\" 0 100 1 0\n"),
		Command: func(index int, args []int32) (labwire.Code, string) {
			fmt.Println("the lamp is at", args[0])
			return labwire.OK, ""
		},
		Safe: func() { fmt.Println("the lamp is off") },
	})
	if err != nil {
		panic(err)
	}
	dec := labwire.NewDecoder()
	show := func(m *labwire.Message) {
		switch m.Kind {
		case labwire.KindText:
			fmt.Printf("text %s\n", m.Raw)
		case labwire.KindReply:
			fmt.Printf("reply %d %v %q\n", m.Reply.ID, m.Reply.Code, m.Reply.Text)
		case labwire.KindEvent:
			fmt.Println("event", m.Event.Cause)
		}
	}
	dec.Feed(dev.Boot(0, nil), show)
	dec.Feed(dev.Step(1000, labwire.AppendCommand(nil, 1, 0, []int32{40}), nil), show)
	dec.Feed(dev.Step(2000, labwire.AppendCommand(nil, 2, 0, []int32{101}), nil), show)
	dec.Feed(dev.Step(2000000, nil, nil), show)
	// Output:
	// the lamp is off
	// text !hello lamp "Lamp" "1.0" labwire=1 dict=68329f6e
	// the lamp is at 40
	// reply 1 ok ""
	// reply 2 range "percent"
	// the lamp is off
	// event deadman
}
