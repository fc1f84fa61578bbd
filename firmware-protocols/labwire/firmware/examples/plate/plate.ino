// plate: a heated plate. The heater is a transistor on pin 9 (PWM), the sensor gives 10 mV per degree on A0 (LM35), the fan
// hangs on pin 5.
//
// Limits: the power is 0 to 100 %, the box changes it by at most 50 % a second; above 90 degrees the sketch itself goes safe and
// refuses to heat. Safe: the heater is off, the fan runs while the plate is above 40 degrees. That happens at boot, when the box
// asks, and when the box is silent for a second while the plate is not safe.
//
// Try it in the serial monitor (115200 baud): set power 40
#include <Labwire.h>

#define HEATER 9
#define FAN 5
#define TOO_HOT 900  // 0.1 degrees

LABWIRE(PLATE,
  LW_DEVICE(plate, "Thermal plate", "1.0") LW_IN(fr, "Plaque chauffante") LW_IN(es, "Placa térmica")
  LW_RATE(10)
  LW_SAFE("The heater is off; the fan cools what is hot", 1000, 10000)
    LW_IN(fr, "Le chauffage est coupé ; le ventilateur refroidit") LW_IN(es, "El calefactor está apagado; el ventilador enfría")
  LW_I16(temperature, "Temperature", "Cel", 0, 150, 1, 0.1, 0) LW_IN(fr, "Température") LW_IN(es, "Temperatura")
  LW_I16(heater, "Heater", "%", 0, 100, 1, 0.1, 0) LW_IN(fr, "Chauffage") LW_IN(es, "Calefactor")
  LW_ENUM(fan, "Fan") LW_IN(fr, "Ventilateur") LW_IN(es, "Ventilador")
    LW_CHOICE(off, "Off") LW_IN(fr, "Arrêt") LW_IN(es, "Apagado")
    LW_CHOICE(on, "On") LW_IN(fr, "Marche") LW_IN(es, "Encendido")
  LW_COMMAND(power, "Set power") LW_IN(fr, "Régler la puissance") LW_IN(es, "Ajustar la potencia")
    LW_FLOAT(power, "Power", "%", 0, 100, 1, 0.5, 0) LW_IN(fr, "Puissance") LW_IN(es, "Potencia")
    LW_SLEW(50) LW_REST(0) LW_SHOWS(heater)
  LW_COMMAND(blow, "Fan") LW_IN(fr, "Ventilateur") LW_IN(es, "Ventilador")
    LW_PICK(fan, "Fan", 0) LW_IN(fr, "Ventilateur") LW_IN(es, "Ventilador")
    LW_CHOICE(off, "Off") LW_IN(fr, "Arrêt") LW_IN(es, "Apagado")
    LW_CHOICE(on, "On") LW_IN(fr, "Marche") LW_IN(es, "Encendido")
    LW_SHOWS(fan)
  LW_CALMING(off, "Heater off") LW_IN(fr, "Couper le chauffage") LW_IN(es, "Apagar el calefactor")
);

static int16_t temperature;  // 0.1 degrees
static int16_t power;        // 0.1 %
static uint8_t fan;

static void heat(int16_t permille) {
  power = permille;
  analogWrite(HEATER, (int32_t)permille * 255 / 1000);
}

static void blow(uint8_t on) {
  fan = on;
  digitalWrite(FAN, on);
}

static void safe() {
  heat(0);
  blow(temperature > 400);
}

static LabwireCode command(LabwireCommand &c) {
  if (c.is(F("power"))) {
    if (temperature > TOO_HOT && c.fixed(0) > 0) {
      c.because(F("hot"));
      return LABWIRE_REFUSED;
    }
    heat(c.fixed(0));
  } else if (c.is(F("blow"))) {
    blow(c.fixed(0));
  } else if (c.is(F("off"))) {
    heat(0);
  } else {
    return LABWIRE_UNKNOWN;
  }
  return LABWIRE_OK;
}

static void sample(LabwireRow &row) {
  row.i16(temperature);
  row.i16(power);
  row.i16(fan);
}

// measure runs at 20 Hz whether anybody listens or not.
static void measure() {
  static uint32_t last;
  if (millis() - last < 50) return;
  last = millis();
  temperature = (int32_t)analogRead(A0) * 5000 / 1024;  // 5 V, 10 mV per degree: mV are 0.1 degrees
  if (temperature > TOO_HOT && power > 0) {
    Labwire.note(F("too hot"));
    Labwire.goSafe();
  }
}

void setup() {
  pinMode(HEATER, OUTPUT);
  pinMode(FAN, OUTPUT);
  Labwire.begin(115200, PLATE, safe, command, sample);
}

void loop() {
  Labwire.poll();
  measure();
}
