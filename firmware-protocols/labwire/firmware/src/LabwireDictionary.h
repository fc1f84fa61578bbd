// LabwireDictionary.h: the words a sketch describes itself with. Each makes one line of the dictionary (SPEC.md,
// section 6) out of string literals, so the whole stands in flash and costs no RAM:
//
//   LABWIRE(PLATE,
//     LW_DEVICE(plate, "Thermal plate", "1.0")
//     LW_RATE(10)
//     LW_SAFE("The heater is off", 1000, 10000)
//     LW_I16(temperature, "Temperature", "Cel", 0, 150, 1, 0.1, 0)
//     LW_COMMAND(heat, "Heat")
//       LW_INT(power, "Power", "%", 0, 100, 1, 0)
//   )
//
// Numbers are written out, or are macros for such: 100, -0.5, MAX_POWER. An expression such as (2*50) makes a dictionary
// that no box takes.
#ifndef LABWIRE_DICTIONARY_H
#define LABWIRE_DICTIONARY_H

#define LW_S_(x) #x
#define LW_S(x) LW_S_(x)
#define LW_Q(text) " \"" text "\""

// The dictionary itself.
#define LABWIRE(name, ...) const char name[] PROGMEM = "labwire 1\n" __VA_ARGS__

// First LW_DEVICE(id, "label", "firmware version"), then the rate in Hz and the safe state: what it does, the silence in ms after
// which the device goes safe by itself, and the same after a command typed by hand.
#define LW_DEVICE(id, label, version) "device " #id LW_Q(label) LW_Q(version) "\n"
#define LW_RATE(hz) "rate " LW_S(hz) "\n"
#define LW_SAFE(text, deadman_ms, typed_ms) "safe" LW_Q(text) " " LW_S(deadman_ms) " " LW_S(typed_ms) "\n"

// Channels. An i16 is shown as value * scale + offset; an enum is the place of a choice.
#define LW_I16(id, label, unit, min, max, decimals, scale, offset) \
  "i16 " #id LW_Q(label) LW_Q(unit) " " LW_S(min) " " LW_S(max) " " LW_S(decimals) " " LW_S(scale) " " LW_S(offset) "\n"
#define LW_F32(id, label, unit, min, max, decimals) \
  "f32 " #id LW_Q(label) LW_Q(unit) " " LW_S(min) " " LW_S(max) " " LW_S(decimals) "\n"
#define LW_ENUM(id, label) "enum " #id LW_Q(label) "\n"
#define LW_CHOICE(id, label) "choice " #id LW_Q(label) "\n"
#define LW_GROUP(id) "group " #id "\n"
#define LW_ROLE(id) "role " #id "\n"
#define LW_HIDDEN "hidden\n"

// Commands, behind all channels: LW_COMMAND may switch something on, LW_CALMING never makes anything more dangerous, LW_PASSIVE
// moves no output.
#define LW_COMMAND(id, label) "command " #id LW_Q(label) " on\n"
#define LW_CALMING(id, label) "command " #id LW_Q(label) " calming\n"
#define LW_PASSIVE(id, label) "command " #id LW_Q(label) " passive\n"
#define LW_MOST(hz) "most " LW_S(hz) "\n"

// Parameters of the command before. A float travels as a whole number of 10^-decimals.
#define LW_FLOAT(id, label, unit, min, max, decimals, step, preset) \
  "float " #id LW_Q(label) LW_Q(unit) " " LW_S(min) " " LW_S(max) " " LW_S(decimals) " " LW_S(step) " " LW_S(preset) "\n"
#define LW_INT(id, label, unit, min, max, step, preset) \
  "int " #id LW_Q(label) LW_Q(unit) " " LW_S(min) " " LW_S(max) " " LW_S(step) " " LW_S(preset) "\n"
#define LW_PICK(id, label, preset_place) "pick " #id LW_Q(label) " " LW_S(preset_place) "\n"
#define LW_SLEW(per_second) "slew " LW_S(per_second) "\n"
#define LW_REST(value) "rest " LW_S(value) "\n"
#define LW_SHOWS(channel) "shows " #channel "\n"

// The label before in another language, and longer texts.
#define LW_IN(language, label) #language LW_Q(label) "\n"
#define LW_HELP(text) "help en" LW_Q(text) "\n"
#define LW_HELP_IN(language, text) "help " #language LW_Q(text) "\n"

#endif
