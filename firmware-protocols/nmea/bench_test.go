package nmea

import "testing"

// benchInput is what a receiver and a wind sensor print in one cycle.
const benchInput = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n" +
	"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n" +
	"$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*39\r\n" +
	"$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48\r\n" +
	"$WIMWV,214.8,R,0.1,K,A*28\r\n" +
	"$WIXDR,C,22.0,C,TEMP*42\r\n" +
	"$PMTK001,604,3*32\r\n"

func BenchmarkFeed(b *testing.B) {
	d, _ := New(Options{})
	in := []byte(benchInput)
	emit := func(*Sentence) {}
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		d.Feed(in, emit)
	}
}

func BenchmarkFeedAndValues(b *testing.B) {
	d, _ := New(Options{})
	in := []byte(benchInput)
	var sum float64
	value := func(_ string, x float64, _ []byte, _ bool) { sum += x }
	emit := func(s *Sentence) { Values(s, value) }
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		d.Feed(in, emit)
	}
}
