package main

import (
	"context"
	"crypto/tls"
	"path/filepath"

	"labbox/devices/transport/mqtt"
	"labbox/edge"
	"labbox/edge/config"
	"labbox/edge/natsbus"
)

// openMQTT opens the door for devices that speak MQTT, where the box file has one.
func (p *parts) openMQTT(ctx context.Context, box *config.Box) (mqtt.Broker, error) {
	if box.MQTT == nil {
		return nil, nil //nolint:nilnil // none is wanted
	}
	cfg := natsbus.MQTTConfig{Dir: p.dir.Sub("mqtt"), Listen: box.MQTT.Listen, Logger: p.log,
		Refused: func(remote string, why *edge.Error) {
			p.log.Warn("mqtt connection was refused", "remote", remote, "code", why.Code, "error", why.Message)
		}}
	if files := box.MQTT.TLS; files != nil {
		cert, err := tls.LoadX509KeyPair(beside(box, files.Cert), beside(box, files.Key))
		if err != nil {
			return nil, edge.Errorf(edge.CodeBadConfig, "mqtt: tls: %w", err).WithHint("cert and key are two files in PEM")
		}
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	m, err := natsbus.StartMQTT(ctx, cfg)
	if err != nil {
		return nil, err
	}
	p.ends = append(p.ends, func() error { m.Close(); return nil })
	p.log.Info("mqtt devices may connect", "listen", m.Addr().String(), "tls", cfg.TLS != nil)
	return mqttDoor{m}, nil
}

// beside is a path that a box file names, from where it lies.
func beside(box *config.Box, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(box.Dir, path)
}

// mqttDoor gives the devices what they need of the broker.
type mqttDoor struct{ m *natsbus.MQTT }

// Register implements mqtt.Broker.
func (d mqttDoor) Register(x mqtt.Device) error {
	return d.m.Register(natsbus.MQTTDevice{ID: x.ID, Password: x.Password, In: x.In, Out: x.Out, Refused: x.Refused,
		Connected: func(s *natsbus.MQTTSession) { x.Connected(s) }})
}
