package local

import (
	"encoding/json"

	"github.com/signalbox/signalbox/test/sim/csu"
)

// catalogue is what the shop sells. Few products are enough to see what an export tells, and do not keep anybody waiting.
func catalogue() []csu.Product {
	all := csu.MakeProducts(12)
	for i, p := range []struct {
		name  string
		price json.Number
	}{
		{"Contoso Bread, 500 g", "2.49"}, {"Contoso Butter, 250 g", "3.29"}, {"Contoso Milk, 1 l", "1.19"}, {"Contoso Honey, 350 g", "5.95"},
		{"Contoso Coffee, 500 g", "8.99"}, {"Contoso Tea, 20 bags", "3.49"}, {"Contoso Apple Juice, 1 l", "2.29"}, {"Contoso Mug", "9.90"},
		{"Contoso Bread Knife", "24.00"}, {"Contoso Apron", "19.50"}, {"Contoso Tea Towel", "6.75"}, {"Contoso Gift Basket", "49.00"},
	} {
		all[i].Name, all[i].Price = p.name, p.price
	}
	return all
}
