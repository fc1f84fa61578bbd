package gcode

// ErrorText says in English what error:N of GRBL 1.1 means, "" for a code it does not
// have.
func ErrorText(code int) string {
	switch code {
	case 1:
		return "a word does not begin with a letter"
	case 2:
		return "a number is missing or malformed"
	case 3:
		return "unknown $ command"
	case 4:
		return "a value must not be negative"
	case 5:
		return "homing is switched off in the settings"
	case 6:
		return "the step pulse is too short"
	case 7:
		return "stored settings were damaged, defaults are in force"
	case 8:
		return "only possible while idle"
	case 9:
		return "locked: home or unlock first"
	case 10:
		return "soft limits need homing to be on"
	case 11:
		return "the line is too long"
	case 12:
		return "the step rate is too high for this setting"
	case 13:
		return "the safety door is open"
	case 14:
		return "the stored line is too long"
	case 15:
		return "the jog would leave the working area"
	case 16:
		return "a jog holds a word that is not allowed"
	case 17:
		return "laser mode needs a spindle with variable speed"
	case 20:
		return "unsupported command"
	case 21:
		return "two commands of one group in a line"
	case 22:
		return "no feed rate was set"
	case 23:
		return "a whole number is needed"
	case 24:
		return "two commands in a line want the axis words"
	case 25:
		return "a word is repeated"
	case 26:
		return "axis words are missing"
	case 27:
		return "the line number is out of range"
	case 28:
		return "a value word is missing"
	case 29:
		return "that work coordinate system does not exist"
	case 30:
		return "G53 goes with G0 or G1 only"
	case 31:
		return "axis words without a command for them"
	case 32:
		return "an arc needs an axis word of its plane"
	case 33:
		return "the target of the motion is not possible"
	case 34:
		return "the radius of the arc is not possible"
	case 35:
		return "an arc needs an offset word of its plane"
	case 36:
		return "words that no command uses"
	case 37:
		return "the tool length offset is not on the configured axis"
	case 38:
		return "the tool number is too high"
	}
	return ""
}

// AlarmText says in English what ALARM:N of GRBL 1.1 means, "" for a code it does not
// have.
func AlarmText(code int) string {
	switch code {
	case 1:
		return "a limit switch was hit: the position is lost, home again"
	case 2:
		return "the target is outside of the working area: the position is kept"
	case 3:
		return "reset while moving: the position is lost, home again"
	case 4:
		return "the probe was not in the state expected before it started"
	case 5:
		return "the probe met nothing"
	case 6:
		return "homing was ended by a reset"
	case 7:
		return "homing was ended by the safety door"
	case 8:
		return "homing could not leave the limit switch"
	case 9:
		return "homing did not find the limit switch"
	case 10:
		return "homing did not find the second switch of a doubled axis"
	}
	return ""
}
