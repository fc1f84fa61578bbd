package modbus_test

import (
	"fmt"

	"labbox/firmware-protocols/modbus"
)

// A temperature controller: a simulated one answers, and two values come back
// from one request.
func Example() {
	registers := []modbus.Register{
		{Field: "pv", Table: modbus.Holding, At: 0x1000, As: modbus.I16, Scale: 0.1},
		{Field: "sv", Table: modbus.Holding, At: 0x1001, As: modbus.I16, Scale: 0.1},
	}
	bank, err := modbus.NewBank(registers, 0)
	if err != nil {
		panic(err)
	}
	if err := bank.Set(registers[0], 21.5); err != nil {
		panic(err)
	}
	device := modbus.NewServer(modbus.RTU)
	device.Attach(1, bank)

	ask := func(req modbus.Request, values func(modbus.Reply)) {
		adu, err := req.Append(nil, modbus.RTU)
		if err != nil {
			panic(err)
		}
		dec := modbus.NewDecoder(modbus.Options{Mode: modbus.RTU})
		if err := dec.Begin(req); err != nil {
			panic(err)
		}
		fmt.Printf("send % x\n", adu)
		device.Feed(adu, func(answer []byte) {
			fmt.Printf("read % x\n", answer)
			dec.Feed(answer, func(r modbus.Reply) {
				switch err := modbus.Match(req, r); {
				case err != nil:
					fmt.Println(err)
				case r.Exception != 0:
					fmt.Println(r.Exception)
				default:
					values(r)
				}
			})
		})
	}

	set, err := modbus.Encode(1, registers[1], 40)
	if err != nil {
		panic(err)
	}
	ask(set, func(modbus.Reply) { fmt.Println("sv is set") })

	plan, err := modbus.Plan(registers, 0, 0)
	if err != nil {
		panic(err)
	}
	ask(plan[0].Request(1), func(r modbus.Reply) {
		err := plan[0].Extract(r.Data, func(i int, value float64, ok bool) { fmt.Println(registers[i].Field, value, ok) })
		if err != nil {
			panic(err)
		}
	})

	beyond, err := modbus.NewRead(1, modbus.ReadHoldingRegisters, 0x1001, 2)
	if err != nil {
		panic(err)
	}
	ask(beyond, nil)
	// Output:
	// send 01 06 10 01 01 90 dd 36
	// read 01 06 10 01 01 90 dd 36
	// sv is set
	// send 01 03 10 00 00 02 c0 cb
	// read 01 03 04 00 d7 01 90 4b f7
	// pv 21.5 true
	// sv 40 true
	// send 01 03 10 01 00 02 91 0b
	// read 01 83 02 c0 f1
	// modbus: exception 2 (illegal data address)
}
