// LabwireScan.h: reads the dictionary where it stands. Inside the library only.
#ifndef LABWIRE_SCAN_H
#define LABWIRE_SCAN_H

#include "LabwirePort.h"

// A line's first and third character tell its kind.
constexpr uint16_t lwKey(char a, char b) { return (uint16_t)(uint8_t)a | (uint16_t)(uint8_t)b << 8; }
enum : uint16_t {
  LW_KEY_I16 = lwKey('i', '6'),
  LW_KEY_F32 = lwKey('f', '2'),
  LW_KEY_ENUM = lwKey('e', 'u'),
  LW_KEY_CHOICE = lwKey('c', 'o'),
  LW_KEY_COMMAND = lwKey('c', 'm'),
  LW_KEY_FLOAT = lwKey('f', 'o'),
  LW_KEY_INT = lwKey('i', 't'),
  LW_KEY_PICK = lwKey('p', 'c'),
  LW_KEY_RATE = lwKey('r', 't'),
  LW_KEY_SAFE = lwKey('s', 'f')
};

inline char lwAt(const char *p) { return (char)pgm_read_byte(p); }
inline uint16_t lwKind(const char *p) { return lwKey(lwAt(p), lwAt(p + 2)); }

const char *lwLine(const char *p);             // the next line; at the end its character is 0
const char *lwWord(const char *p, uint8_t n);  // n words further on
const char *lwParam(const char *p);            // the next parameter of the command behind the line p, or 0
const char *lwCommand(const char *p);          // the next command from the line p on, or 0
// lwPlace finds a choice of the pick p by its id; without one, or when it is none, the number of choices.
uint8_t lwPlace(const char *p, const char *ram);
bool lwSame(const char *p, const char *ram);   // the word p is the word in RAM, which ends with 0 or a blank

// lwFixed reads [-]digits[.digits] in RAM, up to 0, a blank or an LF, as a whole number of 10^-decimals,
// nine digits at most.
bool lwFixed(const char *s, uint8_t decimals, int32_t &v);
// lwNumber does the same in the dictionary; what it cannot read is 0.
int32_t lwNumber(const char *p, uint8_t decimals);
uint8_t lwDecimals(const char *p);             // of the parameter p
uint8_t lwPlaces(const char *p);               // behind the point of the number p

uint8_t *lwCopy(void *to, const void *from, uint8_t n);  // memcpy that is never made inline; returns the end
uint16_t lwCRC16(const uint8_t *p, uint8_t n);

#endif
