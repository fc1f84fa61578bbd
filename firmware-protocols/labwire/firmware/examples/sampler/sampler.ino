// sampler: a fast recorder: 1000 rows a second of four int16 at 115200 baud, with every gap known to the box.
//
// The channels are A0, A1 and A2 in volts, and a count that goes up by one with each row that was taken: where it
// jumps by more than the row numbers say, a gap was hidden. The ADC runs at 1 MHz (8 bits or so are good), so that three conversions
// take 45 us. Pin 6 is an output to switch something under test.
//
// The serial monitor shows five rows a second; only labbox asks for all of them.
#include <Labwire.h>

#define SWITCH 6

LABWIRE(SAMPLER,
  LW_DEVICE(sampler, "Fast sampler", "1.0") LW_IN(fr, "Échantillonneur rapide") LW_IN(es, "Muestreador rápido")
  LW_RATE(1000)
  LW_SAFE("The switch is off", 1000, 10000)
  LW_I16(a0, "Input 0", "V", 0, 5, 3, 0.004883, 0) LW_IN(fr, "Entrée 0") LW_IN(es, "Entrada 0")
  LW_I16(a1, "Input 1", "V", 0, 5, 3, 0.004883, 0) LW_IN(fr, "Entrée 1") LW_IN(es, "Entrada 1")
  LW_I16(a2, "Input 2", "V", 0, 5, 3, 0.004883, 0) LW_IN(fr, "Entrée 2") LW_IN(es, "Entrada 2")
  LW_I16(count, "Count", "", -32767, 32767, 0, 1, 0) LW_IN(fr, "Compteur") LW_IN(es, "Contador") LW_HIDDEN
  LW_COMMAND(switch, "Switch") LW_IN(fr, "Interrupteur") LW_IN(es, "Interruptor")
    LW_PICK(to, "To", 0) LW_IN(fr, "Vers") LW_IN(es, "A")
    LW_CHOICE(off, "Off") LW_IN(fr, "Arrêt") LW_IN(es, "Apagado")
    LW_CHOICE(on, "On") LW_IN(fr, "Marche") LW_IN(es, "Encendido")
);

static int16_t count = -32767;

static void safe() { digitalWrite(SWITCH, LOW); }

static LabwireCode command(LabwireCommand &c) {
  if (!c.is(F("switch"))) return LABWIRE_UNKNOWN;
  digitalWrite(SWITCH, c.fixed(0));
  return LABWIRE_OK;
}

static void sample(LabwireRow &row) {
  row.i16(analogRead(A0));
  row.i16(analogRead(A1));
  row.i16(analogRead(A2));
  row.i16(count);
  count = count == 32767 ? -32767 : count + 1;  // -32768 would say: no value
}

void setup() {
#ifdef __AVR__
  ADCSRA = (ADCSRA & ~7) | 4;  // clock / 16
#endif
  pinMode(SWITCH, OUTPUT);
  Labwire.begin(115200, SAMPLER, safe, command, sample);
}

void loop() { Labwire.poll(); }
