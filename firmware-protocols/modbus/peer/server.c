/* A Modbus device on libmodbus, for the tests:
 *   server rtu PATH | server tcp
 * It prints "ready PORT" (PORT 0 for rtu), serves until it is killed, and has
 * 1000 cells in each table. Unit 1 on a serial line.
 *
 *   input 0..7     123.456f as abcd, dcba, badc, cdab
 *   input 10..17   what it understands of the floats in holding 10..17, written
 *                  in these orders: 1000 times each, as a 32-bit integer, high
 *                  word first
 *   input 20+i     i*i
 *   discrete i     1 where i is a multiple of 3
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <modbus.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* put stores 123.456f so that get reads it. In libmodbus 3.1.6 set writes bytes
 * in the order of memory, which get does not read back on a little-endian machine. */
static void put(uint16_t *dest, void (*set)(float, uint16_t *), float (*get)(const uint16_t *))
{
    set(123.456f, dest);
    if (get(dest) != 123.456f) {
        dest[0] = (uint16_t)(dest[0] << 8 | dest[0] >> 8);
        dest[1] = (uint16_t)(dest[1] << 8 | dest[1] >> 8);
    }
    if (get(dest) != 123.456f)
        exit(3);
}

static void understand(modbus_mapping_t *m)
{
    uint16_t *h = m->tab_registers + 10, *in = m->tab_input_registers + 10;
    float f[4] = {modbus_get_float_abcd(h), modbus_get_float_dcba(h + 2),
                  modbus_get_float_badc(h + 4), modbus_get_float_cdab(h + 6)};
    for (int i = 0; i < 4; i++) {
        int32_t v = isfinite(f[i]) && fabsf(f[i]) < 1e6f ? (int32_t)lrintf(f[i] * 1000) : -1;
        MODBUS_SET_INT32_TO_INT16(in, 2 * i, v);
    }
}

/* serve answers until the line ends. Damaged requests are dropped. */
static void serve(modbus_t *ctx, modbus_mapping_t *m, int serial)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int n = modbus_receive(ctx, query);
        if (n > 0) {
            if (modbus_reply(ctx, query, n, m) == -1 && !serial)
                return;
            understand(m);
        } else if (n == -1 && !(serial && (errno == EMBBADCRC || errno == ETIMEDOUT || errno == EMBBADDATA)))
            return;
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    modbus_mapping_t *m = modbus_mapping_new(1000, 1000, 1000, 1000);
    if (!m)
        return 1;
    put(m->tab_input_registers, modbus_set_float_abcd, modbus_get_float_abcd);
    put(m->tab_input_registers + 2, modbus_set_float_dcba, modbus_get_float_dcba);
    put(m->tab_input_registers + 4, modbus_set_float_badc, modbus_get_float_badc);
    put(m->tab_input_registers + 6, modbus_set_float_cdab, modbus_get_float_cdab);
    for (int i = 0; i < 200; i++)
        m->tab_input_registers[20 + i] = (uint16_t)(i * i);
    for (int i = 0; i < 1000; i++)
        m->tab_input_bits[i] = i % 3 == 0;

    if (!strcmp(argv[1], "rtu") && argc == 3) {
        modbus_t *ctx = modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
        if (!ctx || modbus_set_slave(ctx, 1) || modbus_connect(ctx)) {
            fprintf(stderr, "%s: %s\n", argv[2], modbus_strerror(errno));
            return 1;
        }
        printf("ready 0\n");
        fflush(stdout);
        serve(ctx, m, 1);
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 1;
    }
    if (strcmp(argv[1], "tcp"))
        return 2;
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", 0);
    int s = ctx ? modbus_tcp_listen(ctx, 1) : -1;
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    if (s < 0 || getsockname(s, (struct sockaddr *)&a, &len)) {
        fprintf(stderr, "listen: %s\n", modbus_strerror(errno));
        return 1;
    }
    printf("ready %d\n", ntohs(a.sin_port));
    fflush(stdout);
    for (;;) {
        if (modbus_tcp_accept(ctx, &s) < 0)
            return 1;
        serve(ctx, m, 0);
        modbus_close(ctx);
    }
}
