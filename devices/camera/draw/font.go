package draw

import "strings"

// glyphs are letters of lines on a grid: x from 0 to 4, y from 0 (top) over 6 (where
// letters stand) to 8. Each pair of digits is a point; a space lifts the pen.
const glyphs = `
0 103041453616050110
1 112026
2 01103041420646
3 01103041423323 334445361605
4 36300444
5 400002324345361605
6 4020020516364543321203
7 004016
8 103041423313020110 1304051636454433
9 0626444130100103143443
A 062046 1434
B 000636454433 033342413000
C 4130100105163645
D 00062644422000
E 40000646 0333
F 400006 0333
G 41301001051636454323
H 0006 4046 0343
I 0006
J 3035261605
K 0006 4004 2246
L 000646
M 0600234046
N 06004640
O 103041453616050110
P 06003041423303
Q 103041453616050110 2446
R 06003041423303 2346
S 413010010213334445361605
T 0040 2026
U 000516364540
V 002640
W 0016233640
X 0046 4006
Y 002340 2326
Z 00400646
a 12324346 441405163645
b 0006 0516364543321203
c 4332120305163645
d 4046 4332120305163645
e 04444332120305163645
f 30201116 0222
g 4332120305163645 4247381807
h 0006 0312324346
i 0206 0000
j 121708 1010
k 0006 3204 1336
l 000516
m 0206 03122326 23324346
n 0206 0312324346
o 123243453616050312
p 0208 0312324345361605
q 4248 4332120305163645
r 0206 031232
s 43321203143445361605
t 10152636 0232
u 0205163645 4246
v 022642
w 0216233642
x 0246 4206
y 0226 422608
z 02420646
. 0606
, 1607
: 0303 0606
; 0303 1607
- 0434
+ 0343 2125
/ 0640
% 0640 0010110100 3545463635
( 20111526
) 00110506
= 0242 0444
_ 0747
' 0001
! 0004 0606
? 01103041422324 2626
* 1135 3115 0343
< 400346
> 004306
~ 04133544
^ 021022
° 1021120110
µ 0208 0516364542 4246
Ω 06160401103041443646
`

// font is what glyphs say.
type font map[rune][][]point

func newFont() font {
	f := font{}
	for l := range strings.Lines(glyphs) {
		name, pens, ok := strings.Cut(strings.TrimSpace(l), " ")
		if !ok {
			continue
		}
		var g [][]point
		for _, pen := range strings.Fields(pens) {
			var way []point
			for i := 0; i+1 < len(pen); i += 2 {
				way = append(way, point{float32(pen[i] - '0'), float32(pen[i+1] - '0')})
			}
			if len(way) > 0 {
				g = append(g, way)
			}
		}
		f[[]rune(name)[0]] = g
	}
	return f
}

// plain spells letters with accents without them.
var plain = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ä", "a", "ã", "a", "å", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e",
	"í", "i", "ì", "i", "î", "i", "ï", "i", "ñ", "n", "ó", "o", "ò", "o", "ô", "o", "ö", "o", "õ", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u",
	"É", "E", "È", "E", "Á", "A", "À", "A", "Ñ", "N", "Ö", "O", "Ü", "U", "Ç", "C", "ß", "ss", "œ", "oe", "æ", "ae", "²", "2", "³", "3",
	"·", ".", "’", "'", "–", "-", "−", "-", "×", "x", "μ", "µ", "Ω", "Ω", "º", "°")

// wide is how far a glyph reaches, in grid units.
func (f font) wide(r rune) float32 {
	if r == ' ' {
		return 2
	}
	if r >= '0' && r <= '9' {
		return 4 // digits stand still when they change
	}
	g, ok := f[r]
	if !ok {
		return 4
	}
	w := float32(0)
	for _, way := range g {
		for _, p := range way {
			w = max(w, p.x)
		}
	}
	return w
}

const between = 1.7 // grid units from letter to letter

// width is how wide a text of that height of capitals is.
func (f font) width(s string, height float32) float32 {
	w := float32(0)
	for _, r := range plain.Replace(s) {
		w += f.wide(r) + between
	}
	return max(w-between, 0) * height / 6
}

// align says where a text stands to its place.
type align float32

const (
	left   align = 0
	middle align = 0.5
	right  align = 1
)

// text writes a line; at is where its letters stand, height that of a capital.
func (c *canvas) text(f font, s string, at point, height float32, a align, p paint) {
	s = plain.Replace(s)
	u := height / 6
	at.x -= float32(a) * f.width(s, height)
	pen := max(height/8, 1.1)
	box := [][]point{{{0, 1}, {3, 1}, {3, 6}, {0, 6}, {0, 1}}}
	for _, r := range s {
		g, ok := f[r]
		if !ok && r != ' ' {
			g = box
		}
		for _, way := range g {
			last := point{at.x + way[0].x*u, at.y + (way[0].y-6)*u}
			if len(way) == 1 {
				c.line(last, last, pen*1.4, p)
			}
			for _, q := range way[1:] {
				next := point{at.x + q.x*u, at.y + (q.y-6)*u}
				c.line(last, next, pen, p)
				last = next
			}
		}
		at.x += (f.wide(r) + between) * u
	}
}
