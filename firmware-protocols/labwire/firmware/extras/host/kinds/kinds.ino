// kinds: what the examples do not use: floats, offsets, negative scales, rows that are not full, refusals. For the tests on a computer.
#include <Labwire.h>
#include <string.h>

LABWIRE(KINDS,
  LW_DEVICE(kinds, "Kinds", "1.0")
  LW_RATE(250)
  LW_SAFE("Nothing moves", 300, 2000)
  LW_F32(float, "Float", "V", -100, 100, 3) LW_GROUP(inputs) LW_ROLE(position) LW_HELP("any bits")
  LW_I16(tilted, "Tilted", "Cel", -100, 100, 1, -0.025, -40.125)
  LW_I16(bare, "Bare", "", -1000, 1000, 2, 32767, 0)
  LW_COMMAND(go, "Go") LW_MOST(5)
    LW_INT(to, "To", "", -3, 7, 1, 0)
);

static uint32_t n;

static void safe() {}

static LabwireCode command(LabwireCommand &c) {
  if (!c.is(F("go"))) return LABWIRE_UNKNOWN;
  if (c.fixed(0) <= 5) return LABWIRE_OK;
  c.because(F("too-much"));
  return LABWIRE_REFUSED;
}

static void sample(LabwireRow &row) {
  n++;
  uint32_t bits = n * 2654435761u;
  if ((bits >> 23 & 255) == 255) bits = 0x7FC00000;  // one NaN for all
  float f;
  memcpy(&f, &bits, 4);
  row.f32(f);
  row.i16((int16_t)(n * 12345));
  if (n % 5) row.i16((int16_t)(n * 54321));
}

void setup() { Labwire.begin(115200, KINDS, safe, command, sample); }

void loop() { Labwire.poll(); }
