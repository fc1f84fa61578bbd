package devices

// NMEAProtocol is replaced by protocol_nmea.go.
type NMEAProtocol struct{}

// FirmataProtocol is replaced by protocol_firmata.go.
type FirmataProtocol struct{}

// GcodeProtocol is replaced by protocol_gcode.go.
type GcodeProtocol struct{}

// LabwireProtocol is replaced by protocol_labwire.go.
type LabwireProtocol struct{}
