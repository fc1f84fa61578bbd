// LabwireSerial.h: the port by Arduino's serial classes. Included by Labwire.h.
#ifndef LABWIRE_SERIAL
#define LABWIRE_SERIAL Serial
#endif

void labwireOpen(uint32_t baud) { LABWIRE_SERIAL.begin(baud); }
int labwireRead() { return LABWIRE_SERIAL.read(); }
uint8_t labwireRoom() {
  int n = LABWIRE_SERIAL.availableForWrite();
  return n > 255 ? 255 : n;
}
void labwireWrite(uint8_t c) { LABWIRE_SERIAL.write(c); }
