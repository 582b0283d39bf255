package cardnumber

// issuer is a range of first digits, from and to of one length, and how many digits its numbers have: bit n for n digits.
type issuer struct {
	from, to, first int // first: how many digits from and to have
	lengths         uint32
}

func of(lengths ...int) (bits uint32) {
	for _, n := range lengths {
		bits |= 1 << n
	}
	return bits
}

// issuers are the ranges of the schemes that issue cards to the public, by the schemes' own publications of their ranges (ISO/IEC
// 7812-2 keeps the register itself for its members). Lengths that a scheme reserves and does not issue are left out.
var issuers = []issuer{
	{4, 4, 1, of(13, 16, 19)},           // Visa, Dankort, Elo
	{51, 55, 2, of(16)},                 // Mastercard
	{2221, 2720, 4, of(16)},             // Mastercard
	{34, 34, 2, of(15)},                 // American Express
	{37, 37, 2, of(15)},                 // American Express
	{300, 305, 3, of(14, 16, 19)},       // Diners Club
	{3095, 3095, 4, of(14, 16, 19)},     // Diners Club
	{36, 36, 2, of(14, 16, 19)},         // Diners Club
	{38, 39, 2, of(14, 16, 19)},         // Diners Club
	{3528, 3589, 4, of(16, 17, 18, 19)}, // JCB
	{6011, 6011, 4, of(16, 19)},         // Discover
	{644, 649, 3, of(16, 19)},           // Discover
	{65, 65, 2, of(16, 19)},             // Discover, RuPay, Troy, Elo
	{62, 62, 2, of(16, 17, 18, 19)},     // UnionPay
	{81, 81, 2, of(16, 17, 18, 19)},     // UnionPay, RuPay
	{60, 60, 2, of(16)},                 // RuPay, Hipercard
	{82, 82, 2, of(16)},                 // RuPay
	{508, 508, 3, of(16)},               // RuPay
	{2200, 2204, 4, of(16, 17, 18, 19)}, // Mir
	{5018, 5018, 4, of(16, 17, 18, 19)}, // Maestro
	{5019, 5019, 4, of(16)},             // Dankort
	{5020, 5020, 4, of(16, 17, 18, 19)}, // Maestro
	{5038, 5038, 4, of(16, 17, 18, 19)}, // Maestro
	{5041, 5041, 4, of(16)},             // Elo
	{506, 507, 3, of(16, 18, 19)},       // Verve, Elo
	{5893, 5893, 4, of(16, 17, 18, 19)}, // Maestro
	{6277, 6277, 4, of(16)},             // Elo
	{6304, 6304, 4, of(16, 17, 18, 19)}, // Maestro
	{6362, 6363, 4, of(16)},             // Elo
	{6703, 6703, 4, of(16, 17)},         // Bancontact
	{6759, 6759, 4, of(16, 17, 18, 19)}, // Maestro
	{6761, 6763, 4, of(16, 17, 18, 19)}, // Maestro
	{8600, 8600, 4, of(16)},             // Uzcard
	{9704, 9704, 4, of(16, 19)},         // Napas
	{9792, 9792, 4, of(16)},             // Troy
	{9860, 9860, 4, of(16)},             // Humo
}

// known says whether digits begin as an issuer's numbers do, and are as many.
func known(d []byte) bool {
	var first [5]int // the number that the first so many digits are
	for i := range 4 {
		first[i+1] = first[i]*10 + int(d[i]-'0')
	}
	for i := range issuers {
		is := &issuers[i]
		if n := first[is.first]; n >= is.from && n <= is.to && is.lengths&(1<<len(d)) != 0 {
			return true
		}
	}
	return false
}
