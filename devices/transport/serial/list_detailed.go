//go:build windows || (darwin && cgo)

package serial

import (
	"cmp"
	"slices"
	"strings"

	"go.bug.st/serial/enumerator"
)

func list() ([]Info, error) {
	ports, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, err
	}
	out := make([]Info, 0, len(ports))
	for _, p := range ports {
		out = append(out, Info{Path: p.Name, USB: p.IsUSB, VID: strings.ToLower(p.VID), PID: strings.ToLower(p.PID),
			Serial: p.SerialNumber, Manufacturer: p.Manufacturer, Product: p.Product})
	}
	slices.SortFunc(out, func(a, b Info) int { return cmp.Compare(a.Path, b.Path) })
	return out, nil
}
