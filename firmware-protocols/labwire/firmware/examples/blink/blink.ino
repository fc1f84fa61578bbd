// blink: the smallest sketch that labbox understands. Flash it, start labbox, and the lamp on the board can be
// switched from any browser. In the serial monitor (115200 baud) type: light 1
//
// There is no lamp to watch but LED_BUILTIN, and one channel that says whether it is lit. When the box falls
// silent for a second the lamp goes out by itself; after a typed command it takes ten seconds.
#include <Labwire.h>

LABWIRE(BLINK,
  LW_DEVICE(blink, "Lamp", "1.0") LW_IN(fr, "Lampe") LW_IN(es, "Lámpara")
  LW_RATE(10)
  LW_SAFE("The lamp is off", 1000, 10000)
  LW_I16(lit, "Lit", "", 0, 1, 0, 1, 0) LW_IN(fr, "Allumée") LW_IN(es, "Encendida")
  LW_COMMAND(light, "Light") LW_IN(fr, "Lumière") LW_IN(es, "Luz")
    LW_INT(on, "On", "", 0, 1, 1, 0) LW_IN(fr, "Allumée") LW_IN(es, "Encendida")
    LW_REST(0) LW_SHOWS(lit)
);

static uint8_t lit;

static void light(uint8_t on) {
  lit = on;
  digitalWrite(LED_BUILTIN, on);
}

static void safe() { light(0); }

static LabwireCode command(LabwireCommand &c) {
  if (!c.is(F("light"))) return LABWIRE_UNKNOWN;
  light(c.fixed(0));
  return LABWIRE_OK;
}

static void sample(LabwireRow &row) { row.i16(lit); }

void setup() {
  pinMode(LED_BUILTIN, OUTPUT);
  Labwire.begin(115200, BLINK, safe, command, sample);
}

void loop() { Labwire.poll(); }
