// Package ref holds the parts of the reference that the program prints:
//
//	labbox check --schema type > device-type.schema.json
//
// They are JSON Schemas (draft 2020-12) of the two files that people write, made
// from the source by go test ./cmd/labbox -run Reference -update.
package ref

import _ "embed" // the schemas

// DeviceType is the schema of type files.
//
//go:embed device-type.schema.json
var DeviceType []byte

// BoxFile is the schema of box files.
//
//go:embed box-file.schema.json
var BoxFile []byte
