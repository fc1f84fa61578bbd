// Package devices owns the lab's devices: the device types (one YAML file per
// model, embedded in catalog/), the registry that finds them, and one supervisor
// per device that opens its port, decodes what it says, grants its lease, judges
// every command and brings it to its declared safe state.
//
//	reg, _ := devices.NewRegistry()
//	bench, err := devices.Bench(reg, box, devices.BenchConfig{...})
//	owner := devices.NewOwner(devices.OwnerConfig{Box: "bench-3", Bus: bus, ...})
//
// The process that owns the port decides. A command is judged when it arrives
// and once more by the writer, immediately before its bytes go out; the safe
// sequence empties the queue and passes alone until the device confirms it; a
// device that does not confirm is quarantined.
//
// docs/ref/safety.md lists each cause of a safe sequence with the test that
// shows it; docs/ref/device-types.md explains the type file.
package devices
