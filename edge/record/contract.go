package record

import (
	"encoding/json"

	"labbox/edge"
)

// ContractInfo is what a segment must know of the device's contract to be read
// by itself.
type ContractInfo struct {
	Hash     string          `json:"hash"`
	Type     string          `json:"type"`
	Channels []ChannelInfo   `json:"channels"`
	JSON     json.RawMessage `json:"json,omitempty"` // the whole contract
}

// ChannelInfo describes one channel, in the order of the contract. Recorded
// values are raw; the exported value is raw*Scale + Offset (a Scale of 0 is 1).
type ChannelInfo struct {
	ID       string         `json:"id"`
	Label    edge.Text      `json:"label,omitempty"`
	Unit     string         `json:"unit,omitempty"`
	Scale    float64        `json:"scale"`
	Offset   float64        `json:"offset"`
	Enum     map[int]string `json:"enum,omitempty"`
	Decimals int            `json:"decimals,omitempty"` // places to show; a CSV is not rounded
}

// InfoOf takes from a contract what the recorder needs.
func InfoOf(c *edge.Contract) ContractInfo {
	info := ContractInfo{Hash: c.Hash, Type: c.Type}
	if b, err := json.Marshal(c); err == nil {
		info.JSON = b
	}
	for _, ch := range c.Channels {
		ci := ChannelInfo{ID: ch.ID, Label: ch.Label, Unit: ch.Unit, Scale: ch.Scale, Offset: ch.Offset, Decimals: ch.Decimals}
		for _, o := range ch.Choices {
			if ci.Enum == nil {
				ci.Enum = make(map[int]string)
			}
			ci.Enum[int(o.Value)] = o.ID
		}
		info.Channels = append(info.Channels, ci)
	}
	return info
}

func (c ContractInfo) same(d ContractInfo) bool {
	a, errA := json.Marshal(c)
	b, errB := json.Marshal(d)
	return errA == nil && errB == nil && string(a) == string(b)
}
