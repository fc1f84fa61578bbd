// Package mqtt is a device that speaks MQTT 3.1.1 to the box's own broker: a
// Wi-Fi board that publishes what it measures on one topic and subscribes another
// for what it is told.
//
//	o, err := mqtt.New(mqtt.Options{Name: "plate", Password: secret, In: "lab/bench/plate/in", Out: "lab/bench/plate/out", Broker: b})
//	port, err := o.Open(ctx)           // waits until the device has connected
//	n, kind, err := port.Receive(buf)  // one whole message
//	err = port.Send([]byte("{\"cmd\":\"stop\"}\n"), transport.Text)
//
// The broker is whoever implements Broker; cmd wires natsbus.MQTT. A message is
// Text where it is UTF-8 without control characters other than tab, CR and LF,
// else Binary: MQTT 3.1.1 has no such mark. With Options.Lines each message gets
// the line's end it came without.
//
// What is sent is never retained and never kept for a session: a device that was
// away gets nothing old. What a device publishes comes once, retained or not,
// with any quality of service; with QoS 1 a device may repeat after a reconnect
// what the box has already (MQTT 3.1.1, 4.3.2). A will comes as the last message
// where it comes in time, and is nobody's after that.
//
// One device at a time: while one is connected, a second with the same user name
// is refused, also with the same client id (MQTT alone would throw the first one
// out), and Options.Refused is told. A board that is switched off and on again
// waits until its old connection is found dead: a second as a rule, 4 s at most.
//
// An open line is lost when the device's connection ends or is silent at the TCP
// level (the broker's side sees to that), or on a message over the limit.
//
// Known limits. A device that connects and subscribes nothing is opened after
// Options.SettleFor all the same, and what is sent to it then is lost. Pending
// counts bytes of the connection, not messages. A message that the broker has
// taken cannot be taken back: DiscardOutput ends a Send that waits for the one
// before, and what follows comes behind that one.
package mqtt
