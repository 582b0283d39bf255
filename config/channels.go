package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/orchestration"
)

var (
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	language = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
)

// channelRow is orchestration.Channel with its keys: the compiler holds one against the other.
type channelRow struct {
	Name        string   `key:"name" required:"true" unique:"true" help:"what events call it in signalboxchannel"`
	Sources     []string `key:"sources" help:"CloudEvents sources whose events take this row when they name none; a source in one row only"`
	CSU         string   `key:"csu" help:"which CSU; when absent the only one, csu.name"`
	OUN         string   `key:"oun" required:"true" help:"the operating unit number, such as 052, sent with every call"`
	LegalEntity string   `key:"legal_entity" required:"true" help:"the legal entity, such as usrt"`
	Currency    string   `key:"currency" help:"ISO 4217, such as EUR"`
	Language    string   `key:"language" help:"locale of new customers, such as en-us"`
	Group       string   `key:"customer_group" help:"group of new customers; when absent the CSU's own"`
	Sinks       []string `key:"sinks" help:"names of the sinks, rows of the sink table, that are told how events ended"`

	Stores          []string `key:"stores" help:"pairs such as shop-7=HOUSTON: what sources call a store, and its number in headquarters; when absent, sources use headquarters' numbers"`
	DeliveryModes   []string `key:"delivery_modes" help:"pairs such as standard=99: the same of modes of delivery"`
	ServiceAccounts []string `key:"service_accounts" help:"service account ids of the payment connectors that headquarters has for the channel; an order with a card of another is refused"`

	OrderMode      string `key:"order_mode" help:"how orders are placed: upload, as finished orders with the source's amounts, or cart, as carts that the CSU prices and checks out; when absent upload"`
	CheckPrices    bool   `key:"check_prices" help:"refuse an order that is uploaded unless the CSU prices its lines alike; a cart is compared in any case"`
	PriceTolerance string `key:"price_tolerance" help:"by how much an amount may differ from what the CSU makes it, such as 0.02; when absent not at all"`
}

var _ = orchestration.Channel(channelRow{})

var channelTable = table{
	row: reflect.TypeFor[channelRow](), one: "channel", example: `{"name":"web","oun":"052","legal_entity":"usrt"}`,
	begin: func(c *Config) any { return channelRow{CSU: c.CSU.Name} }, // rows that name no CSU belong to the only one there is
	check: checkChannels,
}

// checkChannels judges the table row by row: each source in one row, each field possible.
func checkChannels(c *Config, r rows) {
	rowOf := map[string]string{}
	for i, row := range c.Channels {
		for _, f := range []struct {
			column string
			ok     bool
			want   string
		}{
			{"name", row.Name == "" || plainName.MatchString(row.Name), "letters, digits, dots and dashes, at most 63"},
			{"csu", row.CSU == c.CSU.Name || !r.know("csu.name"), "the name of a configured CSU: " + c.CSU.Name},
			{"currency", row.Currency == "" || currency.MatchString(row.Currency), "an ISO 4217 code, such as EUR"},
			{"language", row.Language == "" || language.MatchString(row.Language), "a locale, such as en-us"},
			{"sources", !slices.Contains(row.Sources, ""), "sources that are not empty"},
			{"sinks", !slices.Contains(row.Sinks, ""), "names that are not empty"},
			{"stores", arePairs(row.Stores), "pairs such as shop-7=HOUSTON, each left side once"},
			{"delivery_modes", arePairs(row.DeliveryModes), "pairs such as standard=99, each left side once"},
			{"order_mode", slices.Contains([]string{"", orchestration.OrderUpload, orchestration.OrderCart}, row.OrderMode), "upload or cart"},
			{"price_tolerance", isAmount(row.PriceTolerance), "an amount that is not negative, such as 0.02, in quotes"},
			{"service_accounts", !slices.Contains(row.ServiceAccounts, ""), "ids that are not empty"},
		} {
			if !f.ok {
				r.report(i, f.column, "cannot be", "set it to "+f.want)
			}
		}
		for _, s := range row.Sources {
			if other, taken := rowOf[s]; taken {
				r.report(i, "sources", show(s)+" is in row "+show(other)+" too", "leave it in one, so that its events have one channel")
			}
			rowOf[s] = row.Name
		}
	}
}

// isAmount says whether a text is a decimal number that is not negative, or nothing.
func isAmount(text string) bool {
	d, err := decimal.NewFromString(text)
	return text == "" || err == nil && !d.IsNegative()
}

// arePairs says whether every entry is from=to, and no from is there twice.
func arePairs(entries []string) bool {
	seen := map[string]bool{}
	for _, e := range entries {
		from, to, both := strings.Cut(e, "=")
		if !both || from == "" || to == "" || seen[from] {
			return false
		}
		seen[from] = true
	}
	return true
}

// unique says whether every entry is there once, and none is empty.
