package cardnumber_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cardnumber"
)

func TestWhatLooksLikeACard(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"4111111111111111", "4222222222222", "5500000000000004", "2223003122003222", "378282246310005", "6011000000000004", "30569309025904",
		"3530111333300000", "6304000000000000", "6212345678901232", "4000000000000000006", // Visa of 19
		"4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005", "3056 930902 5904", "4111 - 1111 - 1111 - 1111", "4111  1111\t1111 1111",
		"4111\u00a01111\u202f1111\u20111111", "4111\u20131111\u22121111\u00ad1111", "4111\u200b1111\u200b1111\u200b1111",
		"pay 42 with 4111 1111 1111 1111 now", "42 4111 1111 1111 1111", "4111 1111 1111 1111 123", "card no.4111111111111111.", "(4111111111111111)", "Zoë4111111111111111",
		"pan=4111111111111111&cvv", `{"pan":"4111111111111111"}`, "4111111111111111,12/26", "4111111111111111-1226", "-4111111111111111", "4111111111111111.00",
		"%B4111111111111111^DOE/JANE^2512101", ";4111111111111111=25121010000?", "4111111111111111D2512201", "+4111111111111111", "cards/4111111111111111",
	} {
		require.True(t, cardnumber.In(s), s)
		require.True(t, cardnumber.Possible([]byte(s)), s)
	}
}

func TestWhatLooksLikeNone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "4111111111111112", "411111111111", "41111111111111111111", "1234567890123456789012345678901234567890",
		"12345678-1234-1234-1234-123456789012", "h-4111111111111111", "x4111111111111111", "4111111111111111x", "_4111111111111111", "ORD-4111111111111111",
		"0.4111111111111111", "4111111111111111.25", "v2.4111111111111111", "4111.1111.1111.1111", "4111/1111/1111/1111", "4111    1111 1111 1111",
		"+4917012345675", "+44 1632 9601 2341", // phones that check
		"4006381300063", // a barcode that checks, too
		"1767603600000", "639031392000000000", "2026-11-23T09:00:00.123456789Z", "2026-01-05 09:00:00", "49-170-1234-5678-90", "41-11-1111-1111-1111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4111 1 111 1111 1111",
		"3569380356438092"[:15], // an IMEI checks as well, and is no American Express
	} {
		require.False(t, cardnumber.In(s), s)
	}
	for range 5000 {
		require.False(t, cardnumber.In(uuid.NewString()))
	}
}

// The shares that the package promises, each of a hundred thousand random numbers.
func TestHowOftenARandomNumberPassesForACard(t *testing.T) {
	t.Parallel()
	for digits, most := range map[int]float64{13: 0.01, 14: 0.01, 15: 0.01, 16: 0.035, 17: 0.01, 18: 0.01, 19: 0.02} {
		const n = 100_000
		hits, random := 0, rand.New(rand.NewPCG(1, uint64(digits)))
		for range n {
			number := make([]byte, digits)
			for i := range number {
				number[i] = byte('0' + random.IntN(10))
			}
			if cardnumber.In(string(number)) {
				hits++
			}
		}
		share := float64(hits) / n
		t.Logf("%d digits: %.2f %%", digits, 100*share)
		require.LessOrEqual(t, share, most, "%d digits", digits)
		require.Positive(t, hits, "%d digits", digits)
	}
}

func TestEveryCardOfATextIsFound(t *testing.T) {
	t.Parallel()
	const text = "4111 1111 1111 1111 or 5500-0000-0000-0004."
	var found []string
	for from := 0; ; {
		m, ok := cardnumber.Next(text, from)
		if !ok {
			break
		}
		found, from = append(found, text[m.From:m.To]), m.To
		require.Equal(t, 16, m.Digits)
	}
	require.Equal(t, []string{"4111 1111 1111 1111", "5500-0000-0000-0004"}, found)
}

func decoded(t testing.TB, text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var doc any
	require.NoError(t, d.Decode(&doc))
	return doc
}

func TestACardIsFoundWhereverItStandsInADocument(t *testing.T) {
	t.Parallel()
	for text, pointer := range map[string]string{
		`"4111111111111111"`:                              "",
		`{"a":[1,{"b":"x 4111-1111-1111-1111"}]}`:         "/a/1/b",
		`{"a":4111111111111111}`:                          "/a",
		`{"a":4111111111111111.0}`:                        "/a",
		`{"a":4.111111111111111E+15}`:                     "/a",
		`{"a":-4111111111111111}`:                         "/a",
		`{"a":{"4111 1111 1111 1111":1}}`:                 "/a/*",
		`{"a":{"4111111111111111":1}}`:                    "/a/*",
		`{"jane@example.com":{"b":"4111111111111111"}}`:   "/*/b",
		`{"b":"4111111111111111","a":"4111111111111111"}`: "/a",
		`{"a":"\u0034111111111111111"}`:                   "/a",
		`{"a":"4111\u00a01111\t1111\u20101111"}`:          "/a",
		`{"a":"{\"card\":\"4111111111111111\"}"}`:         "/a",
	} {
		require.True(t, cardnumber.PossibleIn([]byte(text)), text)
		got, found := cardnumber.Within(decoded(t, text), nil)
		require.True(t, found, text)
		require.Equal(t, pointer, got, text)
	}
	for _, text := range []string{`{}`, `null`, `{"a":[4111,1111,1111,1111]}`, `{"a":"4111","b":"111111111111"}`, `{"a":4111111111111112}`,
		`{"a":4.111111111111111E+99}`, `{"a":4.111111111111111E-15}`, `{"Zo\u00eb":"\"x\\"}`} {
		_, found := cardnumber.Within(decoded(t, text), nil)
		require.False(t, found, text)
	}
}

