package config

import "strings"

// MQTT is the listener for devices that speak MQTT.
type MQTT struct {
	Listen string `yaml:"listen"` // host:port
	TLS    *TLS   `yaml:"tls"`    // nil: none
}

// TLS names the files of a certificate and its key, in PEM.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Topics are those of a device with an MQTT port, from its point of view.
func (b *Box) Topics(dev *Device) (in, out string) {
	in, out = dev.Port.In, dev.Port.Out
	if in == "" {
		in = "lab/" + b.Box + "/" + dev.ID + "/in"
	}
	if out == "" {
		out = "lab/" + b.Box + "/" + dev.ID + "/out"
	}
	return in, out
}

func (b *Box) checkMQTT(d *Doc, i int) {
	dev := &b.Devices[i]
	p := &dev.Port
	if !p.MQTT {
		for key, topic := range map[string]string{"in": p.In, "out": p.Out} {
			if topic != "" {
				d.Add("bad_port", key+" needs mqtt", "write `mqtt: true` beside it", "devices", i, "port", key)
			}
		}
		return
	}
	if b.MQTT == nil || b.MQTT.Listen == "" {
		d.Add("missing", "no address where devices connect by MQTT", "write `mqtt: {listen: \":1883\"}` at the top of the box file", "devices", i, "port", "mqtt")
	}
	if b.MQTT != nil && b.MQTT.TLS != nil && (b.MQTT.TLS.Cert == "" || b.MQTT.TLS.Key == "") {
		d.Add("missing", "tls needs cert and key", "two files in PEM", "mqtt", "tls")
	}
	if p.Token == "" {
		d.Add("missing", "an MQTT device needs a password", "put it into a file and write `token_file: "+dev.ID+".token`", "devices", i, "port")
	}
	in, out := b.Topics(dev)
	for key, topic := range map[string]string{"in": in, "out": out} {
		if !topicOK(topic) {
			d.Add("bad_port", key+": a topic is words of letters, digits, _, -, : and @, with / between them",
				"no wildcards: a device has one topic for each direction", "devices", i, "port", key)
		}
	}
	if in == out {
		d.Add("bad_port", "one topic for both directions", "a device would hear itself", "devices", i, "port")
	}
}

// topicOK: no wildcards, no empty words but for a leading slash.
func topicOK(topic string) bool {
	if len(topic) > 200 {
		return false
	}
	for _, w := range strings.Split(strings.TrimPrefix(topic, "/"), "/") {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-:@", r)
		}) {
			return false
		}
	}
	return true
}
