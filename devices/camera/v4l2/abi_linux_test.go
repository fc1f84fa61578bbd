package v4l2

import (
	"runtime"
	"testing"
	"unsafe"
)

// What a C compiler says of linux/videodev2.h on 64-bit systems, and for v4l2_buffer
// with 32-bit times on the others.
func TestABI(t *testing.T) {
	calls := map[string][2]uintptr{
		"QUERYCAP": {queryCap, 0x80685600}, "ENUM_FMT": {enumFmt, 0xC0405602}, "S_FMT": {setFmt, 0xC0D05605}, "REQBUFS": {reqBufs, 0xC0145608},
		"QUERYBUF": {queryBuf, 0xC0585609}, "QBUF": {qBuf, 0xC058560F}, "DQBUF": {dqBuf, 0xC0585611},
		"STREAMON": {streamOn, 0x40045612}, "STREAMOFF": {streamOff, 0x40045613}, "S_PARM": {setParm, 0xC0CC5616},
	}
	var (
		c capability
		d formatDesc
		f format
		b buffer
		p streamParm
	)
	offsets := map[string][2]uintptr{
		"cap.card": {unsafe.Offsetof(c.card), 16}, "cap.bus_info": {unsafe.Offsetof(c.busInfo), 48},
		"cap.capabilities": {unsafe.Offsetof(c.capabilities), 84}, "cap.device_caps": {unsafe.Offsetof(c.deviceCaps), 88},
		"fmtdesc.pixelformat": {unsafe.Offsetof(d.pixelFormat), 44},
		"format.pix.width":    {unsafe.Offsetof(f.pix), 8}, "pix.pixelformat": {unsafe.Offsetof(f.pix.pixelFormat), 8},
		"pix.bytesperline": {unsafe.Offsetof(f.pix.bytesPerLine), 16}, "pix.sizeimage": {unsafe.Offsetof(f.pix.sizeImage), 20},
		"pix.colorspace": {unsafe.Offsetof(f.pix.colorspace), 24}, "pix.quantization": {unsafe.Offsetof(f.pix.quantization), 40},
		"buffer.bytesused": {unsafe.Offsetof(b.bytesUsed), 8}, "buffer.flags": {unsafe.Offsetof(b.flags), 12},
		"buffer.timestamp": {unsafe.Offsetof(b.timestamp), 24}, "buffer.sequence": {unsafe.Offsetof(b.sequence), 56},
		"buffer.memory": {unsafe.Offsetof(b.memory), 60}, "buffer.m.offset": {unsafe.Offsetof(b.offset), 64}, "buffer.length": {unsafe.Offsetof(b.length), 72},
		"streamparm.timeperframe": {unsafe.Offsetof(p.numerator), 12},
	}
	switch {
	case runtime.GOARCH == "arm":
		for k, v := range map[string]uintptr{"QUERYBUF": 0xC0445609, "QBUF": 0xC044560F, "DQBUF": 0xC0445611, "S_FMT": 0xC0CC5605} {
			calls[k] = [2]uintptr{calls[k][0], v}
		}
		for k, v := range map[string]uintptr{"buffer.timestamp": 20, "buffer.sequence": 44, "buffer.memory": 48, "buffer.m.offset": 52, "buffer.length": 56,
			"format.pix.width": 4} {
			offsets[k] = [2]uintptr{offsets[k][0], v}
		}
	case unsafe.Sizeof(uintptr(0)) != 8:
		t.Skip("the header was read for 64-bit systems and arm")
	}
	for name, v := range calls {
		if v[0] != v[1] {
			t.Errorf("VIDIOC_%s is %#x, not %#x", name, v[0], v[1])
		}
	}
	for name, v := range offsets {
		if v[0] != v[1] {
			t.Errorf("%s is at %d, not %d", name, v[0], v[1])
		}
	}
}

func TestTexts(t *testing.T) {
	if got := text([]byte("HD\x1b[31m Webcam\x00rest")); got != "HD?[31m Webcam" {
		t.Errorf("%q", got)
	}
	if got := fourCC('Y' | 'U'<<8 | '1'<<16 | 7<<24); got != "YU1?" {
		t.Errorf("%q", got)
	}
	if got := fourCC('Y' | '1'<<8 | '6'<<16 | ' '<<24); got != "Y16" {
		t.Errorf("%q", got)
	}
}
