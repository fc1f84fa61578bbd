package floats_test

import (
	"fmt"

	"labbox/firmware-protocols/floats"
)

func Example() {
	cmd, err := floats.AppendCommand(nil, "vel_man", -300)
	fmt.Println(string(cmd), err)
	msg := floats.Append(nil, make([]float64, 15))
	_, err = floats.Decode(nil, msg, 16)
	fmt.Println(err)
	// Output:
	// {"vel_man":"-300.0"} <nil>
	// device sends 15 floats, the type file declares 16
}
