package nmea

// FieldInfo tells of one name that Values gives.
type FieldInfo struct {
	Name string // "GGA.latitude"
	Unit string // "deg"; empty where there is none, or where the sentence has it in a field of its own
	Help string
	Text bool // given as text
}

// kind says how a field is read.
type kind uint8

const (
	number    kind = iota
	text           // given as it is
	latitude       // ddmm.mmm, the next field has N or S
	longitude      // dddmm.mmm, E or W
	signed         // a number, the next field has E (positive) or W
	clock          // hhmmss.ss to seconds of the day
	status         // A is 1, V is 0
	when           // a time of the day, and the date at aux (ddmmyy), to seconds since 1970
	whenZDA        // the same, day month year in three fields from aux
	count          // of the fields from at to aux that are not empty
)

// entry is one name: where it stands in the sentence.
type entry struct {
	name, unit, help string
	kind             kind
	at, aux          uint8 // from 0
}

// layout is what a type of sentence holds.
type layout struct {
	typ     string
	entries []entry
}

// Known lists every name of standard meaning that Values gives, with its unit, in
// the order of the types' names. Sentences of other types give TYPE.1, TYPE.2, ...
func Known() []FieldInfo {
	var out []FieldInfo
	for i := range layouts {
		for _, e := range layouts[i].entries {
			out = append(out, FieldInfo{Name: e.name, Unit: e.unit, Help: e.help, Text: e.kind == text})
		}
	}
	return out
}

func layoutOf(typ []byte) *layout {
	for i := range layouts {
		if string(typ) == layouts[i].typ {
			return &layouts[i]
		}
	}
	return nil
}

