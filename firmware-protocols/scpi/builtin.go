package scpi

// builtin is a header that the device answers itself: its place in builtins, from 1.
type builtin uint8

const (
	_ builtin = iota
	cmdCLS
	cmdESE
	askESE
	askESR
	askIDN
	cmdOPC
	askOPC
	cmdRST
	cmdSRE
	askSRE
	askSTB
	askTST
	cmdWAI
	askError
	askErrors
	askCount
	askVersion

	lastCommon = cmdWAI
)

// builtins returns the headers in the order of the constants. Those of IEEE 488.2
// stand here without their asterisk.
func builtins() []Header {
	mask := []Param{{Max: 255}}
	return []Header{
		{Pattern: "CLS"}, {Pattern: "ESE", Params: mask}, {Pattern: "ESE?"}, {Pattern: "ESR?"}, {Pattern: "IDN?"},
		{Pattern: "OPC"}, {Pattern: "OPC?"}, {ID: "*RST", Pattern: "RST"}, {Pattern: "SRE", Params: mask}, {Pattern: "SRE?"},
		{Pattern: "STB?"}, {ID: "*TST?", Pattern: "TST?"}, {Pattern: "WAI"},
		{Pattern: "SYSTem:ERRor[:NEXT]?"}, {Pattern: "SYSTem:ERRor:ALL?"}, {Pattern: "SYSTem:ERRor:COUNt?"}, {Pattern: "SYSTem:VERSion?"},
	}
}

func (d *Device) builtin(b builtin, c *Call) {
	switch b {
	case cmdCLS:
		d.queue, d.esr, d.opc = d.queue[:0], 0, false
	case cmdESE:
		d.ese = byte(c.Args[0].Num)
	case askESE:
		c.Int(int(d.ese))
	case askESR:
		esr := d.esr
		d.esr = 0
		c.Int(int(esr))
	case askIDN:
		d.answerIDN(c)
	case cmdOPC:
		if d.busy {
			d.opc = true
		} else {
			d.esr |= eventOPC
		}
	case askOPC:
		c.Int(1)
	case cmdRST:
		d.opc = false
		d.handle(c)
	case cmdSRE:
		d.sre = byte(c.Args[0].Num) &^ 64
	case askSRE:
		c.Int(int(d.sre))
	case askSTB:
		c.Int(int(d.statusByte()))
	case askTST:
		if d.handle(c); c.fields == 0 {
			c.Int(0)
		}
	case askError:
		d.answerError(c)
	case askErrors:
		d.answerError(c)
		for len(d.queue) > 0 {
			d.answerError(c)
		}
	case askCount:
		c.Int(len(d.queue))
	case askVersion:
		c.Raw("1999.0")
	}
}

func (d *Device) answerError(c *Call) {
	e := d.pop()
	c.Int(e.Code)
	c.Text(e.Text)
}

// answerIDN writes four fields, 0 for what is not told.
func (d *Device) answerIDN(c *Call) {
	for _, s := range [...]string{d.idn.Manufacturer, d.idn.Model, d.idn.Serial, d.idn.Firmware} {
		if s == "" {
			s = "0"
		}
		c.Raw(s)
	}
}
