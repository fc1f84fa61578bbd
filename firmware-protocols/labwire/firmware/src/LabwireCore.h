// LabwireCore.h: the library without its serial port: see Labwire.h.
#ifndef LABWIRE_CORE_H
#define LABWIRE_CORE_H

#include "LabwireDictionary.h"
#include "LabwirePort.h"

// Answers of a sketch to a command.
enum LabwireCode : uint8_t {
  LABWIRE_OK,
  LABWIRE_UNKNOWN,
  LABWIRE_ARGS,
  LABWIRE_RANGE,
  LABWIRE_BUSY,
  LABWIRE_REFUSED,
  LABWIRE_OVERFLOW,
  LABWIRE_DRIFT,
  LABWIRE_FAULT
};

enum LabwireCause : uint8_t {
  LABWIRE_NOT_YET,
  LABWIRE_BOOT,
  LABWIRE_DEADMAN,
  LABWIRE_ASKED,
  LABWIRE_SKETCH,
  LABWIRE_UNDONE
};

const int16_t LABWIRE_MISSING = -32767 - 1;
const uint8_t LABWIRE_PARAMS = 8;

// LabwireRow takes one value per channel, in the dictionary's order and of its type. A row that is not full is not sent.
class LabwireRow {
 public:
  void i16(int16_t v) { put(&v, 2); }
  void f32(float v);

 private:
  friend class LabwireDevice;
  void put(const void *v, uint8_t n);
  static void print(const uint8_t *p, uint8_t decimals);
  uint8_t *at;
  uint8_t left;
};

// LabwireCommand is a command whose parameters are in their ranges.
class LabwireCommand {
 public:
  // is reports whether this is the command: c.is(F("heat"))
  bool is(const __FlashStringHelper *id) const;
  // fixed is a parameter in whole steps of 10^-decimals, as declared; of an int its value, of a pick the choice's place.
  int32_t fixed(uint8_t i) const { return args[i]; }
  // number is a float parameter in its unit.
  float number(uint8_t i) const;
  // because gives one word of up to 16 bytes to an answer that is not LABWIRE_OK.
  void because(const __FlashStringHelper *word) { text = (const char *)word; }

 private:
  friend class LabwireDevice;
  const char *line;  // in the dictionary
  const char *text;
  int32_t args[LABWIRE_PARAMS];
};

// Keeps a function out of line where that saves flash.
#define LABWIRE_APART __attribute__((noinline, noclone))

class LabwireDevice {
 public:
  typedef void (*SafeFunction)();
  typedef LabwireCode (*CommandFunction)(LabwireCommand &c);
  typedef void (*SampleFunction)(LabwireRow &row);

  // begin calls safe and says hello. Each of the three functions is called from poll, never from an interrupt. A sketch without
  // channels, or without commands, gives 0.
  void begin(uint32_t baud, const char *dictionary, SafeFunction safe, CommandFunction command, SampleFunction sample);

  // poll does all the work. Call it in loop, at least ten times a second and twice per sample; never wait in loop.
  void poll();

  // goSafe is the sketch's own finding that something is wrong.
  void goSafe() { goSafe(LABWIRE_SKETCH); }
  bool isSafe() const { return safe; }

  // note tells the box one thing of up to 16 bytes: Labwire.note(F("door open"))
  void note(const __FlashStringHelper *text) { noted = (const char *)text; }

  // sampleNow takes a row outside the rate (LW_RATE(0)) and sends it.
  void sampleNow();

  const char *dictionary() const { return dict; }

 private:
  friend class LabwireRow;
  enum : uint8_t { IN_TEXT, IN_FRESH, IN_FRAME };
  enum : uint8_t { OFF, TEXT, FAST };
  static const uint8_t RX = 64, CHUNK = 64, DATA = 88, HEAD = 15, KNOWN = 4, CONTROL = 27;
  struct Answer {
    uint16_t crc, id;  // id and code as they are sent
    uint8_t code;
  };

  void goSafe(LabwireCause why);
  void tick();

  void take(uint8_t c);
  void zero();
  void silence();
  void request();
  LabwireCode stream(uint8_t mode, uint8_t epoch);
  void alive(bool byFrame);
  const Answer *find(uint16_t id, uint16_t crc) const;
  void remember(uint16_t id, uint16_t crc, uint8_t code);
  LabwireCode carryOut(LabwireCommand &c);
  LabwireCode check(LabwireCommand &c, uint8_t count);

  void takeRow(const uint32_t &at);
  bool sample(uint8_t *at);
  LABWIRE_APART void lose();
  LABWIRE_APART void advance() { nextUS += periodUS; }
  LABWIRE_APART uint32_t since(const uint32_t &t) const { return us - t; }
  LABWIRE_APART uint16_t age(const uint16_t &t) const { return (uint16_t)ms - t; }
  LABWIRE_APART static void count(uint16_t &n) { n++; }
  LABWIRE_APART void forget();
  void flush() { ready = rows > 0; }

  void pump();
  void drain();
  bool send();
  bool next();
  void start(uint8_t *buf, uint8_t length);

  void typed(uint8_t c);
  void line();
  LabwireCode typedCommand(char *word, LabwireCommand &c);
  void print(char c);
  void print(const char *text);
  void printTo(const char *text, char end);
  void newline();
  void printFixed(int32_t v, uint8_t places, uint8_t cut);
  void printNth(const char *list, uint8_t n);
  void printFloat(const uint8_t *p, uint8_t decimals);
  void printRaw(const char *channel, const uint8_t *p);
  void printReply(uint16_t id, uint8_t code, const char *text);
  void printHello();
  void printHelp();
  void printRow();

  // These stand as they are sent in a status: little-endian like every board.
  uint8_t safe, cause, mode, epoch;
  uint32_t ms;
  uint16_t missed, bad;
  // These in samples,
  uint32_t first, t0;
  uint16_t step;
  uint8_t rows;
  // and these in a hello.
  uint32_t dictCRC;
  uint16_t dictLength;

  uint32_t us, nextUS, periodUS, rowNo;
  bool replying, framed, wantHello, wantStatus, ready;
  uint8_t rxN, rxBad, rxState, event, fill, rowBytes, chunks, seq, knownAt;
  uint16_t rxMS, aliveMS, holdMS, statusMS, chunkAt, deadmanMS, typedMS;
  uint8_t *tx, txLength, txAt;
  const char *dict, *noted, *help, *replyText;
  Answer reply, known[KNOWN];
  SafeFunction onSafe;
  CommandFunction onCommand;
  SampleFunction onSample;
  void (*floatPrinter)(const uint8_t *p, uint8_t decimals);  // set by the first f32, so that others do not carry it
  uint8_t rx[RX], small[CONTROL], buffers[2][1 + HEAD + DATA + 2];
};

extern LabwireDevice Labwire;

#endif