// layouts is a constant table.
var layouts = [...]layout{
	{"DBT", []entry{
		{"DBT.depth_feet", "ft", "water depth below the transducer", number, 0, 0},
		{"DBT.depth", "m", "water depth below the transducer", number, 2, 0},
		{"DBT.depth_fathoms", "fathom", "water depth below the transducer", number, 4, 0},
	}},
	{"DPT", []entry{
		{"DPT.depth", "m", "water depth below the transducer", number, 0, 0},
		{"DPT.offset", "m", "from the transducer to the water line (positive) or the keel (negative)", number, 1, 0},
		{"DPT.range", "m", "greatest depth of the range in use", number, 2, 0},
	}},
	{"GGA", []entry{
		{"GGA.time", "s", "time of the fix, seconds of the UTC day", clock, 0, 0},
		{"GGA.latitude", "deg", "south is negative", latitude, 1, 0},
		{"GGA.longitude", "deg", "west is negative", longitude, 3, 0},
		{"GGA.quality", "", "0 no fix, 1 GPS, 2 differential, 3 PPS, 4 RTK, 5 float RTK, 6 dead reckoning, 7 manual, 8 simulated", number, 5, 0},
		{"GGA.satellites", "", "satellites in use", number, 6, 0},
		{"GGA.hdop", "", "horizontal dilution of precision", number, 7, 0},
		{"GGA.altitude", "m", "antenna above mean sea level", number, 8, 0},
		{"GGA.geoid_separation", "m", "mean sea level above the WGS 84 ellipsoid", number, 10, 0},
		{"GGA.dgps_age", "s", "age of the differential correction", number, 12, 0},
		{"GGA.dgps_station", "", "differential station", text, 13, 0},
	}},
	{"GLL", []entry{
		{"GLL.latitude", "deg", "south is negative", latitude, 0, 0},
		{"GLL.longitude", "deg", "west is negative", longitude, 2, 0},
		{"GLL.time", "s", "time of the fix, seconds of the UTC day", clock, 4, 0},
		{"GLL.valid", "", "1 valid, 0 a warning", status, 5, 0},
		{"GLL.mode", "", "A autonomous, D differential, E estimated, M manual, S simulated, N none", text, 6, 0},
	}},
	{"GSA", []entry{
		{"GSA.selection", "", "A chooses 2D or 3D by itself, M does not", text, 0, 0},
		{"GSA.fix", "", "1 none, 2 two-dimensional, 3 three-dimensional", number, 1, 0},
		{"GSA.satellites", "", "how many satellites are named", count, 2, 13},
		{"GSA.pdop", "", "dilution of precision", number, 14, 0},
		{"GSA.hdop", "", "horizontal dilution of precision", number, 15, 0},
		{"GSA.vdop", "", "vertical dilution of precision", number, 16, 0},
	}},
	{"GSV", []entry{
		{"GSV.messages", "", "sentences of this group", number, 0, 0},
		{"GSV.message", "", "which one of them this is", number, 1, 0},
		{"GSV.in_view", "", "satellites in view", number, 2, 0},
	}},
	{"HDG", []entry{
		{"HDG.heading", "deg", "of the magnetic sensor", number, 0, 0},
		{"HDG.deviation", "deg", "east is positive", signed, 1, 0},
		{"HDG.variation", "deg", "east is positive", signed, 3, 0},
	}},
	{"HDM", []entry{{"HDM.heading", "deg", "magnetic", number, 0, 0}}},
	{"HDT", []entry{{"HDT.heading", "deg", "true", number, 0, 0}}},
	{"MTW", []entry{{"MTW.temperature", "Cel", "of the water", number, 0, 0}}},
	{"MWD", []entry{
		{"MWD.direction", "deg", "from which the wind blows, true", number, 0, 0},
		{"MWD.direction_magnetic", "deg", "from which the wind blows, magnetic", number, 2, 0},
		{"MWD.speed_knots", "kn", "wind speed", number, 4, 0},
		{"MWD.speed", "m/s", "wind speed", number, 6, 0},
	}},
	{"MWV", []entry{
		{"MWV.angle", "deg", "from which the wind blows, clockwise from the bow", number, 0, 0},
		{"MWV.reference", "", "R relative, T true", text, 1, 0},
		{"MWV.speed", "", "wind speed, in the unit of MWV.unit", number, 2, 0},
		{"MWV.unit", "", "K km/h, M m/s, N knots, S statute miles per hour", text, 3, 0},
		{"MWV.valid", "", "1 valid, 0 not", status, 4, 0},
	}},
	{"RMC", []entry{
		{"RMC.time", "s", "time of the fix, seconds of the UTC day", clock, 0, 0},
		{"RMC.valid", "", "1 valid, 0 a warning", status, 1, 0},
		{"RMC.latitude", "deg", "south is negative", latitude, 2, 0},
		{"RMC.longitude", "deg", "west is negative", longitude, 4, 0},
		{"RMC.speed", "kn", "over ground", number, 6, 0},
		{"RMC.course", "deg", "over ground, true", number, 7, 0},
		{"RMC.date", "", "ddmmyy", text, 8, 0},
		{"RMC.unix", "s", "time of the fix, seconds since 1970 UTC; years 80 to 99 are 1980 to 1999", when, 0, 8},
		{"RMC.variation", "deg", "magnetic, east is positive", signed, 9, 0},
		{"RMC.mode", "", "A autonomous, D differential, E estimated, M manual, S simulated, N none", text, 11, 0},
	}},
	{"ROT", []entry{
		{"ROT.rate", "deg/min", "of turn, to starboard is positive", number, 0, 0},
		{"ROT.valid", "", "1 valid, 0 not", status, 1, 0},
	}},
	{"VHW", []entry{
		{"VHW.heading", "deg", "true", number, 0, 0},
		{"VHW.heading_magnetic", "deg", "magnetic", number, 2, 0},
		{"VHW.speed", "kn", "through the water", number, 4, 0},
		{"VHW.speed_kmh", "km/h", "through the water", number, 6, 0},
	}},
	{"VTG", []entry{
		{"VTG.course", "deg", "over ground, true", number, 0, 0},
		{"VTG.course_magnetic", "deg", "over ground, magnetic", number, 2, 0},
		{"VTG.speed", "kn", "over ground", number, 4, 0},
		{"VTG.speed_kmh", "km/h", "over ground", number, 6, 0},
		{"VTG.mode", "", "A autonomous, D differential, E estimated, M manual, S simulated, N none", text, 8, 0},
	}},
	{"ZDA", []entry{
		{"ZDA.time", "s", "seconds of the UTC day", clock, 0, 0},
		{"ZDA.day", "", "1 to 31", number, 1, 0},
		{"ZDA.month", "", "1 to 12", number, 2, 0},
		{"ZDA.year", "", "four digits", number, 3, 0},
		{"ZDA.unix", "s", "seconds since 1970 UTC", whenZDA, 0, 1},
		{"ZDA.zone_hours", "h", "of the local zone", number, 4, 0},
		{"ZDA.zone_minutes", "min", "of the local zone", number, 5, 0},
	}},
}
