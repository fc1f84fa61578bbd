package devices

import _ "embed" // the blueprint

//go:embed catalog/_blueprint.yaml
var blueprint []byte

// Blueprint returns a type file with comments to start from. It is valid, and no
// type of the catalogue.
func Blueprint() []byte { return blueprint }