func TestNumbersAreToleratedWhereTheyAreNoCards(t *testing.T) {
	t.Parallel()
	tolerance, err := cardnumber.Tolerate(map[string]int{"/phone": 15, "/addresses/*/phone": 15, "/payments/*/token": cardnumber.Longest, "/a~1b": 13})
	require.NoError(t, err)
	for text, found := range map[string]bool{
		`{"phone":"4222222222222"}`:                                        false,
		`{"phone":"4111111111111111"}`:                                     true, // no phone number has so many digits
		`{"phone":"4222222222222, 4111 1111 1111 1111"}`:                   true,
		`{"fax":"4222222222222"}`:                                          true,
		`{"addresses":[{"phone":4222222222222}]}`:                          false,
		`{"addresses":{"home":{"phone":"4222222222222"}}}`:                 false,
		`{"payments":[{"token":"4111111111111111"}]}`:                      false,
		`{"payments":[{"token":{"Last":[{"value":"4111111111111111"}]}}]}`: false,
		`{"payments":[{"token":{"4111111111111111":1}}]}`:                  true, // a name is no place
		`{"payments":[{"tokens":"4111111111111111"}]}`:                     true,
		`{"a/b":"4222222222222"}`:                                          false,
	} {
		_, got := cardnumber.Within(decoded(t, text), tolerance)
		require.Equal(t, found, got, text)
	}
	for _, wrong := range []map[string]int{{"phone": 15}, {"/phone": 12}, {"/phone": 20}} {
		_, err := cardnumber.Tolerate(wrong)
		require.Error(t, err)
	}
}

// What the quick look lets pass, the slow one must not find.
func FuzzNothingIsFoundThatIsNotPossible(f *testing.F) {
	for _, s := range []string{"4111 1111 1111 1111", "4111\u00a01111\u202f11111111", `{"a":"\u0034111111111111111","b":[4111111111111111.0]}`, `"4111\t1111\u30001111\ufeff1111"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, found := cardnumber.Next(s, 0)
		if found && (!cardnumber.Possible(s) || m.From < 0 || m.To > len(s) || m.To-m.From < m.Digits) {
			t.Fatalf("%q: %+v", s, m)
		}
		var doc any
		d := json.NewDecoder(bytes.NewReader([]byte(s)))
		d.UseNumber()
		if d.Decode(&doc) != nil {
			return
		}
		if pointer, found := cardnumber.Within(doc, nil); found && (!cardnumber.PossibleIn([]byte(s)) || cardnumber.In(pointer)) {
			t.Fatalf("%q at %q", s, pointer)
		}
	})
}

const customer = `{"id":"C-20771","email":"ana.lima@contoso.example","firstName":"Ana","lastName":"Lima","phone":"+14255550100","language":"en-us",` +
	`"addresses":[{"purpose":"home","street":"1 Harbour Street","streetNumber":"7b","city":"Redmond","district":"Old Town","state":"WA","zip":"98052",` +
	`"country":"USA","phone":"+14255550101","primary":true},{"purpose":"invoice","name":"Office","street":"2200 Northeast Boulevard","city":"Bellevue","state":"WA",` +
	`"zip":"98004","country":"USA"},{"purpose":"delivery","name":"Warehouse","street":"15 Long Wharf Road","city":"Everett","state":"WA","zip":"98201","country":"USA"}]}`

func TestAnEventWithoutManyDigitsCostsNoAllocation(t *testing.T) {
	body := []byte(customer)
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = cardnumber.PossibleIn(body) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = cardnumber.Next("pay 42 with 4111 1111 1111 1111 now", 0) }))
	require.False(t, cardnumber.PossibleIn(body))
}

func BenchmarkPossibleIn(b *testing.B) {
	for name, text := range map[string]string{
		"600 bytes": customer, "600 bytes with escapes": strings.ReplaceAll(customer, "a", `\u00e4`),
		"digits all over": fmt.Sprintf(`{"at":"%s"}`, strings.Repeat("12345 67890 1x ", 40)),
	} {
		b.Run(name, func(b *testing.B) {
			body := []byte(text)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				cardnumber.PossibleIn(body)
			}
		})
	}
	b.Run("a card", func(b *testing.B) {
		doc := decoded(b, strings.Replace(customer, "+14255550101", "4111 1111 1111 1111", 1))
		b.ReportAllocs()
		for b.Loop() {
			cardnumber.Within(doc, nil)
		}
	})
}
