package fields_test

import (
	"fmt"

	"labbox/firmware-protocols/fields"
)

// A thermometer's reply, read and printed by one list of parts.
func Example() {
	decimals := 2
	p, err := fields.Compile([]fields.Part{
		{Text: "T="}, {Field: "temperature", Decimals: &decimals}, {Text: " C "},
		{Field: "state", As: "choice", Choices: []fields.Choice{{ID: "stable", Wire: "S"}, {ID: "drifting", Wire: "D"}}},
	}, fields.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var vals fields.Values // one for each device, reused
	if p.Match([]byte("T=21.5 C S"), &vals, nil) {
		for i := range vals.Entries {
			fmt.Printf("%s: %v\n", vals.Entries[i].Name, &vals.Entries[i])
		}
	}
	msg, err := p.Append(nil, vals.Lookup)
	fmt.Printf("%s %v\n", msg, err)
	x := p.Explain([]byte("T=21.5 F S"), nil)
	fmt.Printf("byte %d: %s was expected, there is %s\n", x.At, x.Want, x.Got)
	// Output:
	// temperature: 21.5
	// state: stable (0)
	// T=21.50 C S <nil>
	// byte 7: " C " was expected, there is "F S"
}
