package normal

import (
	"strings"

	"golang.org/x/text/currency"
)

// Currency reads a currency: its ISO 4217 code in any case, or a sign or name that stands for one only. $, kr and ¥ stand
// for several and are not read.
func Currency(text string) (string, bool) {
	text = Trim(text)
	if code, ok := signs[strings.ToUpper(text)]; ok {
		return code, true
	}
	if code, ok := signs[strings.ToUpper(fold(text))]; ok {
		return code, true
	}
	unit, err := currency.ParseISO(text)
	if err != nil || unit == currency.XXX || unit == currency.XTS {
		return "", false
	}
	return unit.String(), true
}

// signs are in capitals.
var signs = map[string]string{
	"€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP", "POUND STERLING": "GBP", "POUNDS STERLING": "GBP", "BRITISH POUND": "GBP",
	"US$": "USD", "U.S.$": "USD", "US DOLLAR": "USD", "US DOLLARS": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD",
	"S$": "SGD", "NT$": "TWD", "R$": "BRL", "MX$": "MXN", "CN¥": "CNY", "RMB": "CNY", "JP¥": "JPY", "YEN": "JPY", "SFR": "CHF", "SWISS FRANC": "CHF",
	"ZŁ": "PLN", "KČ": "CZK", "FT": "HUF", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS", "฿": "THB", "₫": "VND", "₴": "UAH", "₦": "NGN", "₱": "PHP",
}
