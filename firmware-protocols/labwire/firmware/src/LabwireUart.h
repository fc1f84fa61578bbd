// LabwireUart.h: the port by USART0 of an AVR. Included by Labwire.h. One interrupt takes what comes, one sends what waits; where a
// byte was damaged, or lost because its ring was full, a DEL stands, so that neither a frame nor a typed line is taken without it.
#include <avr/interrupt.h>

namespace labwire_uart {
const uint8_t SIZE = 64;  // a power of two
const uint8_t ON = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
volatile uint8_t rx[SIZE], tx[SIZE];
volatile uint8_t rxHead, rxTail, txHead, txTail, rxLost;
}  // namespace labwire_uart

#ifdef USART_RX_vect
ISR(USART_RX_vect) {
#else
ISR(USART0_RX_vect) {
#endif
  using namespace labwire_uart;
  uint8_t bad = UCSR0A & (_BV(FE0) | _BV(DOR0));  // before UDR0: reading that drops it
  uint8_t c = UDR0, head = (rxHead + 1) & (SIZE - 1);
  if (head == rxTail) {
    rxLost = 1;
    return;
  }
  if (bad || rxLost) c = 0x7F;
  rxLost = 0;
  rx[rxHead] = c;
  rxHead = head;
}

#ifdef USART_UDRE_vect
ISR(USART_UDRE_vect) {
#else
ISR(USART0_UDRE_vect) {
#endif
  using namespace labwire_uart;
  uint8_t tail = txTail;
  if (tail == txHead) {
    UCSR0B = ON;
    return;
  }
  UDR0 = tx[tail];
  txTail = (tail + 1) & (SIZE - 1);
}

void labwireOpen(uint32_t baud) {
  using namespace labwire_uart;
  UCSR0A = _BV(U2X0);
  UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
  // U2X before UBRR: simavr calculates the byte time when UBRR is written.
  UBRR0 = (F_CPU / 4 / baud - 1) / 2;
  UCSR0B = ON;
}

int labwireRead() {
  using namespace labwire_uart;
  uint8_t tail = rxTail;
  if (tail == rxHead) return -1;
  uint8_t c = rx[tail];
  rxTail = (tail + 1) & (SIZE - 1);
  return c;
}

uint8_t labwireRoom() {
  using namespace labwire_uart;
  return (txTail - txHead - 1) & (SIZE - 1);
}

void labwireWrite(uint8_t c) {
  using namespace labwire_uart;
  while (!labwireRoom()) {
  }
  tx[txHead] = c;
  txHead = (txHead + 1) & (SIZE - 1);
  UCSR0B = ON | _BV(UDRIE0);
}
