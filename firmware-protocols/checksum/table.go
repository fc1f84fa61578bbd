package checksum

type kind uint8

const (
	sum      kind = iota // of bytes, times init, plus xorOut
	xor                  // of bytes
	crc                  // poly, init, reflect, xorOut
	adler                // RFC 1950
	fletcher             // two sums modulo 255
)

// spec describes one algorithm. The parameters of a CRC are those of the
// catalogue of parametrised CRC algorithms: poly and init as if unreflected.
type spec struct {
	name    string
	alias   string // other names, blanks between
	size    int    // bytes
	kind    kind
	poly    uint32
	init    uint32
	reflect bool
	xorOut  uint32
	check   uint32 // of the ASCII digits 123456789
}

const neg = ^uint32(0) // -1

// specs is a constant table.
var specs = [...]spec{
	{"sum8", "sum", 1, sum, 0, 1, false, 0, 0xDD},
	{"sum16", "", 2, sum, 0, 1, false, 0, 0x01DD},
	{"sum32", "", 4, sum, 0, 1, false, 0, 0x000001DD},
	// The two's complement: message and checksum add up to 0.
	{"negsum8", "negsum neg-sum sum8-neg", 1, sum, 0, neg, false, 0, 0x23},
	{"negsum16", "", 2, sum, 0, neg, false, 0, 0xFE23},
	{"negsum32", "", 4, sum, 0, neg, false, 0, 0xFFFFFE23},
	// Modbus ASCII and Intel HEX call the same LRC.
	{"lrc", "lrc-modbus", 1, sum, 0, neg, false, 0, 0x23},
	// The one's complement: -x - 1.
	{"notsum8", "notsum not-sum sum8-not", 1, sum, 0, neg, false, neg, 0x22},
	{"notsum16", "", 2, sum, 0, neg, false, neg, 0xFE22},
	{"notsum32", "", 4, sum, 0, neg, false, neg, 0xFFFFFE22},
	// ISO 1155 calls the xor of all bytes LRC, many manuals BCC, NMEA 0183 checksum.
	{"xor8", "xor bcc lrc-iso1155 nmea", 1, xor, 0, 0, false, 0, 0x31},
	{"notxor8", "notxor not-xor", 1, xor, 0, 0, false, 0xFF, 0xCE},

	{"crc8", "crc8-smbus crc8-ccitt", 1, crc, 0x07, 0x00, false, 0x00, 0xF4},
	{"crc8-maxim", "crc8-dallas crc8-dow crc8-maxim-dow", 1, crc, 0x31, 0x00, true, 0x00, 0xA1},
	{"crc8-nrsc-5", "crc8-sensirion", 1, crc, 0x31, 0xFF, false, 0x00, 0xF7},
	{"crc8-itu", "crc8-i-432-1", 1, crc, 0x07, 0x00, false, 0x55, 0xA1},
	{"crc8-rohc", "", 1, crc, 0x07, 0xFF, true, 0x00, 0xD0},
	{"crc8-sae-j1850", "crc8-j1850", 1, crc, 0x1D, 0xFF, false, 0xFF, 0x4B},
	{"crc8-tech-3250", "crc8-ebu crc8-aes", 1, crc, 0x1D, 0xFF, true, 0x00, 0x97},
	{"crc8-autosar", "", 1, crc, 0x2F, 0xFF, false, 0xFF, 0xDF},
	{"crc8-cdma2000", "", 1, crc, 0x9B, 0xFF, false, 0x00, 0xDA},
	{"crc8-darc", "", 1, crc, 0x39, 0x00, true, 0x00, 0x15},
	{"crc8-dvb-s2", "", 1, crc, 0xD5, 0x00, false, 0x00, 0xBC},
	{"crc8-wcdma", "", 1, crc, 0x9B, 0x00, true, 0x00, 0x25},

	{"crc16-arc", "crc16 crc16-ibm crc16-lha crc-ibm", 2, crc, 0x8005, 0x0000, true, 0x0000, 0xBB3D},
	{"crc16-modbus", "modbus", 2, crc, 0x8005, 0xFFFF, true, 0x0000, 0x4B37},
	{"crc16-usb", "", 2, crc, 0x8005, 0xFFFF, true, 0xFFFF, 0xB4C8},
	{"crc16-maxim", "crc16-dallas crc16-maxim-dow", 2, crc, 0x8005, 0x0000, true, 0xFFFF, 0x44C2},
	{"crc16-buypass", "crc16-umts crc16-verifone", 2, crc, 0x8005, 0x0000, false, 0x0000, 0xFEE8},
	{"crc16-cms", "", 2, crc, 0x8005, 0xFFFF, false, 0x0000, 0xAEE7},
	{"crc16-dds-110", "", 2, crc, 0x8005, 0x800D, false, 0x0000, 0x9ECF},
	{"crc16-xmodem", "crc16-zmodem crc16-acorn xmodem", 2, crc, 0x1021, 0x0000, false, 0x0000, 0x31C3},
	// Three CRCs are sold as "CCITT"; unnamed, most firmware means this one.
	{"crc16-ccitt-false", "crc16-ccitt crc16-ibm-3740 crc16-autosar", 2, crc, 0x1021, 0xFFFF, false, 0x0000, 0x29B1},
	{"crc16-kermit", "crc16-ccitt-true kermit", 2, crc, 0x1021, 0x0000, true, 0x0000, 0x2189},
	{"crc16-x-25", "crc16-ibm-sdlc crc16-iso-hdlc x-25", 2, crc, 0x1021, 0xFFFF, true, 0xFFFF, 0x906E},
	{"crc16-genibus", "crc16-darc crc16-epc", 2, crc, 0x1021, 0xFFFF, false, 0xFFFF, 0xD64E},
	{"crc16-spi-fujitsu", "crc16-aug-ccitt", 2, crc, 0x1021, 0x1D0F, false, 0x0000, 0xE5CC},
	{"crc16-mcrf4xx", "", 2, crc, 0x1021, 0xFFFF, true, 0x0000, 0x6F91},
	{"crc16-gsm", "", 2, crc, 0x1021, 0x0000, false, 0xFFFF, 0xCE3C},
	{"crc16-riello", "", 2, crc, 0x1021, 0xB2AA, true, 0x0000, 0x63D0},
	{"crc16-dnp", "", 2, crc, 0x3D65, 0x0000, true, 0xFFFF, 0xEA82},
	{"crc16-en-13757", "", 2, crc, 0x3D65, 0x0000, false, 0xFFFF, 0xC2B7},
	{"crc16-t10-dif", "", 2, crc, 0x8BB7, 0x0000, false, 0x0000, 0xD0DB},
	{"crc16-cdma2000", "", 2, crc, 0xC867, 0xFFFF, false, 0x0000, 0x4C06},

	{"crc24", "crc24-openpgp", 3, crc, 0x864CFB, 0xB704CE, false, 0x000000, 0x21CF02},

	{"crc32", "crc32-iso-hdlc crc32-ieee crc32-adccp crc32-v-42 pkzip", 4, crc, 0x04C11DB7, neg, true, neg, 0xCBF43926},
	{"crc32c", "crc32-iscsi crc32-castagnoli", 4, crc, 0x1EDC6F41, neg, true, neg, 0xE3069283},
	{"crc32-bzip2", "crc32-aal5 crc32-dect-b", 4, crc, 0x04C11DB7, neg, false, neg, 0xFC891918},
	{"crc32-mpeg-2", "crc32-stm32", 4, crc, 0x04C11DB7, neg, false, 0, 0x0376E6E7},
	{"crc32-jamcrc", "jamcrc", 4, crc, 0x04C11DB7, neg, true, 0, 0x340BC6D9},
	{"crc32-cksum", "crc32-posix", 4, crc, 0x04C11DB7, 0, false, neg, 0x765E7680},
	{"crc32-xfer", "", 4, crc, 0x000000AF, 0, false, 0, 0xBD0BE338},
	{"crc32-aixm", "crc32-q", 4, crc, 0x814141AB, 0, false, 0, 0x3010BF7F},

	{"adler32", "", 4, adler, 0, 0, false, 0, 0x091E01DE},
	{"fletcher16", "", 2, fletcher, 0, 0, false, 0, 0x1EDE},
}
